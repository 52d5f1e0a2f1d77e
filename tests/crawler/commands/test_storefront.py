"""`scrapy storefront` as a person runs it: a process that opens the shop and ends cleanly."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[3]
# Bounds a hang, and nothing else.
SECONDS = 300


@pytest.fixture
def project(tmp_path):
    """A Scrapy project with nothing but this project's commands."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = tiny_settings\n")
    (folder / "tiny_settings.py").write_text('COMMANDS_MODULE = "crawler.commands"\n')
    return folder


@pytest.fixture
def photos(tmp_path):
    for label in ("jeans", "saree"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for index in range(7):
            path = tmp_path / "photos" / label / f"{index}.jpg"
            Image.new("RGB", (30, 40), (index * 30, 80, 90)).save(path)
    return tmp_path / "photos"


def environment(project):
    paths = [str(REPOSITORY), str(project), os.environ.get("PYTHONPATH", "")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPY")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def command(*options):
    return [sys.executable, "-m", "scrapy", "storefront", *options]


def run(project, *options):
    return subprocess.run(
        command(*options),
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def hear_ctrl_c():
    """What a shell starts in the background ignores Ctrl-C, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def running(project, *options):
    process = subprocess.Popen(
        command(*options),
        cwd=project,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="signals differ there")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_opens_says_where_and_closes_when_told(project, photos, ending):
    with running(project, "--catalogue", str(photos), "--port", "0", "--per-class", "6") as shop:
        lines = [shop.stdout.readline() for _ in range(5)]
        url = re.search(r"http://127\.0\.0\.1:\d+", lines[0])[0]
        assert "14 products in 2 classes: jeans, saree" in lines[1]
        words = lines[2].split(": ", 1)[1].split()
        assert words[:3] == ["scrapy", "crawl", "amazon_apparel"]
        assert words[3:] == [
            *("-s", "CLASSES_FILE=YOUR.toml"),
            *("-a", "dataset=rehearsal"),
            *("-a", f"base_url={url}"),
        ]
        assert lines[3] == "Its classes file must search for: jeans, saree\n"
        with urllib.request.urlopen(url + "/s?k=jeans", timeout=SECONDS) as reply:
            assert reply.status == 200
        shop.send_signal(ending)
        out, err = shop.communicate(timeout=SECONDS)
    assert shop.returncode == 0
    assert "closed" in out
    assert "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="signals differ there")
def test_the_drawn_shop_is_crawled_with_the_projects_own_classes(project):
    with running(project, "--port", "0", "--per-class", "2") as shop:
        lines = [shop.stdout.readline() for _ in range(4)]
        shop.send_signal(signal.SIGINT)
        shop.communicate(timeout=SECONDS)
    url = re.search(r"http://127\.0\.0\.1:\d+", lines[0])[0]
    assert lines[2].endswith(f": scrapy crawl amazon_apparel -a base_url={url}\n")
    assert lines[3] == "Ctrl-C closes it.\n"


def test_a_taken_port_is_one_line(project, photos):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run(project, "--catalogue", str(photos), "--port", str(port))

    told = f"error: port {port} is taken: choose another with --port, or 0 for any\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--catalogue", "nowhere"], "nowhere: no such folder of photos"),
        (["--per-class", "0"], "per_class"),
        (["--port", "99999"], "expected a number from 0 to 65535): choose another"),
        (["--page-delay", "-1"], "page_delay"),
        (["jeans"], "options only"),
    ],
)
def test_wrong_options_end_with_a_message_and_status_2(project, photos, options, words):
    if "--catalogue" not in options and "--per-class" not in options:
        options = ["--catalogue", str(photos), *options]
    done = run(project, *options)

    assert done.returncode == 2
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_the_options(project):
    done = run(project, "--help")

    assert done.returncode == 0
    for option in ("--catalogue", "--port", "--seed", "--per-class", "--page-delay"):
        assert option in done.stdout
