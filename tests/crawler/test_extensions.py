"""What a person sees while a crawl runs: lines in a log, bars on a terminal."""

from __future__ import annotations

import logging
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector
from tqdm import tqdm

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
    told = bar.format_meter(**(bar.format_dict | {"elapsed": 10.0}))
    assert ",  0.20/s, 00:10 left |" in told


@pytest.mark.parametrize("label", ["jeans", "a" * 64])
def test_a_narrow_terminal_shows_all_that_counts(label):
    """Of a class with a long name, too, and of a crawl of thousands."""
    so_far = {"pages": 100, "accepted": 1500, "duplicates": 220, "rejected": 3100, "blocks": 12}
    told = extensions._told(so_far)
    line = tqdm.format_meter(
        1500, 3000, 600.0, ncols=80, prefix=extensions._shortened(label), unit="", postfix=told,
        bar_format=extensions._BAR,
    )  # fmt: skip
    assert len(line) <= 80
    shown = "jeans" if label == "jeans" else "a" * 11 + "…"
    counted = "1500/3000, pages 100 dup 220 rej 3100 blk 12,  2.50/s, 10:00 left"
    assert line.startswith(f"{shown}: {counted}")


def test_the_log_spells_out_what_a_page_could_hold():
    watching = extensions.PrintableLog()
    record = logging.makeLogRecord({"msg": "Dropped: %s\n%s", "args": ("\x1b[31m\u202ered", "{}")})
    assert watching.filter(record)
    assert record.getMessage() == "Dropped: \\x1b[31m\\u202ered\n{}"
    try:
        raise ValueError("\x9b31m")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    watching.filter(record)
    told = logging.Formatter().format(record).splitlines()
    assert (told[0], told[-1]) == ("failed", "ValueError: \\x9b31m")


def test_a_message_that_is_badly_made_passes():
    record = logging.makeLogRecord({"msg": "%d", "args": ("x",)})
    assert extensions.PrintableLog().filter(record)


@pytest.mark.parametrize("label", ["jeans", "j" * 64])
def test_the_closing_table_is_as_wide_as_its_longest_class(config, label):
    config = replace(config, classes=(WantedClass("caps", ("c",)), WantedClass(label, ("jeans",))))
    collector = MemoryStatsCollector(SimpleNamespace(settings=Settings()))
    stats.increase(collector, label, stats.PAGES)
    head, _, line = summary.closing_table(collector, config).splitlines()
    assert len(line) == len(head)
    assert head.index("pages") + len("pages") == line.index("1") + 1


@pytest.mark.browser
def test_a_terminal_shows_bars_and_a_log_shows_lines(crawl):
    run = crawl(labels=["hats"], per_class=10, terminal=80)
    assert run.code == 0, run.err
    counted = r"10/10, pages 2 dup 0 rej 0 blk 0, +\d+\.\d\d/s, 00:00 left"
    assert re.search(rf"^hats: {counted} \|[█#]+\|$", run.err, re.MULTILINE)
    assert "10 of 10 images" not in run.err
    assert max(map(len, run.err.splitlines())) <= 80
