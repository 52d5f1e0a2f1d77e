"""What a person sees while a crawl runs: lines in a log, bars on a terminal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector

from apparel_clf.images import sign
from crawler import extensions, stats, summary
from crawler.classes import WantedClass
from crawler.config import CrawlConfig
from crawler.extensions import ProgressBars
from crawler.items import ApparelItem
from crawler.journal import CrawlJournal

SO_FAR = {"pages": 4, "accepted": 150, "duplicates": 22, "rejected": 31, "blocks": 0}
TOLD = "(pages 4, duplicates 22, rejected 31, blocks 0)"


@pytest.mark.parametrize(
    ("changes", "wanted", "seconds", "before", "expected"),
    [
        ({}, 300, 40.0, 0, f"150 of 300 images {TOLD}, 3.8/s, 40 s left"),
        ({}, 300, 40.0, 110, f"150 of 300 images {TOLD}, 1.0/s, 150 s left"),
        ({}, 300, 40.0, 150, f"150 of 300 images {TOLD}"),
        ({}, 150, 40.0, 0, f"150 of 150 images {TOLD}, 3.8/s"),
        ({}, 100, 40.0, 20, f"100 of 100 images {TOLD}, 2.0/s"),
        ({}, 300, 0.0, 0, f"150 of 300 images {TOLD}"),
        ({"accepted": 0}, 300, 40.0, 0, f"0 of 300 images {TOLD}"),
    ],
)
def test_a_line_says_where_a_class_is(changes, wanted, seconds, before, expected):
    line = summary.progress_line("jeans", SO_FAR | changes, wanted, seconds, before)
    assert line == f"jeans: {expected}"


@pytest.fixture
def config(tmp_path):
    return CrawlConfig(
        base_url="https://www.amazon.com",
        classes=(WantedClass("jeans", ("jeans",)),),
        dataset="x",
        datasets_folder=Path(tmp_path),
        pages=3,
        per_class=5,
        contact="",
        is_marketplace=True,
    )


def item(config, number):
    return ApparelItem("jeans", "jeans", config.source, "u", 1, number, f"B{number}", "Jeans", "x")


@pytest.fixture
def resumed(config, jpeg):
    """A crawl that goes on where another had stored its first image."""
    journal, data = CrawlJournal(config), jpeg(1)
    journal._staging.objects.put(data)
    journal.add_image(item(config, 1).record(sign(data)))
    journal.close()
    return SimpleNamespace(config=config, journal=CrawlJournal(config))


def accept_three(spider):
    """Let three images be accepted, the first of them from the journal."""
    collector = MemoryStatsCollector(SimpleNamespace(settings=Settings()))
    bars = ProgressBars(SimpleNamespace(stats=collector))
    bars.opened(spider)
    for number in (1, 2, 3):
        stats.increase(collector, "jeans", stats.ACCEPTED)
        bars.accepted(item(spider.config, number), spider)
    return bars


def test_what_was_there_before_says_nothing_of_the_pace(resumed, monkeypatch, capsys):
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=100.0)
    monkeypatch.setattr(extensions, "time", clock)
    bars = accept_three(resumed)
    clock.now += 10.0
    bars.closed()
    told = "(pages 0, duplicates 0, rejected 0, blocks 0)"
    assert capsys.readouterr().err == f"jeans: 3 of 5 images {told}, 0.2/s, 10 s left\n"


def test_bars_begin_where_an_interrupted_crawl_was(resumed, monkeypatch):
    ours, theirs = os.openpty()
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((200, 50)))
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        bars = accept_three(resumed)
        (bar,) = bars._bars.values()
        assert (bar.initial, bar.n, bar.total) == (1, 3, 5)
        bars.closed()
    # Two images in ten seconds, two more to come.
    assert "<00:10,  5.00s/img" in bar.format_meter(**(bar.format_dict | {"elapsed": 10.0}))


@pytest.mark.browser
def test_a_terminal_shows_bars_and_a_log_shows_lines(crawl):
    told = "pages 2, duplicates 0, rejected 0, blocks 0"
    run = crawl(labels=["hats"], per_class=10, terminal=True)
    assert run.code == 0, run.err
    assert re.search(rf"hats: 100%\|[█#]+\| 10/10 \[.*img.*, {told}\]", run.err)
    assert "10 of 10 images" not in run.err
