"""Writes every fetched image and every rejection to the crawl's journal."""

from __future__ import annotations

import secrets
import time
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler

from apparel_clf.dataset import JournalWriter, Staging
from crawler import stats
from crawler.exceptions import Rejected
from crawler.items import ApparelItem


class StagePipeline:
    """Keeps the journal of one crawl. Duplicates are journalled too: publishing decides on them.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.config = crawler.spider.config  # type: ignore[union-attr]
        self._journal: JournalWriter | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StagePipeline:
        """Build, and listen for items that are dropped on the way."""
        pipeline = cls(crawler)
        crawler.signals.connect(pipeline.item_dropped, signals.item_dropped)
        return pipeline

    @property
    def journal(self) -> JournalWriter:
        """The journal, begun when there is a first line for it."""
        if self._journal is None:
            folder = Staging(self.config.dataset_folder).journals_folder
            self._journal = JournalWriter(
                folder / f"{_journal_name()}.jsonl", per_class=self.config.per_class
            )
        return self._journal

    def process_item(self, item: ApparelItem) -> ApparelItem:
        """Journal an image."""
        if item.signature is not None:
            self.journal.image(item.record(item.signature))
        return item

    def item_dropped(self, item: ApparelItem, exception: BaseException) -> None:
        """Journal and count a rejection."""
        if isinstance(exception, Rejected):
            self.journal.rejection(item.rejection(exception.reason, exception.detail))
            collector: Any = self.crawler.stats
            collector.inc_value(stats.reason_name(exception.reason))
            stats.increase(collector, item.label, stats.REJECTED)
            if exception.failed:
                stats.increase(collector, item.label, stats.FAILED_IMAGES)

    def close_spider(self) -> None:
        """Close the journal; publishing reads it after this."""
        if self._journal is not None:
            self._journal.close()


def _journal_name() -> str:
    """A name that no other crawl takes; publishing does not look at it."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
