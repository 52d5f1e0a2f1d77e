"""The application on a socket: bound first, then served until a signal, then closed in order."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from apparel_clf.errors import SettingsError
from apparel_clf.serve.limits import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

_KEEP_ALIVE = 5
_GRACE = 10
_STOP = (signal.SIGINT, signal.SIGTERM)


def open_socket(host: str, port: int) -> socket.socket:
    """Bind an address, so that a taken port is told before a model is loaded.

    Args:
        host: a name or an address, ``"127.0.0.1"`` or ``"::1"``; ``"0.0.0.0"`` is all networks.
        port: 0 lets the system choose a free one.

    Returns:
        A bound socket that does not listen yet.

    Raises:
        SettingsError: the address is not this computer's, or the port is taken or reserved.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        raise SettingsError(f"{host}:{port}: no such address ({error})") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"{host}:{port}: can't be opened ({error.strerror}); choose another with --port, or 0 "
            "for any that is free, or another --host"
        ) from error
    return bound


def is_loopback(bound: socket.socket) -> bool:
    """Whether only this computer can reach a bound socket."""
    return ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback


def url_of(bound: socket.socket) -> str:
    """Return the address to open in a browser.

    Example:
        >>> url_of(open_socket("127.0.0.1", 8000))
        'http://127.0.0.1:8000'
    """
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server:
    """Serves an application on a bound socket.

    Args:
        app: the application.
        bound: from `open_socket`; closed at the end.
        limits: connections and patience.

    Example:
        >>> Server(app, open_socket("127.0.0.1", 0), Limits()).run()
    """

    def __init__(self, app: FastAPI, bound: socket.socket, limits: Limits) -> None:
        self._bound = bound
        # The parser logs a line for each malformed form; its sender is told, the log need not be.
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        self._server = uvicorn.Server(_config(app, limits))

    def run(self) -> None:
        """Serve until Ctrl-C, SIGTERM or `stop`; running requests then have 10 s to end."""
        try:
            with self._stopped_by_signals():
                self._server.run(sockets=[self._bound])
        finally:
            self._bound.close()

    def stop(self) -> None:
        """End `run` soon; may be called from any thread."""
        self._server.should_exit = True

    @property
    def started(self) -> bool:
        """Whether requests are answered."""
        return self._server.started

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Take a signal for a wish to stop, not for an error.

        The server below raises the signals that it caught once more at its end, for whoever had
        them before: that is these handlers.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = [signal.signal(number, lambda *_: self.stop()) for number in _STOP]
        try:
            yield
        finally:
            for number, handler in zip(_STOP, before, strict=True):
                signal.signal(number, handler)


def _config(app: FastAPI, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_protocol(limits),
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )


def _protocol(limits: Limits) -> type[asyncio.Protocol]:
    class Patient(_TimedProtocol):
        patience = limits.patience

    return Patient


class _TimedProtocol(H11Protocol):
    """HTTP/1.1 that waits only so long for a request's head, and for an answer to be taken.

    Bodies have their own clock, in the application, which knows how much has come.
    """

    patience: float = 10.0

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._head = _Alarm(self.loop, self._give_up)
        self._reader = _Alarm(self.loop, self._give_up)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._head.set(self.patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clocks."""
        self._head.clear()
        self._reader.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the clock goes on while they make no request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read its answer."""
        super().pause_writing()
        self._reader.set(self.patience)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._reader.clear()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._head.clear()
        else:
            self._head.set(self.patience)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


class _Alarm:
    """Calls back once after a while, unless it is cleared; setting it twice keeps the first."""

    def __init__(self, loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
        self._loop = loop
        self._action = action
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        if self._handle is None:
            self._handle = self._loop.call_later(seconds, self._action)

    def clear(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
