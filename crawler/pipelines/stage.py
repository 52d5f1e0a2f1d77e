"""Writes every fetched image and every rejection to the crawl's journal."""

from __future__ import annotations

from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler

from crawler import stats
from crawler.config import config_of
from crawler.exceptions import STOPPED, Rejected
from crawler.items import ApparelItem
from crawler.journal import CrawlJournal


class StagePipeline:
    """Keeps the journal. Duplicates are journalled too: publishing decides on them.

    An image that is forbidden is journalled when it is known whether that is final: one of a host
    that forbids everything is asked for again when the crawl goes on.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._unjudged: list[tuple[ApparelItem, Rejected]] = []

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StagePipeline:
        """Build, and listen for items that are dropped on the way."""
        config_of(crawler)
        pipeline = cls(crawler)
        crawler.signals.connect(pipeline.item_dropped, signals.item_dropped)
        return pipeline

    @property
    def journal(self) -> CrawlJournal:
        """The crawl's journal."""
        spider: Any = self.crawler.spider
        journal: CrawlJournal = spider.journal
        return journal

    def process_item(self, item: ApparelItem) -> ApparelItem:
        """Journal an image.

        Raises:
            Rejected: the journal cannot be written, so the crawl is being stopped.
        """
        self._judge()
        if item.signature is not None:
            try:
                self.journal.add_image(item.record(item.signature))
            except OSError as error:
                spider: Any = self.crawler.spider
                spider.cannot_write(error)
                raise Rejected(STOPPED) from error
        return item

    def item_dropped(self, item: ApparelItem, exception: BaseException) -> None:
        """Journal and count a rejection."""
        if isinstance(exception, Rejected) and exception.reason != STOPPED:
            self._unjudged.append((item, exception))
        self._judge()

    def close_spider(self) -> None:
        """Journal what nothing came after: a few pictures that are forbidden."""
        self._judge(at_end=True)

    def _judge(self, *, at_end: bool = False) -> None:
        """Note the rejections of which it is known by now whether they are final."""
        unjudged, self._unjudged = self._unjudged, []
        for item, rejected in unjudged:
            run = rejected.forbidden
            if run is None:
                self._note(item, rejected, failed=rejected.failed)
            elif run.is_judged or at_end:
                self._note(item, rejected, failed=run.is_the_hosts)
            else:
                self._unjudged.append((item, rejected))

    def _note(self, item: ApparelItem, rejected: Rejected, *, failed: bool) -> None:
        try:
            self.journal.add_rejection(
                item.rejection(rejected.reason, rejected.detail, failed=failed)
            )
        except OSError as error:
            spider: Any = self.crawler.spider
            spider.cannot_write(error)
            return
        collector: Any = self.crawler.stats
        collector.inc_value(stats.reason_name(rejected.reason))
        stats.increase(collector, item.label, stats.REJECTED)
        if failed:
            stats.increase(collector, item.label, stats.FAILED_IMAGES)
        elif rejected.reason.startswith("http_"):
            stats.increase(collector, item.label, stats.MISSING_IMAGES)
