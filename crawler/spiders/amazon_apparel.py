"""The spider: asks for search pages, yields their results, stops a class when it has enough."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, IgnoreRequest
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy_playwright.page import PageMethod
from twisted.python.failure import Failure

from apparel_clf.dataset import Marks, Version
from apparel_clf.errors import ApparelError
from crawler import stats
from crawler.browser import context_options, launch_options, user_agent, wait_until_settled
from crawler.classes import WantedClass
from crawler.config import CrawlConfig, crawl_config
from crawler.exceptions import Stopping
from crawler.items import ApparelItem
from crawler.journal import CrawlJournal
from crawler.middlewares import DROPPED, failure_kind
from crawler.order import InOrder
from crawler.pages import Page, Result
from crawler.pages.asked import answers
from crawler.requests import ASKED, KIND, LABEL, PAGE
from crawler.resolver import allow_private
from crawler.streams import side_by_side
from crawler.terminal import say

_PREFLIGHT = "preflight"


@dataclass(frozen=True)
class Turn:
    """The next page of one query."""

    query: str
    page: int
    url: str

    def is_past_end(self, page: Page) -> bool:
        """Whether the results were over before this page, which the shop may not say in words.

        On a first page advertisements alone are an answer; on a later one, with no page after it,
        they are what the shop fills pages with that hold no results any more.
        """
        filler = bool(page.results) and all(result.sponsored for result in page.results)
        return page.past_end or (self.page > 1 and filler and not page.next_url)


@dataclass
class Walk:
    """One class on its way: the pages still to be read and the results that are under way.

    Args:
        wanted: the class.
        turns: the next page of each query; queries take turns, a page each.
        order: passes results on in the shop's order.
        results: how many results were yielded so far.
        open: how many of them are still in the pipelines.
        changed: set whenever one of them is through.
        seen: products of each query's pages so far.
    """

    wanted: WantedClass
    turns: deque[Turn]
    order: InOrder = field(default_factory=InOrder)
    results: int = 0
    open: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    seen: dict[str, Marks] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The class's name."""
        return self.wanted.label

    def is_news(self, query: str, page: Page) -> bool:
        """Note a page's products; tell whether any of them was not on an earlier page."""
        seen = self.seen.setdefault(query, Marks())
        return sum(seen.add(result.asin) for result in page.results) > 0


class AmazonApparelSpider(Spider):
    """Collects a labelled image set from a marketplace's search pages.

    Search pages are rendered by a browser; images are fetched by Scrapy's own downloader. The
    arguments are described in `crawler.config.CrawlArguments`.

    Example:
        scrapy crawl amazon_apparel -a marketplace=in -a classes=saree -a per_class=500
    """

    name = "amazon_apparel"
    config: CrawlConfig
    journal: CrawlJournal
    #: Why the crawl failed, in a sentence for a person, or None.
    problem: str | None = None
    #: Whether the crawl has been told to stop before its end.
    stopping = False
    #: What was published when the crawl was over, or None.
    version: Version | None = None
    #: What kept a class from being read to its end, by label: blocks and pages that failed.
    troubles: dict[str, list[str]]
    #: The classes on their way, by label.
    walks: dict[str, Walk]

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
        spider.walks = {wanted.label: spider._walk(wanted) for wanted in config.classes}
        for signal in (signals.item_scraped, signals.item_dropped, signals.item_error):
            crawler.signals.connect(spider._item_through, signal)
        return spider

    @property
    def is_stopping(self) -> bool:
        """Whether the crawl is being stopped, by itself or by a signal."""
        engine: Any = self.crawler.engine
        return self.stopping or not engine.running

    def stop(self, reason: str, problem: str) -> None:
        """End the crawl before its end, keeping its work.

        Args:
            reason: one word for Scrapy's ``finish_reason``.
            problem: a sentence for a person.
        """
        if self.stopping:
            return
        self.stopping, self.problem = True, problem
        engine: Any = self.crawler.engine
        # Not awaited: the engine waits for what is under way, and that may be who called.
        self._closing = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    def cannot_write(self, error: OSError) -> None:
        """End the crawl: where one thing can't be stored, the next can't either."""
        self.stop(
            "not_stored",
            f"{self.config.dataset_folder}: cannot be written ({error.strerror or error}). What "
            "was fetched before is kept; mend it and run the same command again",
        )

    def closed(self, _reason: str) -> None:
        """Let go of the products seen, before a version is published."""
        for walk in self.walks.values():
            walk.seen.clear()

    async def start(self) -> AsyncIterator[Request]:
        """Ask for robots.txt: one clear error is better than one for each class."""
        if self.problem:  # the browser did not start
            raise CloseSpider("no_browser")
        yield Request(
            f"{self.config.base_url}/robots.txt",
            callback=self.begin,
            errback=self.not_reached,
            meta={
                "dont_obey_robotstxt": True,
                "dont_retry": True,
                "handle_httpstatus_all": True,
                "download_slot": _PREFLIGHT,
            },
        )

    async def begin(self, _response: Response) -> AsyncIterator[ApparelItem | Request]:
        """Read what an interrupted crawl left, then ask each class's next page.

        Not in `start`: Scrapy never ends a crawl that is told to stop while an item that came from
        there is in the pipelines.
        """
        self._open_journal()
        async for output in side_by_side([self._go_on(walk) for walk in self.walks.values()]):
            if isinstance(output, Request):  # no page of the shop's led there
                output.meta["referrer_policy"] = "no-referrer"
            yield output

    def not_reached(self, failure: Failure) -> None:
        """End a crawl whose shop does not answer at all."""
        if not self.is_stopping:
            error: Any = failure.value
            self.stop("unreachable", unreachable(self.config, error))

    async def parse_search(
        self, response: Response, walk: Walk, turn: Turn
    ) -> AsyncIterator[ApparelItem | Request]:
        """Yield a search page's results, then ask for the class's next page."""
        page = self._checked(response, walk)
        if page is not None and self._noted(walk, turn, page):
            for item in self._items(walk, turn, page):
                yield item
        async for output in self._go_on(walk):
            yield output

    async def page_failed(
        self, failure: Failure, walk: Walk
    ) -> AsyncIterator[ApparelItem | Request]:
        """Go on with the class's other queries when a page could not be had."""
        if isinstance(failure.value, Stopping) or self.is_stopping:
            return
        robots = isinstance(failure.value, IgnoreRequest)
        kind = "robots.txt" if robots else failure_kind(failure.value)  # type: ignore[arg-type]
        detail = "" if robots else f": {_first_line(failure.getErrorMessage())}"
        self._trouble(walk, f"a page failed ({kind}{detail})")
        async for output in self._go_on(walk):
            yield output

    async def _go_on(self, walk: Walk) -> AsyncIterator[ApparelItem | Request]:
        """Take pages from the journal while it has them; then ask the shop for the next one.

        Where even the results that are under way can't fill the class, the next page is asked for
        at once. Otherwise it must be known first whether the class has enough, so that what a
        version holds depends on the shop and not on which download happened to be first.
        """
        while walk.turns and not await self._is_full(walk):
            turn = walk.turns.popleft()
            page = self.journal.page(walk.label, turn.query, turn.page)
            if page is None:
                yield self._request(walk, turn)
                return
            for item in self._items(walk, turn, page):
                yield item

    def _noted(self, walk: Walk, turn: Turn, page: Page) -> bool:
        """Journal a page before anything that stands on it; tell whether that worked."""
        try:
            self.journal.add_page(walk.label, turn.query, turn.page, page)
        except OSError as error:
            self.cannot_write(error)
            return False
        return True

    def _open_journal(self) -> None:
        try:
            self.journal = CrawlJournal(self.config)
        except (ApparelError, OSError) as error:
            self.problem = str(error)
            raise CloseSpider("no_journal") from error
        if self.journal.resumed:
            say(f"going on with an interrupted crawl: {self.journal.before} are there already")

    def _walk(self, wanted: WantedClass) -> Walk:
        urls = ((q, self.config.search_url(q, wanted.filters)) for q in wanted.queries)
        return Walk(wanted, deque(Turn(query, 1, url) for query, url in urls))

    def _request(self, walk: Walk, turn: Turn) -> Request:
        return Request(
            turn.url,
            callback=self.parse_search,
            errback=partial(self.page_failed, walk=walk),
            cb_kwargs={"walk": walk, "turn": turn},
            dont_filter=True,  # a filtered page would end its class without a word
            meta={
                KIND: "page",
                LABEL: walk.label,
                ASKED: turn.url,
                "playwright": True,
                "playwright_page_methods": [PageMethod(wait_until_settled)],
                "playwright_page_goto_kwargs": {"wait_until": "domcontentloaded"},
                "handle_httpstatus_all": True,
                "dont_retry": True,  # BlockMiddleware does, politely
            },
        )

    def _items(self, walk: Walk, turn: Turn, page: Page) -> list[ApparelItem]:
        """Count a page, plan the one after it, and make its results items."""
        stats.increase(self._stats, walk.label, stats.PAGES)
        self._plan_next(walk, turn, page)
        first = walk.results + 1
        walk.results += len(page.results)
        walk.open += len(page.results)
        return [
            self._item(walk, turn, page, result, number)
            for number, result in enumerate(page.results, first)
        ]

    def _item(self, walk: Walk, turn: Turn, page: Page, result: Result, number: int) -> ApparelItem:
        return ApparelItem(
            label=walk.label,
            query=turn.query,
            source=self.config.source,
            page_url=turn.url,
            page=turn.page,
            position=result.position,
            asin=result.asin,
            title=result.title,
            image_url=result.image_url,
            candidates=addresses(result),
            sponsored=result.sponsored,
            past_end=turn.is_past_end(page),
            number=number,
        )

    def _item_through(self, item: ApparelItem) -> None:
        walk = self.walks[item.label]
        walk.order.through(item.number)
        walk.open -= 1
        walk.changed.set()

    async def _is_full(self, walk: Walk) -> bool:
        """Whether a class has enough; waits for results under way as long as they may decide it."""
        while walk.open and self._accepted(walk) + walk.open >= self.config.per_class:
            walk.changed.clear()
            await walk.changed.wait()
        return self.stopping or self._accepted(walk) >= self.config.per_class

    def _accepted(self, walk: Walk) -> int:
        return stats.count(self._stats, walk.label, stats.ACCEPTED)

    def _plan_next(self, walk: Walk, turn: Turn, page: Page) -> None:
        news = walk.is_news(turn.query, page)
        if not page.next_url or page.past_end or not news or turn.page >= self.config.pages:
            return
        if self.config.is_own(page.next_url):
            walk.turns.append(Turn(turn.query, turn.page + 1, page.next_url))
        else:
            self._trouble(walk, f"the next page is elsewhere: {page.next_url}")

    def _checked(self, response: Response, walk: Walk) -> Page | None:
        """The page if it is a search page of this shop, else None and a note why not."""
        page: Page = response.meta[PAGE]
        if not self.config.is_own(response.url):
            self._trouble(walk, f"a page led away, to {response.url}")
            return None
        if page.kind == "search" and not page.block and response.status < 400:
            return page
        if page.block == DROPPED:
            told = answers(response.meta[ASKED], page)
            self._trouble(walk, f"the shop answered another search: {told}")
            return None
        status = f", HTTP {response.status}" if response.status != 200 else ""
        what = page.block or page.kind
        self._trouble(walk, f"the shop answered with a page of kind '{what}'{status}")
        return None

    def _trouble(self, walk: Walk, reason: str) -> None:
        self.troubles[walk.label].append(reason)
        self.logger.info("%s: %s", walk.label, reason)

    @property
    def _stats(self) -> Any:
        return self.crawler.stats


def addresses(result: Result) -> tuple[str, ...]:
    """Return where a result's picture is to be had, best first: the original, then by size."""
    offered: Iterable[str] = (candidate.url for candidate in reversed(result.candidates))
    return tuple(dict.fromkeys(url for url in (result.image_url, *offered) if url))


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
    """Put what depends on the shop into the settings, for the downloader and the browser alike:
    the honest user agent, the language, the first pace, and which hosts may be reached.
    """
    first_delay = settings.getfloat("IMAGE_START_DELAY")
    agent = user_agent(config.contact)
    values: dict[str, Any] = {
        "USER_AGENT": agent,
        "PLAYWRIGHT_CONTEXTS": {"default": context_options(agent, config.language)},
        "PLAYWRIGHT_LAUNCH_OPTIONS": launch_options(config.browser_hosts),
        "DOWNLOAD_SLOTS": {config.image_slot: {"delay": first_delay}, _PREFLIGHT: {"delay": 0.0}},
        "DEFAULT_REQUEST_HEADERS": {"Accept": "*/*", "Accept-Language": config.language},
    }
    if not config.is_marketplace:
        values["AUTOTHROTTLE_START_DELAY"] = first_delay
    allow_private(config.private_hosts)
    for name, value in values.items():
        settings.set(name, value, priority="spider")
