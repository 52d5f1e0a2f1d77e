"""What stands before every request: foreign pages are kept out, no error shows its insides."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apparel_clf.serve.problems import RequestError

log = logging.getLogger(__name__)

#: The names under which a service on this computer alone is asked.
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# Pictures of a page are the person's own files, shown from memory: blob.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TOO_SLOW = 408
_DROP_BYTES = 100_000_000
_DROP_SECONDS = 5.0
_DROP_PAUSE = 0.5
_INTERNAL = RequestError(500, "internal", "something went wrong here; the log tells what")


class Guard:
    """ASGI middleware: checks Host and Origin, adds headers, turns what escapes into an answer.

    Args:
        app: what it guards.
        hosts: the only names that are answered to; a page of any other origin is refused too.
            None answers to all.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(name.lower() for name in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender = _Sender(send, _Rest(Headers(scope=scope), receive))
        problem = self._foreign(Headers(scope=scope))
        if problem is not None:
            await _refuse(problem, sender)
            return
        try:
            await self._app(scope, sender.rest.receive, sender)
        except Exception:
            log.exception("%s %s failed", scope["method"], ascii(scope["path"]))
            if sender.started:
                raise
            await _refuse(_INTERNAL, sender)

    def _foreign(self, headers: Headers) -> RequestError | None:
        """Tell a request that another site's page sends, or that came by another site's name."""
        if self._hosts is None:
            return None
        host = headers.get("host", "")
        if _name_of(host) not in self._hosts:
            return RequestError(
                421, "foreign_host", f"this service does not go by the name {host!r}"
            )
        origin = headers.get("origin")
        if origin is not None and _place_of(origin) != host.lower():
            return RequestError(
                403, "foreign_origin", f"pages of {origin!r} may not ask this service"
            )
        return None


class _Rest:
    """What of a request's body nobody has read yet.

    Closing a connection on unread bytes resets it, and the sender never sees why it was refused.
    So the rest is read and dropped first, as long as it is neither much nor slow.
    """

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        # Who asks whether to send at all has sent nothing, and reading would say yes.
        self._done = "expect" in headers

    async def receive(self) -> Message:
        """Pass on the next message."""
        message = await self._receive()
        self._done = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def drop(self) -> None:
        """Read what is left, until it is too much, or takes too long, or the sender pauses."""
        dropped, until = 0, time.monotonic() + _DROP_SECONDS
        while not self._done and dropped < _DROP_BYTES and time.monotonic() < until:
            try:
                message = await asyncio.wait_for(self.receive(), _DROP_PAUSE)
            except (asyncio.TimeoutError, TimeoutError):  # two classes before Python 3.11
                return
            dropped += len(message.get("body", b""))


class _Sender:
    """Sends messages on, with our headers, and remembers whether an answer has begun."""

    def __init__(self, send: Send, rest: _Rest) -> None:
        self._send = send
        self.rest = rest
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if message["status"] != _TOO_SLOW:
                await self.rest.drop()
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


async def _refuse(problem: RequestError, send: Send) -> None:
    body = json.dumps({"code": problem.code, "reason": problem.reason}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _name_of(host: str) -> str:
    """Return the name in a Host header, without its port; empty where there is none.

    Example:
        >>> _name_of("localhost:8000"), _name_of("[::1]:80")
        ('localhost', '::1')
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _place_of(origin: str) -> str:
    """Return host and port of an Origin header; empty for ``null`` and nonsense."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
