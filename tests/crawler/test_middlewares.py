"""Which addresses are fetched from, where nothing else has judged them before."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.exceptions import IgnoreRequest

from crawler.middlewares import AddressMiddleware


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.2:8000/images/I/1.jpg", "private network"),
        ("http://localhost/1.jpg", "private network"),
        ("http://[::ffff:10.0.0.1]/1.jpg", "private network"),
        ("http://0x7f000001/1.jpg", "private network"),
        ("file:///etc/hostname", "only http and https"),
        ("ftp://www.amazon.com/1.jpg", "only http and https"),
        ("data:image/png;base64,AAAA", "only http and https"),
    ],
)
def test_addresses_that_are_refused(url, why):
    with pytest.raises(IgnoreRequest, match=why):
        AddressMiddleware(frozenset({"127.0.0.1"})).process_request(Request(url))


@pytest.mark.parametrize(
    "url", ["https://m.media-amazon.com/images/I/1.jpg", "http://127.0.0.1:8765/images/I/1.jpg"]
)
def test_public_addresses_and_the_shop_itself_pass(url):
    AddressMiddleware(frozenset({"127.0.0.1"})).process_request(Request(url))
