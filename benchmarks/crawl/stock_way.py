"""Stock Scrapy: its own ImagesPipeline and plain scrapy-playwright, all settings at their defaults.

What differs from the defaults is what the shop and the browser need: a user agent of its own, since
the shop's robots.txt names Scrapy's, and how to start Chromium as root.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess
from scrapy.http import TextResponse
from scrapy_playwright.page import PageMethod

from benchmarks.crawl.searches import SEARCHES
from crawler.browser import find_chromium
from crawler.pages.images import original_url


class StockSpider(Spider):
    """Follows the pager of every search and hands pictures to the ImagesPipeline."""

    name = "stock"
    base_url: str

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the first page of each search."""
        for query in SEARCHES.values():
            yield self.page(f"{self.base_url}/s?k={quote_plus(query)}")

    def page(self, url: str) -> Request:
        """Ask for a page, rendered until it shows its pager."""
        ready = PageMethod("wait_for_selector", ".s-pagination-container")
        return Request(url, meta={"playwright": True, "playwright_page_methods": [ready]})

    def parse(self, response: TextResponse) -> Iterator[dict[str, list[str]] | Request]:  # type: ignore[override] # Scrapy allows more
        """Yield an item for each result, then the next page."""
        for card in response.css('div[data-component-type="s-search-result"]:not(.AdHolder)'):
            source = card.css("img.s-image::attr(src)").get(default="")
            yield {"image_urls": [original_url(response.urljoin(source))]}
        following = response.css("a.s-pagination-next::attr(href)").get()
        if following:
            yield self.page(response.urljoin(following))


def settings(out: Path, log_level: str = "DEBUG") -> dict[str, Any]:
    """Return what has to be set; everything else is Scrapy's default.

    Args:
        out: folder for the pictures.
        log_level: Scrapy's own default is ``"DEBUG"``: a line or more for each request and item.
    """
    handler = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
    launch: dict[str, Any] = {"args": ["--no-sandbox"] if os.geteuid() == 0 else []}
    if path := find_chromium():
        launch["executable_path"] = path
    return {
        "USER_AGENT": "stock-way (benchmark on loopback)",
        "DOWNLOAD_HANDLERS": {"http": handler, "https": handler},
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "PLAYWRIGHT_LAUNCH_OPTIONS": launch,
        "ITEM_PIPELINES": {"scrapy.pipelines.images.ImagesPipeline": 1},
        "IMAGES_STORE": str(out),
        "LOG_LEVEL": log_level,
    }


def main() -> None:
    """Fetch every search's pictures into one folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--log-level", default="DEBUG")
    options = parser.parse_args()
    process = CrawlerProcess(settings(options.out, options.log_level))
    process.crawl(StockSpider, base_url=options.base_url)
    process.start()


if __name__ == "__main__":
    main()
