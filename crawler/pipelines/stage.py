"""Writes every fetched image and every rejection to the crawl's journal."""

from __future__ import annotations

from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler

from crawler import stats
from crawler.exceptions import STOPPED, Rejected
from crawler.items import ApparelItem
from crawler.journal import CrawlJournal


class StagePipeline:
    """Keeps the journal. Duplicates are journalled too: publishing decides on them.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StagePipeline:
        """Build, and listen for items that are dropped on the way."""
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
        if not isinstance(exception, Rejected) or exception.reason == STOPPED:
            return
        try:
            self.journal.add_rejection(
                item.rejection(exception.reason, exception.detail, failed=exception.failed)
            )
        except OSError as error:
            spider: Any = self.crawler.spider
            spider.cannot_write(error)
            return
        collector: Any = self.crawler.stats
        collector.inc_value(stats.reason_name(exception.reason))
        stats.increase(collector, item.label, stats.REJECTED)
        if exception.failed:
            stats.increase(collector, item.label, stats.FAILED_IMAGES)
        elif exception.reason.startswith("http_"):
            stats.increase(collector, item.label, stats.MISSING_IMAGES)
