"""The image fetcher alone, against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import time

import pytest
from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
)
from scrapy.utils.test import get_crawler

from crawler.fetch import ImageFetcher


class Host:
    def __init__(self, answer):
        self.given = answer

    def answer(self, path):
        return self.given


def fetch(url, *, private=("127.0.0.1",), most=0, **meta):
    async def run():
        fetcher = ImageFetcher(frozenset(private), 4, most)
        try:
            request = Request(url, meta={"download_timeout": 60, **meta})
            return await fetcher.fetch(request), request.meta["download_latency"]
        finally:
            await fetcher.close()

    return asyncio.run(run())


def test_bytes_come_as_they_are(serve):
    url = serve(Host((200, b"\x1f\x8bzipped", {"Content-Encoding": "identity", "X-Two": "b"})))
    response, latency = fetch(f"{url}/x.jpg")
    assert (response.status, response.body) == (200, b"\x1f\x8bzipped")
    assert response.headers["X-Two"] == b"b"
    assert latency > 0


@pytest.mark.parametrize("encoding", ["gzip", "BR", "identity, gzip"])
def test_a_picture_that_comes_compressed_is_refused_unread(serve, encoding):
    url = serve(Host((200, gzip.compress(bytes(1000)), {"Content-Encoding": encoding})))
    with pytest.raises(DownloadCancelledError, match=rf"compressed \({encoding.lower()}\)"):
        fetch(url)


def test_an_error_page_that_comes_compressed_is_not_unpacked(serve):
    """Not by Scrapy either, which would do so on the thread that does all else."""
    bomb = gzip.compress(bytes(10_000_000))
    response, _ = fetch(serve(Host((404, bomb, {"Content-Encoding": "gzip"}))))
    middleware = HttpCompressionMiddleware(crawler=get_crawler())
    assert middleware.process_response(response.request, response).body == bomb
    assert response.status == 404


def test_redirects_are_told_and_not_followed(serve):
    url = serve(Host((302, b"", {"Location": "http://127.0.0.2/"})))
    response, _ = fetch(url)
    assert (response.status, response.headers["Location"]) == (302, b"http://127.0.0.2/")


def test_what_is_too_large_is_not_read(serve):
    with pytest.raises(DownloadCancelledError, match="more than the 10"):
        fetch(serve(Host((200, bytes(11)))), most=10)
    parts = (bytes(1000) for _ in range(100))
    with pytest.raises(DownloadCancelledError, match="more than the 5000"):
        fetch(serve(Host((200, parts))), most=5000)
    response, _ = fetch(serve(Host((200, bytes(10)))), most=10)
    assert len(response.body) == 10


def test_what_takes_too_long_is_given_up(serve):
    def slowly():
        for _ in range(100):
            yield b"x"
            time.sleep(0.1)

    with pytest.raises(DownloadTimeoutError, match="1 s"):
        fetch(serve(Host((200, slowly()))), download_timeout=1)


def test_what_cannot_be_had_is_told(serve):
    with pytest.raises(DownloadFailedError):
        fetch("http://127.0.0.1:9/x.jpg")
    with pytest.raises(DownloadFailedError):
        fetch(serve(Host(None)))


def test_names_that_lead_home_are_refused(serve):
    url = serve(Host((200, b"secret"))).replace("127.0.0.1", "localhost")
    with pytest.raises(CannotResolveHostError, match="an address in a private network"):
        fetch(url)
    response, _ = fetch(url, private=("localhost",))
    assert response.body == b"secret"


def test_a_proxy_is_asked_where_there_is_one(serve):
    seen = []

    class Proxy:
        def answer(self, path):
            seen.append(path)
            return 200, b"through the proxy"

    proxy = serve(Proxy())
    response, _ = fetch("http://m.media-amazon.com/images/I/1.jpg", proxy=proxy)
    assert response.body == b"through the proxy"
    assert seen == ["http://m.media-amazon.com/images/I/1.jpg"]
