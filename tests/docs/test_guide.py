"""Shoes in five classes, as the guide says, at a local shop: its own commands, word for word."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import apparel_clf as ac
from tests.docs.blocks import ROOT, blocks_of, commands_of
from tests.docs.commands import run_command
from tests.docs.sandbox import SHOES

GUIDE = "docs/crawling.md"
SECONDS = 240


def commands(word: str) -> list[tuple[str, ...]]:
    """The guide's commands that hold a word."""
    shell = [block for block in blocks_of(GUIDE) if block.language == "sh"]
    return [words for block in shell for words in commands_of(block) if word in words]


def environment() -> dict[str, str]:
    scripts = str(Path(sys.executable).parent)
    path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    return os.environ | {
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "SCRAPY_SETTINGS_MODULE": "crawler.settings",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def storefront(words: tuple[str, ...]):
    """Open the shop as the guide does, but at any free port; gives its address."""
    process = subprocess.Popen(
        [*words, "--port", "0"], env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        first = process.stdout.readline()
        yield re.search(r"http://[\d.]+:\d+", first)[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)


@pytest.mark.browser
def test_shoes_in_five_classes(sandbox):
    (classes,) = (b for b in blocks_of(GUIDE) if b.text.startswith("# shoes.toml"))
    (sandbox / "shoes.toml").write_text(classes.text)
    shutil.rmtree(sandbox / "datasets" / "rehearsal")  # there for guides that are not followed here
    (opening,) = commands("storefront")
    (crawling,) = commands("dataset=rehearsal")
    with storefront(opening) as url:
        words = [f"base_url={url}" if w.startswith("base_url=") else w for w in crawling]
        done = subprocess.run(
            [*words, "-a", "per_class=6"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    assert done.returncode == 0, done.stderr
    version = ac.open_version("datasets/rehearsal/latest")
    assert {row.record.label for row in version.rows} == set(SHOES)
    assert len(version) == 6 * len(SHOES)
    go_on_with_the_rehearsal()


def go_on_with_the_rehearsal() -> None:
    (steps,) = (
        b
        for b in blocks_of(GUIDE)
        if b.text.startswith("apparel-clf dataset stats datasets/rehearsal")
    )
    assert [words[1] for words in commands_of(steps)] == ["dataset", "train", "evaluate", "predict"]
    for words in commands_of(steps):
        assert run_command(words) == "run"
