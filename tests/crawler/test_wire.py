"""Search pages that come in slowly, without end, or grow once they are there: all are bounded."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.browser

HTML = {"Content-Type": "text/html"}


def trickling(page):
    """All results at once, and then a letter now and then."""
    yield page.encode()
    for _ in range(300):
        yield b"."
        time.sleep(0.2)


def endless(page):
    """All results at once, and then ever more."""
    yield page.encode()
    for _ in range(1000):
        yield b"<p>" + b"more " * 4000
        time.sleep(0.02)


def test_pages_without_an_end_are_given_up_and_asked_for_again(shop, crawl):
    good, bodies = shop.page, {"trickling": trickling, "endless": endless}

    def page(label, number):
        status, body = good(label, number)
        if label in bodies and number == 1 and shop.asked_for(label) <= 1:
            return status, bodies[label](body), HTML
        return status, body

    shop.page = page
    labels = [*bodies, "good"]
    run = crawl(labels=labels, BLOCK_LIMIT=20, PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT=8000)
    assert run.code == 0, run.err
    assert run.summary["blocked"] == {"timeout": 2}
    assert [run.summary["classes"][label]["blocks"] for label in labels] == [1, 1, 0]
    assert run.counts == dict.fromkeys(labels, 10)
    assert "Traceback" not in run.err


def test_a_shop_whose_pages_never_end_is_left(shop, crawl):
    good = shop.page
    shop.page = lambda label, page: (200, endless(good(label, page)[1]), HTML)
    run = crawl(labels=["hats"], BLOCK_LIMIT=1, PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT=3000)
    assert run.code == 3
    assert "cannot be read (timeout 1)" in run.err


def test_a_page_that_grows_once_it_is_ready_is_not_read(shop, crawl):
    good, other = shop.page, shop.answer
    # A script that is under way keeps the page loading; meanwhile another one fills it.
    grow = """<script async src="/images/I/slow.js"></script><p id=x hidden></p>
      <script>setTimeout(() => { x.textContent = "a".repeat(3e6) }, 2000)</script>"""

    def answer(path):
        if path.endswith("slow.js"):
            time.sleep(4)
            return 200, "", {"Content-Type": "text/javascript"}
        return other(path)

    shop.answer = answer
    shop.page = lambda label, page: (200, good(label, page)[1] + grow)
    run = crawl(labels=["hats"], BLOCK_LIMIT=1, DOWNLOAD_MAXSIZE=2_000_000)
    assert run.code == 3
    assert "cannot be read (browser 1)" in run.err
