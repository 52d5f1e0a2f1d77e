"""The spider: asks for search pages, yields their results, stops a class when it has enough."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, IgnoreRequest
from scrapy.http import Response, TextResponse
from scrapy.settings import BaseSettings
from scrapy_playwright.page import PageMethod
from twisted.python.failure import Failure

from apparel_clf.dataset import Version
from crawler import stats
from crawler.browser import context_options, user_agent, wait_until_settled
from crawler.config import ClassQueries, CrawlConfig, crawl_config
from crawler.items import ApparelItem
from crawler.pages import Page, parse_page


@dataclass(frozen=True)
class Turn:
    """The next page of one query."""

    query: str
    page: int
    url: str


@dataclass
class Walk:
    """What is still to be read for one class: its queries take turns, a page each."""

    label: str
    turns: deque[Turn]


@dataclass
class Outstanding:
    """Items of one page that are still in the pipelines."""

    count: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)


class AmazonApparelSpider(Spider):
    """Collects a labelled image set from a marketplace's search pages.

    Search pages are rendered by a browser; images are fetched by Scrapy's own downloader. The
    arguments are listed in `crawler.config.ARGUMENTS`.

    Example:
        scrapy crawl amazon_apparel -a marketplace=in -a classes=saree -a per_class=500
    """

    name = "amazon_apparel"
    config: CrawlConfig
    #: Why the crawl failed, in a sentence for a person, or None.
    problem: str | None = None
    #: What was published when the crawl was over, or None.
    version: Version | None = None
    #: What kept a class from being read to its end, by label: blocks and pages that failed.
    troubles: dict[str, list[str]]

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> AmazonApparelSpider:
        """Check the arguments and tell the shop who is asking.

        Raises:
            SettingsError: settings and arguments that cannot be used, all in one message.
        """
        config = crawl_config(crawler.settings, kwargs)
        announce(crawler.settings, config)
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.config = config
        spider.troubles = {wanted.label: [] for wanted in config.classes}
        spider._outstanding = {}
        crawler.signals.connect(spider._item_done, signals.item_scraped)
        crawler.signals.connect(spider._item_done, signals.item_dropped)
        crawler.signals.connect(spider._item_done, signals.item_error)
        return spider

    _outstanding: dict[tuple[str, str, int], Outstanding]

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the first page of each class, once the shop has been seen to answer."""
        await self._check_reachable()
        for wanted in self.config.classes:
            walk = self._walk(wanted)
            yield self._request(walk, walk.turns.popleft())

    async def parse_search(
        self, response: Response, walk: Walk, turn: Turn
    ) -> AsyncIterator[ApparelItem | Request]:
        """Yield a search page's results, wait for their images, then ask for the next page."""
        page = self._read(response, walk)
        for item in self._items(walk, turn, page):
            yield item
        await self._page_done(walk, turn)
        self._plan_next(walk, turn, page)
        if walk.turns and not self._is_full(walk):
            yield self._request(walk, walk.turns.popleft())

    async def page_failed(self, failure: Failure, walk: Walk) -> AsyncIterator[Request]:
        """Go on with the class's other queries when a page could not be had."""
        reason = (
            "robots.txt" if isinstance(failure.value, IgnoreRequest) else failure.getErrorMessage()
        )
        self._trouble(walk, "not_rendered", f"a page failed ({_first_line(reason)})")
        if walk.turns:
            yield self._request(walk, walk.turns.popleft())

    def _walk(self, wanted: ClassQueries) -> Walk:
        turns = (Turn(query, 1, self.config.search_url(query)) for query in wanted.queries)
        return Walk(wanted.label, deque(turns))

    def _request(self, walk: Walk, turn: Turn) -> Request:
        return Request(
            turn.url,
            callback=self.parse_search,
            errback=partial(self.page_failed, walk=walk),
            cb_kwargs={"walk": walk, "turn": turn},
            dont_filter=True,  # a filtered page would end its class without a word
            meta={
                "playwright": True,
                "playwright_page_methods": [PageMethod(wait_until_settled)],
                "playwright_page_goto_kwargs": {"wait_until": "domcontentloaded"},
                "handle_httpstatus_all": True,
            },
        )

    def _items(self, walk: Walk, turn: Turn, page: Page) -> list[ApparelItem]:
        """The page's results as items, and a note of how many are on their way."""
        items = [
            ApparelItem(
                label=walk.label,
                query=turn.query,
                source=self.config.source,
                page_url=turn.url,
                page=turn.page,
                position=result.position,
                asin=result.asin,
                title=result.title,
                image_url=result.image_url,
                sponsored=result.sponsored,
            )
            for result in page.results
        ]
        outstanding = Outstanding(len(items))
        if not items:
            outstanding.done.set()
        self._outstanding[walk.label, turn.query, turn.page] = outstanding
        return items

    def _item_done(self, item: ApparelItem) -> None:
        outstanding = self._outstanding.get((item.label, item.query, item.page))
        if outstanding is not None:
            outstanding.count -= 1
            if outstanding.count <= 0:
                outstanding.done.set()

    async def _page_done(self, walk: Walk, turn: Turn) -> None:
        """Wait until the page's images are in.

        Only then is it known whether the class has enough, so that what a version holds depends
        on the shop and not on which download happened to be first.
        """
        key = (walk.label, turn.query, turn.page)
        await self._outstanding[key].done.wait()
        del self._outstanding[key]

    def _plan_next(self, walk: Walk, turn: Turn, page: Page) -> None:
        organic = [result for result in page.results if not result.sponsored]
        if not page.next_url or not organic or turn.page >= self.config.pages:
            return
        if self.config.is_own(page.next_url):
            walk.turns.append(Turn(turn.query, turn.page + 1, page.next_url))
        else:
            self._trouble(walk, "redirected", f"the next page is elsewhere: {page.next_url}")

    def _is_full(self, walk: Walk) -> bool:
        accepted = stats.count(self._stats, walk.label, stats.ACCEPTED)
        return accepted >= self.config.per_class

    def _read(self, response: Response, walk: Walk) -> Page:
        """Read a page and count it; what is no search page of this shop gives no item."""
        if not self.config.is_own(response.url):
            self._trouble(walk, "redirected", f"a page led away, to {response.url}")
            return Page("other", response.url)
        text = response.text if isinstance(response, TextResponse) else ""
        page = parse_page(text, response.url, response.status)
        if page.kind == "search" and response.status < 400:
            stats.increase(self._stats, walk.label, stats.PAGES)
            return page
        status = f" (HTTP {response.status})" if response.status >= 400 else ""
        reason = f"the shop answered with a page of kind '{page.kind}'{status}"
        self._trouble(walk, page.kind, reason)
        return Page(page.kind, response.url)

    def _trouble(self, walk: Walk, kind: str, reason: str) -> None:
        self._stats.inc_value(stats.block_name(kind))
        self.troubles[walk.label].append(reason)
        self.logger.info("%s: %s", walk.label, reason)

    @property
    def _stats(self) -> Any:
        return self.crawler.stats

    async def _check_reachable(self) -> None:
        """Ask for robots.txt: one clear error is better than one for each class."""
        request = Request(
            f"{self.config.base_url}/robots.txt",
            meta={"dont_obey_robotstxt": True, "dont_retry": True, "handle_httpstatus_all": True},
        )
        engine: Any = self.crawler.engine
        try:
            await engine.download_async(request)
        except Exception as error:  # whatever the network raises, the shop was not reached
            self.problem = unreachable(self.config, error)
            raise CloseSpider("unreachable") from error


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0]


def unreachable(config: CrawlConfig, error: BaseException) -> str:
    """Say that a shop does not answer, and what to do."""
    reason = str(error) or type(error).__name__
    if config.is_marketplace:
        way_out = "Check the network, or try the whole way without one: make demo"
    else:
        way_out = "Is the storefront running? Start one with: scrapy storefront"
    return f"{config.base_url} cannot be reached ({reason}). {way_out}"


def announce(settings: BaseSettings, config: CrawlConfig) -> None:
    """Put the honest user agent into the settings, for the downloader and the browser alike."""
    agent = user_agent(config.contact)
    settings.set("USER_AGENT", agent, priority="spider")
    settings.set("PLAYWRIGHT_CONTEXTS", {"default": context_options(agent)}, priority="spider")
