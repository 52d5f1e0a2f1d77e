"""A request's body becomes files in memory, bounded while it comes in; nothing goes to disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from apparel_clf.serve.limits import Limits
from apparel_clf.serve.problems import (
    RequestError,
    cut_off,
    malformed,
    too_large,
    too_many_files,
    too_slow,
)

# Long enough for any name that a file system allows.
_NAME_LETTERS = 255


@dataclass(frozen=True)
class Upload:
    """One file of a request.

    Args:
        name: what the sender calls it; text to show, never a path to open.
        data: its bytes.
    """

    name: str
    data: bytes


async def read_uploads(
    request: Request, limits: Limits, book: Callable[[int], None]
) -> list[Upload]:
    """Read all files of a multipart request into memory.

    Args:
        request: the request, its body unread.
        limits: how much it may bring, and how slowly.
        book: called with the number of bytes before they are kept; raises if that is too much.

    Returns:
        The files, in order; at least one.

    Raises:
        RequestError: not a multipart form with files, too large, too slow, or cut off.

    Example:
        >>> [upload.name for upload in await read_uploads(request, Limits(), book)]
        ['x.jpg', 'y.jpg']
    """
    boundary = _boundary(request)
    _check_length(request, limits)
    with closing(_Form(boundary, limits.files)) as form:
        async for chunk in _chunks(request, limits):
            book(len(chunk))
            form.feed(chunk)
        return form.finish()


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise RequestError(
            415,
            "content_type",
            "expected the content type multipart/form-data, as curl -F files=@x.jpg sends it",
        )
    if not options.get(b"boundary"):
        raise malformed("its content type names no boundary")
    return options[b"boundary"]


def _check_length(request: Request, limits: Limits) -> None:
    """Refuse at once what says itself that it is too large."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limits.body:
        raise too_large(limits.body)


async def _chunks(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """Yield the body as it comes in, no more of it and no slower than allowed."""
    began, received, more = time.monotonic(), 0, True
    while more:
        left = began + limits.seconds(received) - time.monotonic()
        try:
            message = await asyncio.wait_for(request.receive(), max(left, 0))
        except (asyncio.TimeoutError, TimeoutError) as error:  # two classes before Python 3.11
            raise too_slow(received) from error
        if message["type"] == "http.disconnect":
            raise cut_off(received)
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(chunk)
        if received > limits.body:
            raise too_large(limits.body)
        yield chunk


@dataclass
class _Part:
    """A part of the form while it comes in."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str | None = None
    data: bytearray = field(default_factory=bytearray)


class _Form:
    """Collects the parts of a form, fed with one chunk after the other.

    Args:
        boundary: what separates the parts.
        max_files: parts that it may have.
    """

    def __init__(self, boundary: bytes, max_files: int) -> None:
        self._max_files = max_files
        self._uploads: list[Upload] = []
        self._part = _Part()
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_header_begin": self._begin_header,
                    "on_header_field": lambda data, start, end: self._header[0].extend(
                        data[start:end]
                    ),
                    "on_header_value": lambda data, start, end: self._header[1].extend(
                        data[start:end]
                    ),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._name_it,
                    "on_end": self._finished,
                },
            )
        except FormParserError as error:
            raise malformed("its boundary is too long") from error

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise malformed(str(error)) from error

    def finish(self) -> list[Upload]:
        """Return the files, once all bytes were fed."""
        if not self._ended:
            raise malformed("it ends before its last boundary")
        if not self._uploads:
            raise malformed("it holds no file")
        return self._uploads

    def close(self) -> None:
        """Let go of everything.

        Form and parser hold each other, so the files would stay after their request, beyond the
        memory that is booked for uploads, until Python next looks for such circles.
        """
        self._parser.callbacks = {}
        self._uploads, self._part = [], _Part()

    def _begin(self) -> None:
        if len(self._uploads) >= self._max_files:
            raise too_many_files(self._max_files)
        self._part = _Part()

    def _begin_header(self) -> None:
        self._header = (bytearray(), bytearray())

    def _end_header(self) -> None:
        name, value = self._header
        self._part.headers[bytes(name).lower()] = bytes(value)

    def _name_it(self) -> None:
        """Find out what the file is called, now that the part's headers are there."""
        _, options = parse_options_header(self._part.headers.get(b"content-disposition"))
        if b"filename" not in options:
            field_name = _text(options.get(b"name", b""))
            raise RequestError(
                422,
                "not_a_file",
                f"the part {field_name!r} is text, not a file; with curl, write "
                "-F files=@x.jpg, with the @",
            )
        self._part.name = _text(options[b"filename"])

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._part.data += memoryview(data)[start:end]

    def _end(self) -> None:
        self._uploads.append(Upload(self._part.name or "", bytes(self._part.data)))
        self._part = _Part()

    def _finished(self) -> None:
        self._ended = True


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")[:_NAME_LETTERS]
