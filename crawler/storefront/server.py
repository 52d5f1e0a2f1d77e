"""The shop as a running server: on loopback, in a thread of its own, gone when the block ends."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from os import PathLike
from types import TracebackType

from aiohttp import web
from aiohttp.http import HttpProcessingError

from apparel_clf.errors import SettingsError
from crawler.storefront.app import Pace, Shop
from crawler.storefront.catalogue import Catalogue
from crawler.storefront.log import RequestLog
from crawler.storefront.sources import PER_CLASS, drawn_catalogue, folder_catalogue

#: Seconds that open connections get when the shop closes.
CLOSING_SECONDS = 0.5

_LOG = logging.getLogger(__name__)


def _is_own_fault(record: logging.LogRecord) -> bool:
    """Leave out what a client spelled wrong: it got its 400, and the shop is fine."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


_LOG.addFilter(_is_own_fault)


class Storefront:
    """A shop on this computer that speaks the marketplace's markup.

    Args:
        catalogue: what it sells: a `Catalogue`, a folder of photos with one folder a class, or
            None (default) for drawn garments.
        seed: what garments, ids, duplicates and order follow from, where the shop makes its
            catalogue itself. Default 0.
        host: a loopback address; others are refused. Default ``"127.0.0.1"``.
        port: 0 (default) takes any free one.
        per_class: unique pictures a class, where the shop makes its catalogue itself; by default
            320 drawn ones, or all photos of a folder.
        page_size: results a page, advertisements not counted. Default 48.
        page_delay: seconds before every page, and before the first part of its results.
            Default 0.
        image_delay: seconds before every image. Default 0.
        batch_delay: seconds between two parts of a page's results. Default 0.05.

    Attributes:
        catalogue: the `Catalogue`, with the truth about every product and planted duplicate.
        requests: the `RequestLog` of what was asked.

    Raises:
        SettingsError: the host isn't loopback, the port is taken, or a value is out of range.

    Example:
        >>> with Storefront(per_class=40) as shop:
        ...     crawl(base_url=shop.url)
        ...     shop.requests.counts["image"]
    """

    def __init__(
        self,
        catalogue: Catalogue | str | PathLike[str] | None = None,
        *,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        per_class: int | None = None,
        page_size: int = 48,
        page_delay: float = 0.0,
        image_delay: float = 0.0,
        batch_delay: float = 0.05,
    ) -> None:
        _check(page_size=page_size, least=1)
        _check(page_delay=page_delay, image_delay=image_delay, batch_delay=batch_delay, least=0)
        self._address = _loopback(host)
        self._port = port
        self.catalogue = _catalogue(catalogue, seed, per_class)
        self.requests = RequestLog()
        pace = Pace(page_delay, image_delay, batch_delay)
        self._shop = Shop(self.catalogue, self.requests, page_size, pace)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._close: Callable[[], object] | None = None

    @property
    def url(self) -> str:
        """Where the shop is, without a slash at the end."""
        if self._socket is None:
            raise SettingsError(
                "The storefront is closed. Open it first: with Storefront() as shop"
            )
        port = self._socket.getsockname()[1]
        host = f"[{self._address}]" if self._address.version == 6 else str(self._address)
        return f"http://{host}:{port}"

    def start(self) -> Storefront:
        """Open the shop; returns when it answers.

        Raises:
            SettingsError: the port is taken, or the shop was opened before.
        """
        if self._thread is not None:
            raise SettingsError("A storefront opens once. Make a new one.")
        self._socket = self._bound()
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(self._socket, ready), name="storefront", daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._close is None:
            raise SettingsError("The storefront could not open; its thread's error says why.")
        return self

    def stop(self) -> None:
        """Close the shop; returns when its thread and socket are gone."""
        if self._thread is None or self._close is None:
            return
        self._close()
        self._thread.join()
        self._close = self._socket = None

    def __enter__(self) -> Storefront:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if self._address.version == 6 else socket.AF_INET
        try:
            return socket.create_server((str(self._address), self._port), family=family)
        except (OSError, OverflowError) as error:
            raise SettingsError(_no_port(self._port, error)) from error

    def _serve(self, bound: socket.socket, ready: threading.Event) -> None:
        try:
            asyncio.run(self._open_until_closed(bound, ready))
        finally:
            ready.set()

    async def _open_until_closed(self, bound: socket.socket, ready: threading.Event) -> None:
        closing = asyncio.Event()
        loop = asyncio.get_running_loop()
        runner = web.AppRunner(
            self._shop.app(), access_log=None, logger=_LOG, shutdown_timeout=CLOSING_SECONDS
        )
        await runner.setup()
        await web.SockSite(runner, bound).start()
        self._close = partial(loop.call_soon_threadsafe, closing.set)
        ready.set()
        await closing.wait()
        await runner.cleanup()


def _catalogue(
    given: Catalogue | str | PathLike[str] | None, seed: int, per_class: int | None
) -> Catalogue:
    if isinstance(given, Catalogue):
        if per_class is not None:
            raise SettingsError(
                "per_class says how a catalogue is made, but a ready one was given. Leave one out."
            )
        return given
    if given is None:
        return drawn_catalogue(seed, PER_CLASS if per_class is None else per_class)
    return folder_catalogue(given, seed, per_class)


def _no_port(port: int, error: OSError | OverflowError) -> str:
    number = getattr(error, "errno", None)
    # The error's own text has the number and the address once more.
    reason = os.strerror(number) if number else "expected a number from 0 to 65535"
    problem = "is taken" if number == errno.EADDRINUSE else f"cannot be had ({reason})"
    return f"port {port} {problem}: choose another with --port, or 0 for any"


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise SettingsError(
            f"Expected host to be a loopback address such as 127.0.0.1: the storefront is for this "
            f"computer alone. Received: {host!r}"
        )
    return address


def _check(*, least: float, **values: float) -> None:
    for name, value in values.items():
        if not value >= least:
            raise SettingsError(f"Expected {name} to be {least} or more. Received: {value}")
