"""Turns away results that are not what was searched for, before their image is fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scrapy.crawler import Crawler

from apparel_clf.dataset import Marks
from crawler.addresses import is_allowed_image
from crawler.classes import WantedClass
from crawler.config import config_of
from crawler.exceptions import Rejected
from crawler.items import ApparelItem
from crawler.pages.images import split_url
from crawler.words import found_phrase

# Pictures that stand for "no picture", by their ids and by the words in their addresses.
_NO_PICTURE_IDS = frozenset({"01RmK+J4pJL", "01MKUOLsA5L", "31GMLPvPbgL"})
_NO_PICTURE = re.compile(
    r"no[-_]?(?:img|image|photo)|image[-_]?not[-_]?available|transparent[-_]?pixel|grey[-_]?pixel|"
    r"placeholder|spacer|loading",
    re.IGNORECASE,
)
# Pictures of the shop itself, not of products.
_SITE_PICTURE = re.compile(r"/images/[GS]/", re.IGNORECASE)
_BADGE = re.compile(r"\._(?:SS\d+|AC_US(?:20|40))_\.", re.IGNORECASE)


class RelevancePipeline:
    """Rejects what is no result of the search or no product picture of the shop.

    Args:
        classes: the classes by label, with the words that titles must or must not hold.
        image_hosts: hosts from which images may come, as in `CrawlConfig`.
        sponsored: whether advertisements are taken too. Default False.
    """

    def __init__(
        self,
        classes: Mapping[str, WantedClass],
        image_hosts: tuple[str, ...],
        *,
        sponsored: bool = False,
    ) -> None:
        self.classes = classes
        self.image_hosts = image_hosts
        self.sponsored = sponsored
        self._seen = Marks()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RelevancePipeline:
        """Build for the spider's crawl."""
        config = config_of(crawler)
        classes = {wanted.label: wanted for wanted in config.classes}
        return cls(classes, config.image_hosts, sponsored=config.sponsored)

    def close_spider(self) -> None:
        """Let go of the results seen."""
        self._seen.clear()

    def process_item(self, item: ApparelItem) -> ApparelItem:
        """Pass an item on.

        Raises:
            Rejected: with reason ``past_end``, ``sponsored``, ``title_without``, ``title_with``,
                ``no_image``, ``placeholder``, ``badge``, ``foreign_host`` or ``repeated``.
        """
        if item.past_end:
            raise Rejected("past_end", "it fills a page past the last")
        if item.sponsored and not self.sponsored:
            raise Rejected("sponsored", "an advertisement, not a result of the search")
        self._check_title(item)
        self._check_picture(item)
        self._check_new(item)
        return item

    def _check_title(self, item: ApparelItem) -> None:
        wanted = self.classes[item.label]
        if wanted.must and not found_phrase(item.title, wanted.must):
            raise Rejected("title_without", f"none of {', '.join(wanted.must)}: {item.title}")
        found = found_phrase(item.title, wanted.must_not)
        if found:
            raise Rejected("title_with", f"{found}: {item.title}")

    def _check_picture(self, item: ApparelItem) -> None:
        if not item.image_url:
            raise Rejected("no_image", "the card has no picture")
        # Smaller sizes are checked when they are asked for, which few are.
        if not is_allowed_image(item.image_url, self.image_hosts):
            hosts = ", ".join(self.image_hosts)
            raise Rejected("foreign_host", f"{item.image_url} is not on {hosts}")
        reason = unusable((item.image_url, *item.candidates[-1:]))
        if reason:
            raise Rejected(reason, item.image_url)

    def _check_new(self, item: ApparelItem) -> None:
        if not self._seen.add((item.label, item.asin, item.image_url)):
            raise Rejected("repeated", "this product and picture were on the list before")


def unusable(urls: tuple[str, ...]) -> str:
    """Tell from a picture's addresses that it shows no product.

    Args:
        urls: where it is to be had: the original and a size that the card offers.

    Returns:
        ``"placeholder"``, ``"badge"`` or ``""``.

    Example:
        >>> unusable(("https://m.media-amazon.com/images/G/01/x-site/icons/no-img-lg.gif",))
        'placeholder'
    """
    paths = [parts.path for url in urls if (parts := split_url(url))]
    names = [path.rsplit("/", 1)[-1] for path in paths]
    ids = {name.split(".", 1)[0].replace("%2B", "+") for name in names}
    if ids & _NO_PICTURE_IDS or any(_SITE_PICTURE.search(path) for path in paths):
        return "placeholder"
    if any(_NO_PICTURE.search(name) for name in names):
        return "placeholder"
    return "badge" if any(_BADGE.search(name) for name in names) else ""
