"""``apparel-clf review`` as a user types it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from apparel_clf._review_commands import _ended
from apparel_clf.cli import main
from apparel_clf.dataset import read_decisions


@pytest.fixture
def run(dataset, named):
    """Start the command; yield the process, the page's address and the token."""
    command = [sys.executable, "-m", "apparel_clf.cli", "review", str(dataset), "--no-browser"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--json", "--who", "Ada"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        line = process.stderr.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+)/#(\S+)", line)
        assert found, line + process.stderr.read()
        yield process, found[1], found[2]
    finally:
        process.kill()
        process.communicate()


def decide(address, token, body):
    headers = {"X-Review-Token": token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/decide", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def test_it_serves_until_interrupted_and_says_what_was_decided(run, named, dataset):
    process, address, token = run
    decide(address, token, {"images": [named["wrong"]], "action": "reject"})
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=120)
    answer = json.loads(out)
    assert (answer["version"], answer["decisions"]) == ("demo/v1", 1)
    assert answer["pending"] == {"reject": 1}
    assert process.returncode == 0
    assert "Traceback" not in error
    assert read_decisions(dataset)[0].who == "Ada"


def test_a_crash_loses_no_decision(run, named, dataset):
    process, address, token = run
    for name in ("wrong", "one"):
        decide(address, token, {"images": [named[name]], "action": "reject"})
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=120)
    assert [d.signature.sha256 for d in read_decisions(dataset)] == [named["wrong"], named["one"]]


def test_a_dataset_without_a_version_is_told_to_be_crawled(tmp_path, capsys):
    (tmp_path / "demo" / "journals").mkdir(parents=True)
    assert main(["review", str(tmp_path / "demo")]) == 1
    assert "holds no version yet" in capsys.readouterr().err


def test_a_plain_folder_is_told_to_be_imported_first(tmp_path, jpeg, capsys):
    (tmp_path / "photos" / "jeans").mkdir(parents=True)
    (tmp_path / "photos" / "jeans" / "1.jpg").write_bytes(jpeg())
    assert main(["review", str(tmp_path / "photos"), "--no-browser"]) == 1
    assert "apparel-clf dataset import" in capsys.readouterr().err


def test_what_is_not_there_is_told_before_a_model_is_loaded(tmp_path, capsys):
    assert main(["review", str(tmp_path / "none"), "--model", "none.keras"]) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("made", "told"), [(0, "0 decisions"), (1, "1 decision"), (2, "2 decisions")]
)
def test_decisions_are_counted_in_plain_words(review, made, told):
    assert _ended(review, made).text.startswith(f"{told} written to ")
