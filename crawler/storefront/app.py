"""The shop's HTTP answers: reads requests, asks the pure parts, sends what they say."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from aiohttp import web

from apparel_clf.errors import ImageError
from apparel_clf.images import read_header
from crawler.storefront import pages
from crawler.storefront.catalogue import Catalogue
from crawler.storefront.images import parse_name
from crawler.storefront.log import Request, RequestLog, kind_of
from crawler.storefront.search import ResultPage, result_page
from crawler.storefront.store import ImageStore

#: A longer query is cut.
MAX_QUERY = 200
#: A page number beyond this means this one; it is past the end of any catalogue.
MAX_PAGE = 100_000

# What the shop itself reads of an address; anything else is a filter, which links carry along.
_OWN_NAMES = frozenset({"k", "page", "layout", "batch", "ref"})
_MOST_FILTERS = 10
_STATIC = {"shop.css": "text/css", "shop.js": "text/javascript"}
_FOLDER = Path(__file__).parent / "static"
_ROBOTS = """\
User-agent: *
Disallow: /gp/cart
Disallow: /gp/sign-in
Disallow: /gp/slredirect
Disallow: /ap/signin
Disallow: /dp/shipping/
Disallow: /dp/e-mail-friend/
Disallow: /wishlist/

User-agent: Scrapy
Disallow: /
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Pace:
    """How slow the shop is, in seconds.

    Args:
        page: before every page, and before the first part of its results.
        image: before every image.
        batch: between two parts of a page's results, waited for by the page's own script.
    """

    page: float = 0.0
    image: float = 0.0
    batch: float = 0.05


@dataclass(frozen=True)
class _Asked:
    """What a search request asks for, once everything odd in it is put right."""

    query: str
    number: int
    layout: str
    more: pages.Filters = ()


class Shop:
    """The handlers of one shop.

    Args:
        catalogue: what it sells.
        log: where requests are written down.
        page_size: results a page, advertisements not counted.
        pace: how slow it is.
    """

    def __init__(
        self, catalogue: Catalogue, log: RequestLog, page_size: int = 48, pace: Pace | None = None
    ) -> None:
        self._catalogue = catalogue
        self._log = log
        self._pace = pace or Pace()
        self._store = ImageStore(catalogue)
        self._opened = time.monotonic()
        self._page = lru_cache(maxsize=256)(partial(result_page, catalogue, page_size=page_size))
        self._batch = lru_cache(maxsize=256)(self._rendered_batch)

    def app(self) -> web.Application:
        """Make the application that answers for this shop."""
        app = web.Application(middlewares=[self._watch])
        app.add_routes(
            [
                web.get("/", self._home),
                web.get("/s", self._search),
                web.get("/s/query", self._fragment),
                web.get("/images/I/{name}", self._image),
                web.get("/dp/{asin}", self._product),
                web.get("/{slug}/dp/{asin}", self._product),
                web.get("/{slug}/dp/{asin}/{ref}", self._product),
                web.get("/sspa/click", self._advertised),
                web.get("/gp/slredirect/{tail:.*}", self._advertised),
                web.get("/robots.txt", self._robots),
                web.get("/static/{name}", self._static),
            ]
        )
        app.on_cleanup.append(self._close)
        return app

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Write every request down, and answer what isn't there with a page a person can read."""
        try:
            response = await handler(request)
        except web.HTTPNotFound:
            text = "The shop has no page at this address, and no accounts or carts."
            response = _html(pages.note("Page not found", text), status=404)
        except web.HTTPException as stop:
            self._write_down(request, stop.status)
            raise
        self._write_down(request, response.status)
        return response

    def _write_down(self, request: web.Request, status: int) -> None:
        self._log.add(
            Request(
                path=request.raw_path,
                kind=kind_of(request.path),
                user_agent=request.headers.get("User-Agent", ""),
                at=time.monotonic() - self._opened,
                status=status,
            )
        )

    async def _close(self, _: web.Application) -> None:
        await asyncio.to_thread(self._store.close)

    async def _home(self, _: web.Request) -> web.Response:
        await asyncio.sleep(self._pace.page)
        return _html(pages.home(self._catalogue))

    async def _search(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._pace.page)
        asked = _asked(request)
        page = self._page(asked.query, asked.number)
        return _html(pages.shell(page, asked.layout, self._pace.batch, asked.more))

    async def _fragment(self, request: web.Request) -> web.Response:
        number = _whole(request.query.get("batch", ""), default=0, largest=pages.BATCHES)
        await asyncio.sleep(0.0 if number else self._pace.page)
        return web.json_response(self._batch(_asked(request), number))

    def _rendered_batch(self, asked: _Asked, number: int) -> dict[str, Any]:
        page: ResultPage = self._page(asked.query, asked.number)
        return pages.batch(self._catalogue, page, asked.layout, number, asked.more)

    async def _image(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._pace.image)
        name = parse_name(request.match_info["name"])
        try:
            file = name and await self._store.file(name)
        except (ImageError, OSError) as error:
            raise web.HTTPNotFound from error
        if not file:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "public, max-age=630720000", "ETag": f'"{file.etag}"'}
        wanted = request.if_none_match or ()
        if any(tag.value in (file.etag, "*") for tag in wanted):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, content_type=file.content_type, headers=headers)

    async def _product(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._pace.page)
        product = self._catalogue.by_asin.get(request.match_info["asin"])
        if product is None:
            raise web.HTTPNotFound
        try:
            original = await self._store.original(product.image_id)
            header = read_header(original.body)
        except (ImageError, OSError) as error:
            raise web.HTTPNotFound from error
        return _html(pages.product_page(product, (header.width, header.height)))

    async def _advertised(self, request: web.Request) -> web.Response:
        """Follow an advertisement to its product here; to any other place it leads nowhere."""
        target = re.search(r"/dp/(\w+)", request.query.get("url", ""))
        product = self._catalogue.by_asin.get(target[1]) if target else None
        if product is None:
            raise web.HTTPNotFound
        raise web.HTTPFound(pages.product_url(product))

    async def _robots(self, _: web.Request) -> web.Response:
        return web.Response(text=_ROBOTS)

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _STATIC:
            raise web.HTTPNotFound
        text = (_FOLDER / name).read_text("utf-8")
        return web.Response(text=text, content_type=_STATIC[name])


def _html(text: str, status: int = 200) -> web.Response:
    # A query may hold halves of characters that UTF-8 cannot spell.
    body = text.encode("utf-8", "replace")
    return web.Response(body=body, content_type="text/html", charset="utf-8", status=status)


def _asked(request: web.Request) -> _Asked:
    words = " ".join(request.query.get("k", "").split())[:MAX_QUERY]
    number = _whole(request.query.get("page", ""), default=1, largest=MAX_PAGE)
    layout = request.query.get("layout", "")
    known = layout if layout in pages.LAYOUTS else pages.LAYOUTS[0]
    others = [pair for pair in request.query.items() if pair[0] not in _OWN_NAMES]
    more = tuple((name[:MAX_QUERY], value[:MAX_QUERY]) for name, value in others[:_MOST_FILTERS])
    return _Asked(words, max(1, number), known, more)


def _whole(text: str, default: int, largest: int) -> int:
    """Read a number that a stranger typed; what is none counts as the default."""
    if not re.fullmatch(r"[0-9]+", text):
        return default
    return largest if len(text) > 9 else min(int(text), largest)
