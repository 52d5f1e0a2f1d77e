"""Serves the review page on loopback, to the person in front of this computer alone.

What a request says never becomes a path: files of the page are held by name in memory, images are
looked up by their sha256 among those of the version.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from apparel_clf.errors import ApparelError, DatasetError, ImageError, SettingsError
from apparel_clf.review.facts import details, overview, rejected, state
from apparel_clf.review.pictures import LARGE, SMALL, Pictures
from apparel_clf.review.session import Review

#: The only address that is listened on.
HOST = "127.0.0.1"
#: The header that carries the run's token.
TOKEN_HEADER = "X-Review-Token"  # noqa: S105 (a header's name)
_MAX_BODY = 4_000_000
_MAX_WHY = 500
_NAMES = ("127.0.0.1", "localhost")
_IMAGE = re.compile(r"/(small|large|facts)/([0-9a-f]{64})")
_SIDES = {"small": SMALL, "large": LARGE}
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FILES = (
    "review.html",
    "review.css",
    "api.js",
    "ask.js",
    "bars.js",
    "cells.js",
    "grid.js",
    "items.js",
    "large.js",
    "page.js",
    "icon.svg",
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class ReviewServer(ThreadingHTTPServer):
    """The page, its data and its pictures.

    Args:
        review: what is reviewed.
        port: where to listen, 0 for any that is free. Default 0.

    Raises:
        SettingsError: the port is taken or not allowed.

    Example:
        >>> with ReviewServer(Review("datasets/demo/latest")) as server:
        ...     print(server.url)
        ...     server.serve_forever()
        http://127.0.0.1:40123/#3f9a…
    """

    daemon_threads = True
    # A second review on the same port would share it in silence.
    allow_reuse_port = False
    request_queue_size = 64

    def __init__(self, review: Review, port: int = 0) -> None:
        self.review = review
        self.token = secrets.token_urlsafe(24)
        self.pictures = Pictures()
        folder = files("apparel_clf.review") / "static"
        self.files = {name: (folder / name).read_bytes() for name in _FILES}
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise SettingsError(
                f"port {port}: cannot be listened on ({error}). Choose another with --port, or 0 "
                "for any that is free"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that left in the middle; tell everything else."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """The page's address. What follows the # is the run's token, which no request carries."""
        return f"http://{HOST}:{self.server_port}/#{self.token}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may call this server: another name leads here by a trick (rebinding)."""
        return tuple(f"{name}:{self.server_port}" for name in _NAMES)


class _RefusedError(Exception):
    """A request that gets no answer but a status and a sentence."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "apparel-clf", ""
    # A connection that nothing comes over is let go of after so many seconds.
    timeout = 60

    def do_GET(self) -> None:
        """Answer with the page, a picture or facts."""
        self._guarded(self._get)

    def do_POST(self) -> None:
        """Decide, undo or publish."""
        self._guarded(self._post)

    def _guarded(self, answer: Callable[[], None]) -> None:
        try:
            self._check_origin()
            answer()
        except _RefusedError as refused:
            self._send_json({"error": str(refused)}, refused.status)
        except ApparelError as error:
            self._send_json({"error": str(error)}, HTTPStatus.CONFLICT)
        except ConnectionError:
            self.close_connection = True  # the page was closed or scrolled on

    def _check_origin(self) -> None:
        hosts = self.server.hosts
        if self.headers.get("Host") not in hosts:
            raise self._refused("the Host is not this server's")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            raise self._refused("the request comes from another origin")
        if self.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise self._refused("the request comes from another site")

    def _refused(self, why: str) -> _RefusedError:
        self.close_connection = True  # its body is not read
        return _RefusedError(HTTPStatus.FORBIDDEN, why)

    def _get(self) -> None:
        path = self.path.partition("?")[0]
        name = "review.html" if path == "/" else path.removeprefix("/static/")
        found = _IMAGE.fullmatch(path)
        if found:
            self._image(found[1], found[2])
        elif path == "/overview":
            self._send_json(overview(self.server.review))
        elif path == "/rejections":
            self._send_json(rejected(self.server.review))
        elif name in self.server.files and path in ("/", f"/static/{name}"):
            kind = _TYPES[name.rpartition(".")[2]]
            self._send(self.server.files[name], kind, {"Cache-Control": "no-cache"})
        else:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _image(self, what: str, sha256: str) -> None:
        review = self.server.review
        if what == "facts":
            if sha256 not in review.rows:
                raise _RefusedError(HTTPStatus.NOT_FOUND, "no image of this version")
            self._send_json(details(review, sha256))
            return
        try:
            picture = self.server.pictures.get(sha256, _SIDES[what], review.file_of)
        except (DatasetError, ImageError) as error:
            raise _RefusedError(HTTPStatus.NOT_FOUND, str(error)) from error
        # Named by its content, so it never changes.
        kept = {"Cache-Control": "private, max-age=86400, immutable"}
        self._send(picture, "image/jpeg", kept)

    def _post(self) -> None:
        body = self._body()
        given = self.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode("latin-1", "replace"), self.server.token.encode()):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN,
                "not allowed to decide: open the address that the terminal shows",
            )
        answers = {"/decide": self._decide, "/undo": self._undo, "/publish": self._publish}
        if self.path not in answers:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        self._send_json(answers[self.path](body))

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length) > _MAX_BODY:
            raise self._refused("the request is too long")
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise self._refused("the request is not JSON")
        try:
            values = json.loads(self.rfile.read(int(length)))
        except (RecursionError, ValueError) as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"not JSON: {error}") from error
        if not isinstance(values, dict):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "expected an object")
        return values

    def _decide(self, body: Mapping[str, Any]) -> dict[str, Any]:
        images, action = body.get("images"), body.get("action")
        label, why = body.get("label", ""), body.get("why", "")
        if not isinstance(images, list) or not all(isinstance(i, str) for i in images):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "expected a list of images")
        if action not in ("reject", "relabel", "restore"):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "expected reject, relabel or restore")
        if not isinstance(label, str) or not isinstance(why, str):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "expected label and why to be text")
        review = self.server.review
        return state(review, review.decide(images, action, label, why[:_MAX_WHY]))

    def _undo(self, _: Mapping[str, Any]) -> dict[str, Any]:
        undone = self.server.review.undo()
        return {"undone": list(undone.images)} | state(self.server.review, undone.images)

    def _publish(self, _: Mapping[str, Any]) -> dict[str, Any]:
        version = self.server.review.publish()
        return {
            "name": version.name,
            "images": len(version),
            "unchanged": version.facts.get("parent") == version.id,
        }

    def _send_json(self, values: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        # What is not UTF-8 in a name from elsewhere must not end the answer.
        text = json.dumps(values, ensure_ascii=True)
        self._send(text.encode(), "application/json", {"Cache-Control": "no-store"}, status)

    def _send(
        self,
        body: bytes,
        kind: str,
        more: Mapping[str, str],
        status: HTTPStatus = HTTPStatus.OK,
    ) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **more, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a line for each picture would hide what the terminal has to say."""
