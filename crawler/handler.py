"""The download handler that renders pages: reuses tabs, replaces a browser that hangs or grows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page as Tab
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy_playwright.handler import DEFAULT_CONTEXT_NAME, ScrapyPlaywrightDownloadHandler

from crawler.browser import problem
from crawler.exceptions import Stopping
from crawler.fetch import ImageFetcher
from crawler.requests import KIND

_CLOSE_SECONDS = 15.0
_TICK = 0.5
# Seconds that a page gets when the crawl has been told to stop.
_PATIENCE = 5.0
_LOG = logging.getLogger(__name__)
_LATENCY = "apparel_latency"
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


@dataclass
class _OpenTab:
    """A tab that waits for its next page."""

    tab: Tab
    context: str
    served: int = 0


class BrowserHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc] # untyped
    """scrapy-playwright's handler, made to last.

    A tab is used for many pages, since opening one costs as much as rendering a page; after
    ``BROWSER_TAB_PAGES`` it is closed. After ``BROWSER_PAGES`` the browser is replaced, which
    bounds its memory. A page that isn't there after ``BROWSER_PAGE_TIMEOUT`` seconds, whatever
    hangs, counts as failed and takes the browser with it. A browser that died is started again
    with the next page.

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
        self._idle: list[_OpenTab] = []
        self._rendered = 0
        self._generation = 0
        self._replacing = False
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
        engine: Any = self._crawler.engine
        while left > 0:
            done, _ = await asyncio.wait([task], timeout=min(left, _TICK))
            if done:
                return task.result()
            left = self._page_timeout - (time.monotonic() - began)
            if not engine.running:
                left = min(left, _PATIENCE - (time.monotonic() - began))
        task.cancel()
        with suppress(asyncio.CancelledError, PlaywrightError):
            await task
        raise asyncio.TimeoutError

    async def _download_request_with_retry(self, request: Request, spider: Spider) -> Response:
        """Render one page in an idle tab, or in a new one."""
        self._forget_dead_browser()
        opened = self._idle_tab()
        context = opened.context if opened else self._context_name
        request.meta["playwright_context"] = context
        request.meta["playwright_context_kwargs"] = self.config.startup_context_kwargs.get(
            DEFAULT_CONTEXT_NAME
        )
        request.meta["playwright_include_page"] = True  # the tab is ours to close
        request.meta["playwright_page"] = opened.tab if opened else None
        try:
            response: Response = await super()._download_request_with_retry(request, spider)
            self._check_size(response)
        except BaseException:
            await self._close_tab(request.meta.get("playwright_page"))
            raise
        finally:
            tab = request.meta.pop("playwright_page", None)
            request.meta.pop("playwright_include_page", None)
        # AutoThrottle goes by the shop's pace; how fast this machine renders is not its matter.
        request.meta["download_latency"] = max(request.meta.pop(_LATENCY, 0.0), 0.001)
        await self._put_by(opened or _OpenTab(tab, context))
        return response

    def _idle_tab(self) -> _OpenTab | None:
        """A tab that waits; one that was closed meanwhile would hide the one opened instead."""
        while self._idle:
            opened = self._idle.pop()
            if not opened.tab.is_closed():
                return opened
        return None

    async def _create_page(self, request: Request, spider: Spider) -> Tab:
        """Open a tab, and note at once whose it is: whatever fails from here on, it is closed."""
        tab: Tab = await super()._create_page(request, spider)
        request.meta["playwright_page"] = tab
        return tab

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

    @property
    def _context_name(self) -> str:
        """Contexts of each browser have their own name: what is heard of a dead one late must not
        be taken for news of the living.
        """
        own = f"{DEFAULT_CONTEXT_NAME}-{self._generation}"
        return own if self._generation else DEFAULT_CONTEXT_NAME

    async def _put_by(self, opened: _OpenTab) -> None:
        """Keep a tab for the next page, empty, so that scripts of the last one stop."""
        opened.served += 1
        if opened.served >= self._pages_per_tab or opened.context != self._context_name:
            await self._close_tab(opened.tab)
            return
        try:
            await opened.tab.goto("about:blank")
        except PlaywrightError:
            await self._close_tab(opened.tab)
        else:
            self._idle.append(opened)

    async def _close_tab(self, tab: Tab | None) -> None:
        if tab is None or tab.is_closed():
            return
        with suppress(PlaywrightError, asyncio.TimeoutError):
            await asyncio.wait_for(tab.close(), _CLOSE_SECONDS)
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
