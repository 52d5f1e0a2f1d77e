"""What happens around a crawl: progress while it runs, a version when it is over."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Any

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from tqdm import tqdm

from apparel_clf.dataset import Version, publish
from apparel_clf.errors import ApparelError
from crawler import stats
from crawler.items import ApparelItem

_ACCEPTED_STEP = 50


class ProgressBars:
    """One line for each class: unique images so far, of those wanted.

    Bars on a terminal; elsewhere a line of text now and then, so that a log stays readable.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._bars: dict[str, tqdm[Any]] = {}
        self._numbers: Counter[str] = Counter()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ProgressBars:
        """Connect to the signals that move the bars."""
        if not hasattr(crawler.spider, "config"):
            raise NotConfigured("only for spiders that collect classes")
        bars = cls(crawler)
        crawler.signals.connect(bars.opened, signals.spider_opened)
        crawler.signals.connect(bars.accepted, signals.item_scraped)
        crawler.signals.connect(bars.closed, signals.spider_closed)
        return bars

    def opened(self, spider: Any) -> None:
        """Draw a bar for each class."""
        if not sys.stderr.isatty():
            return
        for place, wanted in enumerate(spider.config.classes):
            self._bars[wanted.label] = tqdm(
                total=spider.config.per_class, desc=wanted.label, unit="img", position=place
            )

    def accepted(self, item: ApparelItem) -> None:
        """Move a class's bar."""
        if item.label in self._bars:
            bar = self._bars[item.label]
            if bar.total and bar.n < bar.total:  # the last page may hold more than were wanted
                bar.update()
            return
        self._numbers[item.label] += 1
        if self._numbers[item.label] % _ACCEPTED_STEP == 0:
            sys.stderr.write(f"{item.label}: {self._numbers[item.label]} unique images\n")

    def closed(self) -> None:
        """Leave the bars as they are."""
        for bar in self._bars.values():
            bar.close()


class PublishOnClose:
    """Publishes the next version when a crawl has come to its end by itself.

    A crawl that was interrupted keeps its journal and is published with the next one.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PublishOnClose:
        """Connect to the end of the crawl; by then the journal is closed."""
        if not hasattr(crawler.spider, "config"):
            raise NotConfigured("only for spiders that collect classes")
        extension = cls(crawler)
        crawler.signals.connect(extension.closed, signals.spider_closed)
        return extension

    async def closed(self, spider: Spider, reason: str) -> None:
        """Publish, off the reactor's thread."""
        collecting: Any = spider
        if reason != "finished" or collecting.problem:
            return
        if not self._accepted_any(collecting):
            collecting.problem = no_images(collecting, self.crawler.stats)
            return
        try:
            collecting.version = await asyncio.to_thread(_publish, collecting)
        except ApparelError as error:
            collecting.problem = str(error)

    def _accepted_any(self, spider: Any) -> bool:
        collector: Any = self.crawler.stats
        labels = (wanted.label for wanted in spider.config.classes)
        return any(stats.count(collector, label, stats.ACCEPTED) for label in labels)


def _publish(spider: Any) -> Version:
    return publish(spider.config.dataset_folder)


def no_images(spider: Any, collector: Any) -> str:
    """Say why a crawl ended without an image, as far as the stats tell."""
    values = collector.get_stats()
    agent = spider.crawler.settings["USER_AGENT"]
    if values.get("robotstxt/forbidden") and not values.get("apparel/rejected/download_failed"):
        return (
            f"{spider.config.base_url}: its robots.txt refuses its search pages to '{agent}', and "
            "it is obeyed. Nothing was fetched"
        )
    why = [
        f"{name.rsplit('/', 1)[1]} {number}"
        for name, number in sorted(values.items())
        if name.startswith(("apparel/blocked/", "apparel/rejected/"))
    ]
    hint = ""
    if any(name in values for name in ("apparel/blocked/captcha", "apparel/blocked/interstitial")):
        hint = ". The shop asks for a CAPTCHA, which is never answered; try again much later"
    return (
        f"{spider.config.base_url}: no image was accepted ({', '.join(why) or 'no results'})"
        f"{hint}. See more with -L INFO"
    )
