from __future__ import annotations

import pytest
from scrapy import Request
from twisted.internet import defer
from twisted.internet.error import DNSLookupError

from crawler import resolver
from crawler.addresses import is_allowed_image, is_private, origin

HOSTS = ("m.media-amazon.com", "images-*.ssl-images-amazon.com", "127.0.0.1:8765", "[::1]:80")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://m.media-amazon.com/images/I/7.jpg", True),
        ("https://m.media-amazon.com:443/images/I/7.jpg", True),
        ("http://m.media-amazon.com:80/7.jpg", True),
        ("https://M.MEDIA-AMAZON.COM/7.jpg", True),
        ("https://images-eu.ssl-images-amazon.com/7.jpg", True),
        ("http://127.0.0.1:8765/7.jpg", True),
        ("http://127.0.0.1/7.jpg", False),
        ("http://127.0.0.1:22/7.jpg", False),
        ("https://m.media-amazon.com:8443/7.jpg", False),
        ("https://m.media-amazon.com.evil.example/7.jpg", False),
        ("https://evil.example/m.media-amazon.com/7.jpg", False),
        ("https://me:pw@m.media-amazon.com/7.jpg", False),
        ("ftp://m.media-amazon.com/7.jpg", False),
        ("file:///etc/passwd", False),
        ("//m.media-amazon.com/7.jpg", False),
        ("https://m.media-amazon.com:99999/7.jpg", False),
        ("http://[x", False),
        ("", False),
        ("https://m\u3002media-amazon.com/7.jpg", True),  # a full stop of another script
        ("https://evil.example\\.ssl-images-amazon.com/7.jpg", False),
        ("https://images-evil.com\\.ssl-images-amazon.com/7.jpg", False),
        ("https://images-evil.com/.ssl-images-amazon.com/7.jpg", False),
        ("https://images-evil.com%5c.ssl-images-amazon.com/7.jpg", False),
        *(
            (f"https://images-{part}.ssl-images-amazon.com/7.jpg", False)
            for part in ("a|b", "a<b", "a>b", "a b", "a;b", "a.b", "a..b", "\u200b", "a" * 70, "")
        ),
        ("https://m.media-amazon.com/\ud800.jpg", False),  # nothing that could be asked for
        ("http://[::1%25lo]/7.jpg", False),
    ],
)
def test_images_come_from_named_hosts_alone(url, allowed):
    assert is_allowed_image(url, HOSTS) is allowed


def test_a_star_alone_stands_for_every_host_with_a_proper_name():
    assert is_allowed_image("http://127.0.0.2:8000/7.jpg", ["*"])
    assert is_allowed_image("http://[::1]/7.jpg", ["*"])
    assert not is_allowed_image("https://a|b.org/7.jpg", ["*"])


def test_what_is_judged_is_what_is_asked_for():
    url = "https://images-evil.com\\.ssl-images-amazon.com/7.jpg"
    asked = Request(url).url
    assert asked == "https://images-evil.com/.ssl-images-amazon.com/7.jpg"
    assert origin(url) == origin(asked) == ("https", "images-evil.com", 443)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "::1",
            "[::1]",
        ),
        *("10.1.2.3", "192.168.0.1", "172.16.5.4", "169.254.169.254", "100.64.0.1", "fd00::1"),
        *("localhost", "LOCALHOST.", "shop.localhost", "::ffff:127.0.0.1", "fe80::1", "224.0.0.1"),
        *("64:ff9b::7f00:1", "::127.0.0.1", "2002:7f00:1::", "ff02::1", "::ffff:0:7f00:1"),
        *("64:ff9b:1::7f00:1", "64:ff9b:1::808:808", "192.0.0.8", "fec0::1", "2001:db8::1"),
    ],
)
def test_private_addresses_in_any_spelling(host):
    assert is_private(host)


@pytest.mark.parametrize(
    "host",
    [
        *("www.amazon.com", "8.8.8.8", "2606:4700::1111", "amazon.co.jp"),
        *("64:ff9b::808:808", "2002:808:808::", "::ffff:8.8.8.8"),
    ],
)
def test_public_addresses(host):
    assert not is_private(host)


@pytest.fixture
def looked_up(monkeypatch):
    """Ask the resolver, with an answer from the network in its hands."""

    def ask(name, answer):
        monkeypatch.setattr(
            resolver.CachingThreadedResolver,
            "getHostByName",
            lambda self, name, timeout=(): defer.succeed(answer),
        )
        results = []
        asked = resolver.PublicResolver.__new__(resolver.PublicResolver).getHostByName(name)
        asked.addBoth(results.append)
        return results[0]

    return ask


def test_a_name_that_leads_home_is_refused(looked_up):
    failure = looked_up("images.evil.example", "127.0.0.1")
    assert failure.check(DNSLookupError)
    assert "images.evil.example leads to 127.0.0.1" in str(failure.value)
    assert looked_up("m.media-amazon.com", "52.84.1.1") == "52.84.1.1"


def test_a_shop_of_ones_own_may_be_at_home(looked_up, monkeypatch):
    monkeypatch.setattr(resolver, "_ALLOWED", set())
    resolver.allow_private(["shop.lan"])
    assert looked_up("shop.lan", "192.168.0.7") == "192.168.0.7"
