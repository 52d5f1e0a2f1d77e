"""Fetches images: many small files from one host, within bounds, from public addresses alone.

Scrapy's usual handler takes several times the CPU for each; its handler for aiohttp is declared
experimental. What is needed here is little: GET without redirects or cookies, bounded in bytes and
time.
"""

from __future__ import annotations

import asyncio
import socket
import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
)
from scrapy.http import Response

from crawler.addresses import is_private

_CHUNK = 64 * 1024
_PROXY_PASSWORD = b"proxy-authorization"
# Scrapy unpacks by this header, on the thread that does all else: few bytes can become many.
_ENCODING = "content-encoding"


class ImageFetcher:
    """Gets image files over one pool of connections.

    Args:
        private_hosts: host names that may be in a private network: the shop's own, where it is
            there.
        connections: how many connections a host gets at most.
        most_bytes: no file may be larger; 0 for no limit.
    """

    def __init__(
        self, private_hosts: frozenset[str], connections: int, most_bytes: int = 0
    ) -> None:
        self._private_hosts = private_hosts
        self._connections = connections
        self._most_bytes = most_bytes
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, request: Request) -> Response:
        """Get one file.

        Args:
            request: its ``download_timeout`` is kept.

        Returns:
            The response as it came: redirects are not followed, nothing is decompressed, by
            Scrapy neither.

        Raises:
            DownloadTimeoutError: it took too long, in all.
            DownloadCancelledError: it is larger than allowed, or compressed, which was not asked
                for; the rest was not read.
            CannotResolveHostError: the name has no address, or a private one.
            DownloadFailedError: the connection failed or broke.
        """
        seconds = float(request.meta.get("download_timeout") or 0) or None
        proxy = request.meta.get("proxy")
        began = time.monotonic()
        try:
            async with self._opened().get(
                request.url,
                headers=_headers(request),
                proxy_headers=_proxy_headers(request) if proxy else None,
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
                proxy=proxy,
            ) as answer:
                request.meta["download_latency"] = time.monotonic() - began
                _refuse_compressed(answer)
                body = await _body(answer, self._most_bytes)
        except asyncio.TimeoutError as error:
            raise DownloadTimeoutError(f"took longer than {seconds:g} s") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise CannotResolveHostError(str(error.os_error or error)) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise DownloadFailedError(str(error) or type(error).__name__) from error
        headers = [(name, v) for name, v in answer.headers.items() if name.lower() != _ENCODING]
        return Response(request.url, answer.status, headers, body, request=request)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                limit_per_host=self._connections,
                resolver=_PublicResolver(self._private_hosts),
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        return self._session


class _PublicResolver(AbstractResolver):
    """Looks names up; addresses in a private network are left out, but for named hosts."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if host in self._private_hosts or host in _proxies():
            return found
        public = [entry for entry in found if not is_private(entry["host"])]
        if not public:
            raise OSError(f"{host} leads to {found[0]['host']}, an address in a private network")
        return public

    async def close(self) -> None:
        await self._resolver.close()


def _headers(request: Request) -> dict[str, str]:
    """What is told to the host: a proxy's password is not among it."""
    given: dict[str, str] = {
        name.decode("latin-1"): b",".join(values).decode("latin-1")
        for name, values in request.headers.items()
        if name.lower() != _PROXY_PASSWORD
    }
    # What is kept are the file's own bytes; a compressed answer would be another file.
    return given | {"Accept-Encoding": "identity"}


def _proxy_headers(request: Request) -> dict[str, str]:
    password = request.headers.get(_PROXY_PASSWORD)
    return {"Proxy-Authorization": password.decode("latin-1")} if password else {}


@cache
def _proxies() -> frozenset[str]:
    """Hosts of the proxies that this machine is set up with; they may well be next door."""
    return frozenset(urlsplit(url).hostname or "" for url in getproxies().values())


def _refuse_compressed(answer: aiohttp.ClientResponse) -> None:
    """Refuse a picture that came compressed. What an error page is in, nobody reads."""
    encoding = answer.headers.get(_ENCODING, "identity").strip().lower()
    if answer.status == 200 and encoding not in ("", "identity"):
        raise DownloadCancelledError(f"compressed ({encoding:.40}), which was not asked for")


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Read a body, and stop where it becomes larger than allowed."""
    told = answer.content_length or 0
    if most and told > most:
        raise DownloadCancelledError(f"{told} bytes, more than the {most} allowed")
    parts: list[Any] = []
    size = 0
    async for part in answer.content.iter_chunked(_CHUNK):
        size += len(part)
        if most and size > most:
            raise DownloadCancelledError(f"more than the {most} bytes allowed")
        parts.append(part)
    return b"".join(parts)
