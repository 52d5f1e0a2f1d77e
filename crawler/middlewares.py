"""Between spider and shop: notices blocks and asks again politely; keeps to public addresses."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response, TextResponse
from scrapy.utils.misc import build_from_crawler

from crawler import stats
from crawler.addresses import is_private
from crawler.breaker import Breaker, ForbiddenRun, retry_after_seconds
from crawler.config import config_of
from crawler.exceptions import Stopping
from crawler.pages import Page, parse_page
from crawler.pages.asked import answers
from crawler.pages.images import split_url
from crawler.requests import FORBIDDEN, KIND, LABEL, PAGE
from crawler.terminal import say

#: The block of a good page that answers another search than was asked for.
DROPPED = "filter_dropped"

_TRIES = "apparel_tries"
_SENT_AT = "apparel_sent_at"
# Images are refused by status alone. 404 is one picture's matter: a smaller one may do; so is 403,
# unless one comes after the other.
_IMAGE_REFUSALS = (429, 503)
_FORBIDDEN = 403
# What says nothing of the shop's will: the network's or this machine's fault as likely.
_FAILURES = {"browser", "network", "timeout"}
_TICK = 0.2


class BlockMiddleware:
    """Reads every search page, and asks again for those that are blocks.

    A refused page is asked for again after a back-off that doubles; a second refusal in a row
    pauses everything that goes to the shop; after ``BLOCK_LIMIT`` in a row the crawl stops, with
    its work kept. ``Retry-After`` is never undercut. No CAPTCHA is ever answered.

    Args:
        crawler: the running crawler; its ``BLOCK_LIMIT``, ``BLOCK_BACKOFF`` and
            ``BLOCK_PAUSE_MAX`` are read.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        settings = crawler.settings
        self._longest = settings.getfloat("BLOCK_PAUSE_MAX")
        limits = settings.getint("BLOCK_LIMIT"), settings.getfloat("BLOCK_BACKOFF"), self._longest
        self._breakers = {"page": Breaker(*limits), "image": Breaker(*limits)}
        self._forbidden = ForbiddenRun()
        self._kinds: Counter[str] = Counter()
        self._open_at = 0.0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> BlockMiddleware:
        """Build for a spider that collects classes."""
        config_of(crawler)
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Hold a request back while the shop is left alone.

        Raises:
            Stopping: the crawl is being stopped; what was not asked for yet isn't asked for.
        """
        if KIND in request.meta:
            await self._until(lambda: self._open_at)
            if self._is_stopping:
                raise Stopping(f"{request.url}: the crawl is being stopped")
            request.meta[_SENT_AT] = self._breakers[request.meta[KIND]].streak

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        """Pass a good answer on; ask again for a block."""
        if KIND not in request.meta:
            return response
        block = self._block(request, response)
        if not block and response.status != _FORBIDDEN:
            self._breakers[request.meta[KIND]].good()
        if not block:
            return response
        header = response.headers.get("Retry-After") or b""
        asked = retry_after_seconds(header.decode("latin-1"))
        return await self._again(request, block, asked) or response

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:
        """Ask again for a page that the browser could not get."""
        if request.meta.get(KIND) != "page" or isinstance(exception, IgnoreRequest):
            return None
        if self._is_stopping:  # cut off by that, which says nothing of the shop
            return None
        return await self._again(request, failure_kind(exception), 0.0)

    def _block(self, request: Request, response: Response) -> str:
        """What kind of block a response is, or "". A page is read here, once."""
        if request.meta[KIND] == "image":
            return self._image_block(request, response.status)
        text = response.text if isinstance(response, TextResponse) else ""
        page = parse_page(text, response.url, response.status)
        if not page.block and self._dropped(request, page):
            page = replace(page, block=DROPPED)
        request.meta[PAGE] = page
        return page.block

    def _image_block(self, request: Request, status: int) -> str:
        if status == _FORBIDDEN:
            self._forbidden.length += 1
            request.meta[FORBIDDEN] = self._forbidden
            return f"http_{status}" if self._forbidden.is_the_hosts else ""
        if status in _IMAGE_REFUSALS:
            return f"http_{status}"
        self._forbidden.over = True
        self._forbidden = ForbiddenRun()
        return ""

    def _dropped(self, request: Request, page: Page) -> bool:
        spider: Any = self.crawler.spider
        config = spider.config
        if page.kind != "search" or not config.is_own(page.url):
            return False
        # A next page elsewhere is another trouble, and says nothing of this one.
        elsewhere = page.next_url and not config.is_own(page.next_url)
        return bool(answers(request.url, replace(page, next_url=None) if elsewhere else page))

    async def _again(self, request: Request, kind: str, asked: float) -> Request | None:
        """Wait, then return the request to send again; None where it is not sent again."""
        breaker = self._breakers[request.meta[KIND]]
        tries = request.meta.get(_TRIES, 0) + 1
        self._note(request, kind)
        # A shop that answers another search does so every time; it refuses nothing.
        limit = 2 if kind == DROPPED else breaker.limit
        if kind != DROPPED:
            breaker.refused(request.meta.get(_SENT_AT, breaker.streak))
        if breaker.is_over or asked > self._longest:
            self._stop(asked)
            return None
        if tries >= limit or self._is_stopping:
            return None
        wait = breaker.wait(tries, asked)
        await self._pause(request, kind, wait, everything=breaker.pauses_all or asked > 0)
        again = request.replace(dont_filter=True)
        again.meta[_TRIES] = tries
        return None if self._is_stopping else again

    async def _pause(self, request: Request, kind: str, wait: float, *, everything: bool) -> None:
        until = time.monotonic() + wait
        label = request.meta.get(LABEL, "")
        what = "everything waits for" if everything else f"{request.url} is asked for again in"
        say(f"{label}: the shop refused ({kind}); {what} {wait:.0f} s")
        if everything:
            self._open_at = max(self._open_at, until)
        await self._until(lambda: until)

    def _note(self, request: Request, kind: str) -> None:
        self._kinds[kind] += 1
        collector: Any = self.crawler.stats
        collector.inc_value(stats.block_name(kind))
        stats.increase(collector, request.meta.get(LABEL, ""), stats.BLOCKS)

    def _stop(self, asked: float) -> None:
        told = ", ".join(f"{kind} {number}" for kind, number in sorted(self._kinds.items()))
        why = "keeps refusing" if set(self._kinds) - _FAILURES else "cannot be read"
        if asked > self._longest:
            why = f"asks to come back in {asked:.0f} s"
        spider: Any = self.crawler.spider
        spider.stop("blocked", blocked(spider.config, f"{why} ({told})", self._kinds))

    @property
    def _is_stopping(self) -> bool:
        spider: Any = self.crawler.spider
        stopping: bool = spider.is_stopping
        return stopping

    async def _until(self, moment: Any) -> None:
        """Sleep until a moment that may move, or until the crawl is being stopped."""
        while not self._is_stopping and (left := moment() - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _TICK))


def failure_kind(error: Exception) -> str:
    """Name what kept a browser from getting a page.

    Example:
        >>> failure_kind(PlaywrightError("net::ERR_CONNECTION_RESET at http://x"))
        'network'
    """
    if isinstance(error, (PlaywrightTimeoutError, asyncio.TimeoutError)):
        return "timeout"
    if isinstance(error, PlaywrightError) and "net::" not in str(error):
        return "browser"
    return "network"


def blocked(config: Any, why: str, kinds: Counter[str]) -> str:
    """Say that the shop refused, what became of the work, and what to do."""
    puzzles = any(kind in kinds for kind in ("captcha", "interstitial", "challenge", "sign_in"))
    hint = " A CAPTCHA is never answered." if puzzles else ""
    return (
        f"{config.base_url} {why}, so the crawl has stopped.{hint} What was fetched is kept: run "
        "the same command again, much later, to go on; or publish what there is with: "
        f"apparel-clf dataset publish {config.dataset_folder}"
    )


class RobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's, but a robots.txt that cannot be read forbids everything, as RFC 9309 has it.

    Scrapy's own allows everything then. A missing one (4xx) still allows.
    """

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            response = self._forbidding(response)
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:  # noqa: ARG002 - Scrapy's
        """Note that robots.txt could not be had."""
        waiting: Any = self._parsers[netloc]
        answer = self._forbidding(Response(f"http://{netloc}/robots.txt"))
        parser = build_from_crawler(self._parserimpl, self.crawler, answer.body)
        self._parsers[netloc] = parser
        waiting.callback(parser)

    def _forbidding(self, response: Response) -> Response:
        self._stats.inc_value(stats.ROBOTS_UNREADABLE)
        return response.replace(status=200, body=b"User-agent: *\nDisallow: /")


class AddressMiddleware:
    """Refuses addresses that lead into this machine or a private network.

    A shop of one's own may be there itself; then its host is allowed, and no other. Names are
    judged by `crawler.resolver` when they are looked up; redirects come through here as well.

    Args:
        private_hosts: hosts that are allowed.
    """

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self.private_hosts = private_hosts

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> AddressMiddleware:
        """Build for a spider that collects classes."""
        return cls(config_of(crawler).private_hosts)

    def process_request(self, request: Request) -> None:
        """Pass a request on, or refuse it.

        Raises:
            IgnoreRequest: the address is not http(s), or is a private one.
        """
        parts = split_url(request.url)
        host = (parts.hostname or "") if parts else ""
        if not parts or parts.scheme not in ("http", "https"):
            raise IgnoreRequest(f"{request.url}: only http and https are fetched")
        if is_private(host) and host not in self.private_hosts:
            raise IgnoreRequest(f"{request.url}: an address in a private network")
