"""The download handler that renders pages: reuses tabs, replaces a browser that hangs or grows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page as Tab
from playwright.async_api import Request as BrowserRequest
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy_playwright.handler import DEFAULT_CONTEXT_NAME, ScrapyPlaywrightDownloadHandler

from crawler.browser import empty, hold_still, line_to, problem
from crawler.exceptions import Stopping
from crawler.fetch import ImageFetcher
from crawler.requests import KIND

_CLOSE_SECONDS = 15.0
_TICK = 0.5
# Seconds that a page gets when the crawl has been told to stop.
_PATIENCE = 5.0
# A shop leads on once or twice; who leads on for ever asks past every pause between pages.
_MOST_LED_ON = 5
_LOG = logging.getLogger(__name__)
_LATENCY = "apparel_latency"
_TAB = "apparel_tab"
_HANDLERS: WeakKeyDictionary[Crawler, BrowserHandler] = WeakKeyDictionary()


async def end_browser(crawler: Crawler) -> None:
    """End a crawl's browser before its engine does, when nothing more will be fetched.

    The library holds what it was told of every request of the open tabs: memory that the work
    after the last page can use.

    Args:
        crawler: the running crawler.
    """
    handler = _HANDLERS.get(crawler)
    if handler is not None:
        try:
            await handler.close()
        except Exception:  # whatever it died of, the crawl's work is to be kept
            _LOG.exception("The browser did not end as it should")


def _quiet_about_driver(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Leave out that Playwright's driver died: its pages have failed, and say so themselves."""
    if "reading from the driver" not in str(context.get("exception")):
        loop.default_exception_handler(context)


@dataclass
class _OpenTab:
    """A tab that shows one page after the other.

    Args:
        context: the name of its context.
        tab: what Playwright opened, once it has.
        served: how many pages it has shown.
        asked: how often its page has asked for a page.
        fault: why it was closed before its page was there, or "".
        closed: whether it was told to close.
        emptied: ends when it is ready for its next page; tells whether it is.
    """

    context: str
    tab: Tab | None = None
    served: int = 0
    asked: int = 0
    fault: str = ""
    closed: bool = False
    emptied: asyncio.Task[bool] | None = None


class BrowserHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc] # untyped
    """scrapy-playwright's handler, made to last.

    A tab is used for many pages, since opening one costs as much as rendering a page, and keeps
    nothing from one to the next; after ``BROWSER_TAB_PAGES`` it is closed. After
    ``BROWSER_PAGES`` the browser is replaced, which bounds its memory. A page that isn't there
    after ``BROWSER_PAGE_TIMEOUT`` seconds, whatever hangs, counts as failed and takes the browser
    with it. A browser that died is started again with the next page, and so is Playwright's
    driver, the program between it and us.

    Args:
        crawler: the running crawler; the settings above and those of scrapy-playwright are read.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self._page_timeout = settings.getfloat("BROWSER_PAGE_TIMEOUT")
        self._pages_per_browser = settings.getint("BROWSER_PAGES")
        self._pages_per_tab = settings.getint("BROWSER_TAB_PAGES")
        self._permits = asyncio.Semaphore(self.config.max_pages_per_context)
        self._idle: deque[_OpenTab] = deque()
        self._chores: set[asyncio.Task[Any]] = set()
        self._generation = 0
        self._rendered = 0
        self._replacing = False
        self._restarting = False
        self._closed = False
        config: Any = getattr(crawler.spider, "config", None)
        self._most_bytes = settings.getint("DOWNLOAD_MAXSIZE")
        self._images = ImageFetcher(
            config.private_hosts if config else frozenset(),
            settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"),
            self._most_bytes,
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> BrowserHandler:
        """Build once for a crawler: http and https share one browser."""
        handler = _HANDLERS.get(crawler)
        if handler is None:
            handler = _HANDLERS[crawler] = cls(crawler)
        return handler

    async def close(self) -> None:
        """End the browser, when the first of the two schemes is closed."""
        if not self._closed:
            self._closed = True
            _HANDLERS.pop(self._crawler, None)
            try:
                await self._images.close()
            finally:
                await super().close()

    async def download_request(self, request: Request) -> Response:
        """Fetch an image, render a page, or do as Scrapy does, by what the request is for.

        Raises:
            Stopping: the crawl was told to stop while this waited for its turn.
        """
        spider: Any = self._crawler.spider
        if KIND in request.meta and spider.is_stopping:
            raise Stopping(f"{request.url}: the crawl is being stopped")
        if request.meta.get(KIND) == "image":
            return await self._images.fetch(request)
        response: Response = await super().download_request(request)
        return response

    async def _launch(self) -> None:
        """Start the browser; without one the crawl ends with a word on what to do."""
        asyncio.get_running_loop().set_exception_handler(_quiet_about_driver)
        try:
            await super()._launch()
        except PlaywrightError as error:
            spider: Any = self._crawler.spider
            spider.problem = problem(str(error).strip().splitlines()[0])

    async def _download_request(self, request: Request, spider: Spider | None = None) -> Response:
        """Render one page, within the time for it."""
        async with self._permits:
            if self._rendered >= self._pages_per_browser:
                await self._replace_when_idle()
            self._rendered += 1
            try:
                return await self._in_time(super()._download_request(request, spider))
            except asyncio.TimeoutError:
                await self._end_browser()
                raise

    async def _in_time(self, rendering: Coroutine[Any, Any, Response]) -> Response:
        """Wait for a page as long as it may take, and not for long once the crawl is stopping."""
        task = asyncio.ensure_future(rendering)
        began = time.monotonic()
        left = self._page_timeout
        while left > 0:
            done, _ = await asyncio.wait([task], timeout=min(left, _TICK))
            if done:
                return task.result()
            left = self._page_timeout - (time.monotonic() - began)
            if not self._is_running:
                left = min(left, _PATIENCE - (time.monotonic() - began))
        task.cancel()
        with suppress(asyncio.CancelledError, PlaywrightError):
            await task
        raise asyncio.TimeoutError

    async def _maybe_launch_browser(self) -> None:
        """Start a browser, and where that fails Playwright's driver first: it may have died."""
        try:
            await super()._maybe_launch_browser()
        except PlaywrightError:
            if self._restarting or not self._is_running:
                raise
            self._restarting = True
            try:
                await self._restart_driver()
            finally:
                self._restarting = False

    async def _restart_driver(self) -> None:
        with suppress(Exception):  # of a dead one there is nothing to close
            await self.browser_provider.close()
        await super()._launch()
        await super()._maybe_launch_browser()

    @property
    def _is_running(self) -> bool:
        engine: Any = self._crawler.engine
        running: bool = engine.running
        return running

    async def _download_request_with_retry(self, request: Request, spider: Spider) -> Response:
        """Render one page in an idle tab, or in a new one."""
        self._forget_dead_browser()
        opened = await self._idle_tab() or _OpenTab(self._context_name)
        opened.asked = 0
        request.meta[_TAB] = opened
        request.meta["playwright_context"] = opened.context
        request.meta["playwright_context_kwargs"] = self.config.startup_context_kwargs.get(
            DEFAULT_CONTEXT_NAME
        )
        request.meta["playwright_include_page"] = True  # the tab is ours to close
        request.meta["playwright_page"] = opened.tab
        try:
            response = await self._render(opened, request, spider)
        finally:
            for name in (_TAB, "playwright_page", "playwright_include_page"):
                request.meta.pop(name, None)
        # AutoThrottle goes by the shop's pace; how fast this machine renders is not its matter.
        request.meta["download_latency"] = max(request.meta.pop(_LATENCY, 0.0), 0.001)
        self._put_by(opened)
        return response

    async def _render(self, opened: _OpenTab, request: Request, spider: Spider) -> Response:
        """Render one page; where that fails its tab is closed, and the browser looked after."""
        browser: Any = getattr(self, "browser", None)
        try:
            response: Response = await super()._download_request_with_retry(request, spider)
            self._check_size(response)
        except PlaywrightError as error:
            await self._close_tab(opened)
            if opened.fault:
                raise PlaywrightError(opened.fault) from error
            await self._end_if_dead(browser)
            raise
        except BaseException:
            await self._close_tab(opened)
            raise
        return response

    @property
    def _context_name(self) -> str:
        """The context of all tabs: one for each costs the browser a third more.

        Each browser's has its own name: what is heard of a dead one late must not be taken for news
        of the living.
        """
        own = f"{DEFAULT_CONTEXT_NAME}-{self._generation}"
        return own if self._generation else DEFAULT_CONTEXT_NAME

    async def _idle_tab(self) -> _OpenTab | None:
        """A tab that waits or is about to; a closed one would hide the one opened instead."""
        while self._idle:
            opened = self._idle.popleft()
            if opened.emptied and opened.tab:
                await asyncio.wait([opened.emptied])
                usable = opened.emptied.result() and not opened.fault
                if usable and not opened.tab.is_closed():
                    return opened
        return None

    async def _create_page(self, request: Request, spider: Spider) -> Tab:
        """Open a tab, and watch over it."""
        opened: _OpenTab = request.meta[_TAB]
        tab: Tab = await super()._create_page(request, spider)
        opened.tab = tab
        tab.on("request", lambda asked: self._asked(opened, asked))
        tab.on("crash", lambda _: self._give_up(opened, "the page crashed"))
        await line_to(tab)
        return tab

    def _asked(self, opened: _OpenTab, asked: BrowserRequest) -> None:
        """Count the pages that a page leads on to, and stop one that knows no end."""
        if asked.is_navigation_request() and asked.frame.parent_frame is None:
            opened.asked += 1
            if opened.asked > 1 + _MOST_LED_ON:
                self._give_up(opened, f"the page led on more than {_MOST_LED_ON} times")

    def _give_up(self, opened: _OpenTab, fault: str) -> None:
        """Close a tab at once; what waits for its page fails with that, and hears why."""
        if not opened.fault:
            opened.fault = fault
            self._meanwhile(self._close_tab(opened))

    def _meanwhile(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do what nobody has to wait for."""
        task = asyncio.ensure_future(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
        return task

    def _check_size(self, response: Response) -> None:
        """Refuse a page that grew after it was found ready: to parse it takes many times as much.

        Raises:
            playwright.async_api.Error: it is larger than ``DOWNLOAD_MAXSIZE``.
        """
        size = len(response.body)
        if self._most_bytes and size > self._most_bytes:
            raise PlaywrightError(f"a page of {size} bytes, more than {self._most_bytes}")

    async def _get_response_and_download(
        self, request: Request, page: Tab, spider: Spider
    ) -> tuple[Any, Any]:
        """Go to a page, and note how long the shop took to answer."""
        response, download = await super()._get_response_and_download(request, page, spider)
        if response is not None:
            request.meta[_LATENCY] = response.request.timing["responseStart"] / 1000
        return response, download

    async def _apply_page_methods(self, page: Tab, request: Request, spider: Spider) -> None:
        """Wait for a page, and then read it as it stands: neither grows nor leads on any more."""
        await super()._apply_page_methods(page, request, spider)
        await hold_still(page)

    def _put_by(self, opened: _OpenTab) -> None:
        """Keep a tab for the next page; it is emptied while this one is read."""
        opened.served += 1
        opened.emptied = self._meanwhile(self._empty(opened))
        self._idle.append(opened)

    async def _empty(self, opened: _OpenTab) -> bool:
        """Make a tab as good as new, or close it. Tells whether it can be used again."""
        worn = opened.served >= self._pages_per_tab or opened.context != self._context_name
        if opened.tab and not worn:
            with suppress(PlaywrightError, asyncio.TimeoutError):
                await asyncio.wait_for(empty(opened.tab), _CLOSE_SECONDS)
                return True
        await self._close_tab(opened)
        return False

    async def _close_tab(self, opened: _OpenTab) -> None:
        if opened.tab is None or opened.closed:
            return
        opened.closed = True
        with suppress(PlaywrightError, asyncio.TimeoutError):
            await asyncio.wait_for(opened.tab.close(), _CLOSE_SECONDS)
        self.stats.inc_value("playwright/page_count/closed")

    async def _replace_when_idle(self) -> None:
        """Start over with a new browser once the pages under way are through."""
        if self._replacing:
            return
        self._replacing = True
        others = self.config.max_pages_per_context - 1
        held = 0
        try:
            for _ in range(others):
                await self._permits.acquire()
                held += 1
            await self._end_browser()
        finally:
            for _ in range(held):
                self._permits.release()
            self._replacing = False

    async def _end_browser(self) -> None:
        browser: Any = getattr(self, "browser", None)
        self._forget_browser()
        if browser is not None:
            with suppress(PlaywrightError, asyncio.TimeoutError):
                await asyncio.wait_for(browser.close(), _CLOSE_SECONDS)

    async def _end_if_dead(self, browser: Any) -> None:
        """Give a browser up that does not answer. Of a dead driver it is not told itself."""
        ours: Any = getattr(self, "browser", None)
        if ours is None or ours is not browser:
            return
        try:
            session = await asyncio.wait_for(ours.new_browser_cdp_session(), _CLOSE_SECONDS)
            await session.detach()
        except (PlaywrightError, asyncio.TimeoutError):
            await self._end_browser()

    def _forget_dead_browser(self) -> None:
        browser: Any = getattr(self, "browser", None)
        if browser is not None and not browser.is_connected():
            self._forget_browser()

    def _forget_browser(self) -> None:
        """Let the next page start a browser. Contexts and tabs of this one are gone with it."""
        if hasattr(self, "browser"):
            del self.browser
        self.context_wrappers.clear()
        self._idle.clear()
        self._rendered = 0
        self._generation += 1

    async def _browser_disconnected_callback(self, browser: Any) -> None:
        """Notice a browser that died, unless it was given up before."""
        if getattr(self, "browser", None) is browser:
            self._forget_browser()

    async def _close(self) -> None:
        """End everything, but don't wait for ever for what hangs."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(super()._close(), 2 * _CLOSE_SECONDS)
        await asyncio.gather(*self._chores, return_exceptions=True)
