"""What happens around a crawl: its pace, progress while it runs, a version when it is over."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.utils.log import get_scrapy_root_handler
from tqdm import tqdm

from apparel_clf._allocator import give_back
from apparel_clf._printable import printable_lines
from apparel_clf.dataset import Version, publish
from apparel_clf.errors import ApparelError
from crawler import stats, summary
from crawler.config import config_of
from crawler.handler import end_browser
from crawler.items import ApparelItem
from crawler.requests import KIND
from crawler.terminal import say

_SECONDS_BETWEEN_LINES = 10.0
# Everything that the line of text has, and the bar in what is left of the terminal's width.
_BAR = "{desc}: {n_fmt}/{total_fmt}{postfix}, {rate_noinv_fmt}, {remaining} left |{bar}|"
_SHORT = {
    stats.PAGES: "pages",
    stats.DUPLICATES: "dup",
    stats.REJECTED: "rej",
    stats.BLOCKS: "blk",
}
# Letters of a class's name, so that what counts is seen on 80 columns.
_LONGEST_NAME = 12


class PrintableLog(logging.Filter):
    """Spells out control characters in the log: what is logged of pages was written by strangers.

    Example:
        >>> logging.getLogger().handlers[0].addFilter(PrintableLog())
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PrintableLog:
        """Begin with the crawl: only then Scrapy writes where it will write to the end."""
        watching = cls()
        crawler.signals.connect(watching.opened, signals.spider_opened)
        return watching

    def opened(self) -> None:
        """Watch over what Scrapy writes its log to, if it writes one."""
        handler = get_scrapy_root_handler()
        if handler is not None:
            handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Make a message and its traceback fit for a terminal."""
        with suppress(TypeError, ValueError):  # badly made: the handler says so better
            record.msg, record.args = printable_lines(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            told = logging.Formatter().formatException(record.exc_info)
            record.exc_text = printable_lines(told)
        return True


class Throttle(AutoThrottle):
    """Scrapy's AutoThrottle, with a pace of their own for images.

    Images come from a content network in the way in which browsers ask for them, several at a
    time; search pages are made for each request and are asked for sparingly.

    Args:
        crawler: the running crawler; ``IMAGE_TARGET_CONCURRENCY`` is read besides Scrapy's own
            settings.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._for_pages = self.target_concurrency
        self._for_images = crawler.settings.getfloat("IMAGE_TARGET_CONCURRENCY")

    def _response_downloaded(self, response: Response, request: Any, spider: Spider) -> None:
        is_image = request.meta.get(KIND) == "image"
        self.target_concurrency = self._for_images if is_image else self._for_pages
        super()._response_downloaded(response, request, spider)


class ProgressBars:
    """A line for each class: unique images of those wanted, pages, duplicates, rejections, blocks.

    Bars on a terminal; elsewhere a line of text now and then, so that a log stays readable.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._stats: Any = crawler.stats
        self._bars: dict[str, tqdm[Any]] = {}
        self._wanted = 0
        self._began = self._said_at = time.monotonic()
        self._said: dict[str, str] = {}
        self._before: Counter[str] = Counter()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ProgressBars:
        """Connect to the signals that move the bars."""
        config_of(crawler)
        bars = cls(crawler)
        crawler.signals.connect(bars.opened, signals.spider_opened)
        crawler.signals.connect(bars.accepted, signals.item_scraped)
        crawler.signals.connect(bars.moved, signals.item_dropped)
        crawler.signals.connect(bars.closed, signals.spider_closed)
        return bars

    def opened(self, spider: Any) -> None:
        """Draw a bar for each class."""
        self._wanted = spider.config.per_class
        self._said = {wanted.label: "" for wanted in spider.config.classes}
        # Some terminals, such as a recorder's, have no width to draw a bar in.
        if sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns:
            for place, label in enumerate(self._said):
                self._bars[label] = tqdm(
                    total=self._wanted,
                    desc=_shortened(label),
                    unit="",
                    bar_format=_BAR,
                    position=place,
                    dynamic_ncols=True,
                    smoothing=0,  # as the lines have it; what comes from a journal comes in bursts
                )

    def accepted(self, item: ApparelItem, spider: Any) -> None:
        """Move a class's bar; the pace is that of what was not there before this run."""
        if spider.journal.image(item.place) is not None:
            self._before[item.label] += 1
        self.moved(item)

    def moved(self, item: ApparelItem) -> None:
        """Move a class's bar, or say where all classes are."""
        if item.label in self._bars:
            self._draw(item.label)
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._say_all()

    def closed(self) -> None:
        """Leave the bars, or the last lines, as they are at the end."""
        for label, bar in self._bars.items():
            self._draw(label)
            bar.close()
        if not self._bars:
            self._say_all()

    def _draw(self, label: str) -> None:
        bar = self._bars[label]
        counts = summary.counts(self._stats, label)
        bar.set_postfix_str(_told(counts), refresh=False)
        bar.initial = min(self._before[label], self._wanted)
        # The last page may hold more than were wanted.
        bar.update(min(counts[stats.ACCEPTED], self._wanted) - bar.n)

    def _say_all(self) -> None:
        self._said_at = time.monotonic()
        for label, before in self._said.items():
            counts = summary.counts(self._stats, label)
            seconds = self._said_at - self._began
            line = summary.progress_line(
                label, counts, self._wanted, seconds, before=self._before[label]
            )
            if any(counts.values()) and str(counts) != before:
                self._said[label] = str(counts)
                say(line)


def _told(counts: Mapping[str, int]) -> str:
    return " ".join(f"{short} {counts[name]}" for name, short in _SHORT.items())


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1]}…"


class PublishOnClose:
    """Publishes the next version when a crawl has come to its end by itself.

    A crawl that was interrupted or blocked keeps its journal, and the same command goes on with
    it. Either way ``crawl.json`` beside the versions tells what happened.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PublishOnClose:
        """Connect to the end of the crawl; by then every image is in the journal."""
        config_of(crawler)
        extension = cls(crawler)
        crawler.signals.connect(extension.closed, signals.spider_closed)
        return extension

    async def closed(self, spider: Spider, reason: str) -> None:
        """Publish and sum up, off the reactor's thread."""
        collecting: Any = spider
        journal = getattr(collecting, "journal", None)
        if journal is None:
            return
        finished = reason == "finished" and not collecting.problem
        found = self._found_any(collecting)
        if finished and not found:
            collecting.problem = summary.no_images(collecting)
        try:
            if finished and not summary.is_unfinished(self.crawler.stats, collecting):
                journal.end(published=found)
            journal.close()
            await end_browser(self.crawler)
            give_back()  # publishing takes as much as the crawl did
            if finished and found:
                collecting.version = await asyncio.to_thread(_publish, collecting)
            if journal.began:
                await asyncio.to_thread(summary.write, collecting, reason)
        except (ApparelError, OSError) as error:
            collecting.problem = collecting.problem or str(error)

    def _found_any(self, spider: Any) -> bool:
        collector: Any = self.crawler.stats
        labels = (wanted.label for wanted in spider.config.classes)
        return any(stats.count(collector, label, stats.ACCEPTED) for label in labels)


def _publish(spider: Any) -> Version:
    return publish(spider.config.dataset_folder)
