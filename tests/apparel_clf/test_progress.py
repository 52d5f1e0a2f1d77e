"""Bars and lines: a bar on a terminal, a line now and then in a log, silence where it is wanted."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest
import tomllib

from apparel_clf import _progress
from apparel_clf._progress import progress

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clock(monkeypatch):
    """A clock that is ten seconds later each time that it is read."""
    now = itertools.count(0, 10)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: float(next(now)))


@pytest.mark.usefixtures("clock")
def test_a_log_gets_a_line_now_and_then(capsys):
    assert list(progress(range(1200), label="train"))[-1] == 1199
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["train: 1 of 1,200", "train: 3 of 1,200"]


@pytest.mark.usefixtures("clock")
def test_without_a_length_the_done_are_counted(capsys):
    assert list(progress(iter("abcd"), label="predict")) == list("abcd")
    assert capsys.readouterr().err.splitlines() == ["predict: 1", "predict: 3"]


@pytest.mark.usefixtures("clock")
def test_silence_where_it_is_wanted(capsys):
    assert list(progress("abcd", label="train", show=False)) == list("abcd")
    assert capsys.readouterr().err == ""


def test_what_is_soon_over_writes_nothing(capsys):
    assert list(progress("abcd", label="train")) == list("abcd")
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("clock")
def test_lines_in_place_of_a_bar_that_is_not_installed(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(progress("abcd", label="verify", show=True)) == list("abcd")
    assert capsys.readouterr().err.splitlines() == ["verify: 1 of 4", "verify: 3 of 4"]


def test_bars_come_with_every_way_to_install():
    """Commands that need no extra draw them, and so does `predict` in each runtime."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert any(need.startswith("tqdm>") for need in project["dependencies"])
