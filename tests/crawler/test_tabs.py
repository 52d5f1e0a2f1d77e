"""No tab and no browser stays open that nobody uses, whatever becomes of its page."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import unquote

import pytest

from crawler.settings import EXTENSIONS

pytestmark = pytest.mark.browser

WATCHING = '''
import psutil
from playwright.async_api import Error, Page
from scrapy import signals

from crawler import handler


class TabCounter:
    """Says when nothing is left to do what is open, and how much of that waits for a page."""

    def __init__(self, crawler):
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler):
        counter = cls(crawler)
        crawler.signals.connect(counter.idle, signals.spider_idle)
        return counter

    def idle(self):
        ours = handler._HANDLERS[self.crawler]
        tabs = sum(len(context.pages) for context in ours.browser.contexts)
        self.crawler.stats.set_value("open/tabs", tabs)
        self.crawler.stats.set_value("open/waiting", len(ours._idle))
        self.crawler.stats.set_value("open/browsers", sum(map(is_browser, all_children())))


def all_children():
    return psutil.Process().children(recursive=True)


def is_browser(process):
    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    words = " ".join(process.cmdline())
    return "--headless" in words and "--type=" not in words


class FailingRoutes:
    """Lets Playwright fail twice where a tab was opened and nothing was asked of it yet."""

    def __init__(self):
        self.left = 2
        self.route = Page.route
        ours = self

        async def route(self, *args, **kwargs):
            ours.left -= 1
            if ours.left >= 0:
                raise Error("no route")
            return await ours.route(self, *args, **kwargs)

        Page.route = route
'''

CRASHING = """
from playwright.async_api import Error

crashed = []


async def first_script(request):
    if request.resource_type == "script" and not crashed:
        page = request.frame.page
        session = await page.context.new_cdp_session(page)
        crashed.append(session.send("Page.crash"))
        try:
            await crashed[0]
        except Error:
            pass
    return False
"""


@pytest.fixture
def watched(crawl, tmp_path):
    """Crawl, and tell what was open at the end."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "watching_tabs.py").write_text(WATCHING)

    def run(*extensions, **values):
        used = {f"watching_tabs.{name}": 10 for name in ("TabCounter", *extensions)}
        found = crawl(EXTENSIONS=json.dumps(EXTENSIONS | used), LOG_LEVEL="INFO", **values)
        counted = dict(re.findall(r"'open/(\w+)': (\d+)", found.err))
        return found, {name: int(number) for name, number in counted.items()}

    return run


def slowly():
    yield b"<p>one moment"
    for _ in range(100):
        time.sleep(0.2)
        yield b"."


def test_a_tab_that_fails_before_its_page_is_asked_for_is_closed(watched):
    run, found = watched("FailingRoutes", labels=["hats"])
    assert run.code == 0, run.err
    assert run.summary["blocked"] == {"browser": 2}
    assert run.counts == {"hats": 10}
    assert "'playwright/browser_count': 1," in run.err
    assert found == {"tabs": 1, "waiting": 1, "browsers": 1}


def test_pages_that_fail_leave_no_tab_behind(shop, watched):
    good = shop.page
    first = {
        "cut": lambda page: None,
        "refused": lambda page: (503, "<p>later</p>"),
        "closing": lambda page: (200, page + "<script>window.close()</script>"),
        "slow": lambda page: (200, slowly(), {"Content-Type": "text/html"}),
    }

    def page(label, number):
        status, body = good(label, number)
        spoilt = number == 1 and shop.asked_for(label) <= 1
        return first[label](body) if spoilt else (status, body)

    shop.page = page
    labels = [*first]
    run, found = watched(labels=labels, BLOCK_LIMIT=20, PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT=8000)
    assert run.code == 0, run.err
    assert run.counts == dict.fromkeys(labels, 10)
    assert run.summary["blocked"]["timeout"] >= 1
    assert "'playwright/browser_count': 1," in run.err  # so none went with its browser
    assert found["tabs"] == found["waiting"] > 0
    assert found["browsers"] == 1


def test_a_page_that_hangs_leaves_no_tab_and_no_browser_behind(shop, watched):
    good = shop.page
    hang = "<script>setTimeout(() => { while (true) {} }, 50)</script>"
    shop.page = lambda label, page: (
        (200, good(label, page)[1] + hang)
        if label == "hats" and shop.asked_for("hats") < 2 and page == 1
        else good(label, page)
    )
    run, found = watched(BROWSER_PAGE_TIMEOUT=15)
    assert run.code == 0, run.err
    assert run.counts == {"hats": 10, "gloves": 10}
    assert "'playwright/browser_count': 2," in run.err
    assert found["tabs"] == found["waiting"] > 0
    assert found["browsers"] == 1


def leading_on(times):
    """A page that asks for itself again, the first times that it is asked for."""

    def page(shop, good, label, number):
        status, body = good(label, number)
        leads = label == "hats" and number == 1 and shop.asked_for("hats") <= times
        return status, body + ('<meta http-equiv="refresh" content="0">' if leads else "")

    return page


@pytest.mark.parametrize(("times", "blocked"), [(3, {}), (7, {"browser": 1})])
def test_a_page_that_leads_on_for_ever_is_left(shop, crawl, times, blocked):
    good, page = shop.page, leading_on(times)
    shop.page = lambda label, number: page(shop, good, label, number)
    run = crawl(labels=["hats"])
    assert run.code == 0, run.err
    assert run.summary["blocked"] == blocked
    assert run.counts == {"hats": 10}


def test_why_a_page_was_left_is_told(shop, crawl):
    good, page = shop.page, leading_on(10**6)
    shop.page = lambda label, number: page(shop, good, label, number)
    run = crawl(BLOCK_LIMIT=3, LOG_LEVEL="INFO")
    assert "hats: a page failed (browser: the page led on more than 5 times)" in run.err
    assert run.counts == {"gloves": 10}
    # Those that were under way when the tab was closed come on top.
    assert shop.asked_for("hats") < 3 * 12


REMEMBERING = """<script>(async () => {
  const before = [document.cookie, localStorage.kept, sessionStorage.kept, window.name,
                  (await indexedDB.databases()).length, (await caches.keys()).length];
  await fetch("/seen?" + encodeURIComponent(before.join()));
  window.name = localStorage.kept = sessionStorage.kept = document.cookie = "kept=yes";
  await caches.open("kept");
  await new Promise(done => { indexedDB.open("kept").onsuccess = done });
  document.body.insertAdjacentHTML("beforeend", `%s`);
})()</script>"""


def test_what_a_page_stores_the_next_does_not_see(shop, crawl):
    good, other, seen = shop.page, shop.answer, []

    def page(label, number):
        status, body = good(label, number)
        return status, REMEMBERING % body, {"Set-Cookie": "told=yes; path=/; max-age=9999"}

    def answer(path):
        if path.startswith("/seen?"):
            seen.append(unquote(path.partition("?")[2]))
            return 200, ""
        return other(path)

    shop.page, shop.answer, shop.pages = page, answer, 8
    run = crawl(labels=["hats"])
    assert run.code == 0, run.err
    assert run.counts == {"hats": 40}
    assert seen == ["told=yes,,,,0,0"] * 8


def test_a_page_that_crashes_is_tried_in_another_tab(shop, watched, tmp_path):
    (tmp_path / "modules" / "crashing.py").write_text(CRASHING)
    good, script = shop.page, '<script async src="/crash.js"></script>'
    shop.page = lambda label, page: (200, good(label, page)[1] + script)
    run, found = watched(labels=["hats"], PLAYWRIGHT_ABORT_REQUEST="crashing.first_script")
    assert run.code == 0, run.err
    assert run.summary["blocked"] == {"browser": 1}
    assert run.counts == {"hats": 10}
    assert "'playwright/browser_count': 1," in run.err
    assert found == {"tabs": 1, "waiting": 1, "browsers": 1}
