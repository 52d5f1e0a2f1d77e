"""What the clients send: pictures, files that are none, and requests that mean harm."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

_BOUNDARY = b"BenchmarkBoundary"
_BODY_LIMIT = 32_000_000


@dataclass(frozen=True)
class Case:
    """One kind of request.

    Args:
        name: what it is called in the table.
        kind: ``"good"``, ``"bad"`` or ``"hostile"``.
        raw: the whole request as it goes over the line.
        expected: the statuses that are right; 0 where the service may just hang up.
        share: how often it is sent, beside the others.
        cut: bytes after which the sender leaves, or None.
    """

    name: str
    kind: str
    raw: bytes
    expected: frozenset[int]
    share: int = 10
    cut: int | None = None


def cases() -> list[Case]:
    """Make all kinds of requests. A busy service may answer any whole one with 503."""
    small, large = _jpeg((600, 800)), _jpeg((3_000, 4_000))
    form = _form(("x.jpg", small))
    return [
        _case("picture of 600x800", "good", 200, _form(("x.jpg", small)), share=60),
        _case("picture of 3000x4000", "good", 200, _form(("x.jpg", large)), share=10),
        _case("four pictures", "good", 200, _form(*[("x.jpg", small)] * 4), share=10),
        _case("explain", "good", 200, form, share=20, path="/explain"),
        _case("health", "good", 200, b"", path="/health", method="GET", share=20),
        _case("truncated JPEG", "bad", 200, _form(("x.jpg", small[:9_000]), ("y.jpg", small))),
        _case("web page as .jpg", "bad", 200, _form(("x.jpg", b"<!doctype html>" * 99))),
        _case("empty file", "bad", 200, _form(("x.jpg", b""))),
        _case("text field, no file", "bad", 422, _form((None, b"x.jpg"))),
        _case("wrong content type", "bad", 415, form, kind_of_body="image/jpeg"),
        _case("PNG of 50,000x50,000", "hostile", 200, _form(("x.png", _png_bomb()))),
        _case("JPEG of 5,000 scans", "hostile", 200, _form(("x.jpg", _many_scans(5_000)))),
        _case("JPEG of a million parts", "hostile", 200, _form(("x.jpg", _many_parts(small)))),
        _case("thousand tiny files", "hostile", 413, _form(*[("x.png", b"x")] * 1_000)),
        _case("malformed form", "hostile", 400, form[: len(form) // 2]),
        _case("64 MB body", "hostile", 413, _form(("x", bytes(2 * _BODY_LIMIT))), share=1),
        _case("no HTTP at all", "hostile", (400, 0), None, share=5),
        _case("cut in the body", "hostile", 0, form, cut=len(form) // 2),
        _case("name with a path", "hostile", 200, _form(("../../etc/passwd", small))),
    ]


def _case(
    name: str,
    kind: str,
    expected: int | tuple[int, ...],
    body: bytes | None,
    *,
    path: str = "/predict",
    method: str = "POST",
    kind_of_body: str = "",
    share: int = 10,
    cut: int | None = None,
) -> Case:
    raw = b"\x16\x03\x01\x02\x00" * 20 if body is None else b""
    if body is not None:
        content = kind_of_body or f"multipart/form-data; boundary={_BOUNDARY.decode()}"
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Content-Type: {content}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        raw = head.encode() + body
    right = {expected} if isinstance(expected, int) else set(expected)
    if 0 not in right and method == "POST":
        right.add(503)
    return Case(name, kind, raw, frozenset(right), share, cut)


def _form(*files: tuple[str | None, bytes]) -> bytes:
    parts = []
    for name, data in files:
        told = "" if name is None else f'; filename="{name}"'
        head = f'Content-Disposition: form-data; name="files"{told}\r\n\r\n'
        parts.append(b"--" + _BOUNDARY + b"\r\n" + head.encode() + data + b"\r\n")
    return b"".join(parts) + b"--" + _BOUNDARY + b"--\r\n"


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _jpeg(size: tuple[int, int]) -> bytes:
    rng = np.random.default_rng(0)
    blocks = Image.fromarray(rng.integers(0, 256, (80, 60, 3), dtype=np.uint8))
    return _saved(blocks.resize(size, Image.Resampling.BICUBIC), "JPEG", quality=90)


def _png_bomb() -> bytes:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(bytes(9_999)), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _many_scans(count: int) -> bytes:
    plain = _saved(Image.new("L", (4_000, 4_000), 128), "JPEG", progressive=True)
    return plain[:-2] + plain[plain.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


def _many_parts(plain: bytes) -> bytes:
    return plain[:2] + b"\xff\xe0\x00\x02" * 1_000_000 + plain[2:]
