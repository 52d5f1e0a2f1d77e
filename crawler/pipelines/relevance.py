"""Turns away results that are not what was searched for, before their image is fetched."""

from __future__ import annotations

from fnmatch import fnmatch

from scrapy.crawler import Crawler

from crawler.exceptions import Rejected
from crawler.items import ApparelItem
from crawler.pages.images import split_url


class RelevancePipeline:
    """Rejects advertisements, cards without a picture, repeats and pictures on foreign hosts.

    Args:
        image_hosts: host names, with ``*`` for any part, from which images may come.
    """

    def __init__(self, image_hosts: tuple[str, ...]) -> None:
        self.image_hosts = image_hosts
        self._seen: set[tuple[str, str, str]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RelevancePipeline:
        """Build from settings; a shop of one's own serves its images itself."""
        config = crawler.spider.config  # type: ignore[union-attr]
        if config.is_marketplace:
            return cls(tuple(crawler.settings.getlist("IMAGE_HOSTS")))
        return cls((config.source,))

    def process_item(self, item: ApparelItem) -> ApparelItem:
        """Pass an item on.

        Raises:
            Rejected: with reason ``sponsored``, ``no_image``, ``foreign_host`` or ``repeated``.
        """
        if item.sponsored:
            raise Rejected("sponsored", "an advertisement, not a result of the search")
        if not item.image_url:
            raise Rejected("no_image", "the card has no picture")
        self._check_host(item.image_url)
        key = (item.label, item.asin, item.image_url)
        if key in self._seen:
            raise Rejected("repeated", "this product and picture were on the list before")
        self._seen.add(key)
        return item

    def _check_host(self, url: str) -> None:
        parts = split_url(url)
        host = (parts.hostname or "") if parts else ""
        allowed = any(fnmatch(host, wanted) for wanted in self.image_hosts)
        if not parts or parts.scheme not in ("http", "https") or not allowed:
            raise Rejected("foreign_host", f"{url} is not on {', '.join(self.image_hosts)}")
