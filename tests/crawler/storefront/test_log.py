"""The log of requests: kinds, its bound, and reading while it is written."""

from __future__ import annotations

import threading

import pytest

from crawler.storefront.log import REMEMBERED, Request, RequestLog, kind_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "home"),
        ("/s", "search"),
        ("/s/query", "fragment"),
        ("/images/I/x.jpg", "image"),
        ("/Slim-Jeans/dp/B0ABCDEFGH/ref=x", "product"),
        ("/dp/B0ABCDEFGH", "product"),
        ("/robots.txt", "robots"),
        ("/static/shop.css", "static"),
        ("/search", "other"),
    ],
)
def test_kinds(path, kind):
    assert kind_of(path) == kind


def test_log_forgets_the_oldest_when_full():
    log = RequestLog()
    for number in range(REMEMBERED + 5):
        log.add(Request(str(number), "other", "", 0.0, 200))
    assert len(log) == REMEMBERED
    assert log.paths()[0] == "5"


def test_log_can_be_read_while_it_is_written():
    log = RequestLog()
    stop = threading.Event()

    def write():
        while not stop.is_set():
            log.add(Request("/", "home", "", 0.0, 200))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        lengths = [len(list(log)) for _ in range(50)]
        assert lengths == sorted(lengths)
    finally:
        stop.set()
        writer.join()
