"""Counts unique images while crawling, so that a class stops when it has enough."""

from __future__ import annotations

from typing import Any

from scrapy.crawler import Crawler

from apparel_clf.dataset import DuplicateIndex, SignatureFile
from crawler import stats
from crawler.config import config_of
from crawler.exceptions import STOPPED, Duplicate, Rejected
from crawler.items import ApparelItem


class DedupePipeline:
    """Drops what is an exact or near duplicate of an image of this crawl in the same class.

    Images are counted in the shop's order, whatever the order of downloads, so that the same shop
    always gives the same count. Which picture of several is kept is decided when publishing.

    Args:
        crawler: the running crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._stats: Any = crawler.stats
        self._indexes: dict[str, DuplicateIndex] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> DedupePipeline:
        """Build with the crawler's stats."""
        config_of(crawler)
        return cls(crawler)

    def close_spider(self) -> None:
        """Let go of the pictures seen."""
        self._indexes.clear()

    async def process_item(self, item: ApparelItem) -> ApparelItem:
        """Pass a new picture on, when all results before it are through.

        Raises:
            Duplicate: the picture was seen before.
            Rejected: there is no room for temporary files, so the crawl is being stopped.
        """
        if item.signature is None:
            return item
        spider: Any = self.crawler.spider
        order = spider.walks[item.label].order
        await order.turn(item.number)
        try:
            kind = self._index(item.label).add(item.signature)
        except OSError as error:
            spider.cannot_write(error)
            raise Rejected(STOPPED) from error
        finally:
            order.through(item.number)
        if kind is not None:
            stats.increase(self._stats, item.label, stats.DUPLICATES)
            raise Duplicate(kind)
        stats.increase(self._stats, item.label, stats.ACCEPTED)
        return item

    def _index(self, label: str) -> DuplicateIndex:
        if label not in self._indexes:
            self._indexes[label] = DuplicateIndex(SignatureFile())
        return self._indexes[label]
