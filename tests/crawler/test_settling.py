"""When a rendered page is ready, in a real browser."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from playwright.async_api import Error, TimeoutError, async_playwright

from crawler import browser

pytestmark = pytest.mark.browser

CARD = '<div data-component-type="s-search-result" data-asin="B000000001">one</div>'
PAGER = '<div class="s-pagination-container"></div>'
LATER = (
    "<script>setTimeout(() => {{ list.insertAdjacentHTML('beforeend', `{html}`) }}, {ms})</script>"
)


def later(html, ms):
    return LATER.format(html=html, ms=ms)


@pytest.fixture
def settled(serve):
    """Open a page; gives its text when it has settled, and how many milliseconds that took."""

    async def look(url):
        async with async_playwright() as playwright:
            opened = await playwright.chromium.launch(**browser.launch_options())
            page = await opened.new_page()
            await page.goto(url, wait_until="domcontentloaded")
            await browser.wait_until_settled(page)
            line = await browser.line_to(page)
            taken = await line.evaluate("performance.now()")
            await browser.hold_still(page)
            text = await page.content()
            await asyncio.sleep(0.2)
            assert await page.content() == text
            return text, taken

    def run(*pages):
        bodies = {f"/{number}": f"<body><div id=list></div>{p}" for number, p in enumerate(pages)}
        url = serve(SimpleNamespace(answer=lambda path: (200, bodies.get(path, ""))))
        return asyncio.run(look(f"{url}/0"))

    return run


def test_cards_that_come_in_parts_are_waited_for(settled):
    parts = [later(CARD, 300), later(CARD, 450), later(CARD + PAGER, 600)]
    text, _ = settled("".join(parts))
    assert text.count("data-asin") - "".join(parts).count("data-asin") == 3


def test_without_a_pager_more_is_waited_for(settled):
    late = later(CARD, 1500)
    text, taken = settled(CARD + late)
    assert text.count("data-asin") - late.count("data-asin") == 2
    assert taken >= 1500 + browser._QUIET_MS[1]


def test_a_card_that_goes_away_and_another_that_comes_start_the_wait_anew(settled):
    swap = "<script>setTimeout(() => { list.innerHTML = `" + CARD * 2 + "` }, 1000)</script>"
    text, taken = settled(CARD + swap)
    assert taken >= 1000 + browser._QUIET_MS[1]
    assert text.count("data-asin") - swap.count("data-asin") == 3


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ('<form action="/errors/validateCaptcha"></form>', 0),
        ('<p id="noResultsTitle">None</p>' + PAGER, browser._QUIET_MS[0]),
        ("<p>a page of another kind</p>", browser._QUIET_MS[2]),
        ('<div id="search"></div>', browser._QUIET_MS[3]),
    ],
    ids=["a block", "no results", "no search page", "an empty search page"],
)
def test_what_has_no_cards_is_given_its_time(settled, page, least):
    text, taken = settled(page)
    assert page.split(">")[0] in text
    assert taken >= least


def test_a_page_that_leads_on_is_waited_for_where_it_leads(settled):
    text, _ = settled(
        '<meta http-equiv="refresh" content="0; url=/1">', "<p>here</p>" + CARD + PAGER
    )
    assert "here" in text


def test_a_page_that_never_stands_still_is_given_up(settled, monkeypatch):
    monkeypatch.setattr(browser, "_SETTLE_TIMEOUT_MS", 2000)
    grow = "<script>setInterval(() => { list.innerHTML += `" + CARD + "` }, 50)</script>"
    with pytest.raises(TimeoutError):
        settled(PAGER + grow)


def test_a_page_beyond_all_bounds_is_refused(settled, monkeypatch):
    monkeypatch.setattr(browser, "_MAX_LETTERS", 10_000)
    with pytest.raises(Error, match="letters, more than 10000"):
        settled(CARD + PAGER + "a" * 10_001)


def test_a_page_that_lies_about_its_size_is_refused(settled, monkeypatch):
    monkeypatch.setattr(browser, "_MAX_LETTERS", 10_000)
    lie = """<script>
      Object.defineProperty(document.documentElement, "outerHTML", {get() { return "x" }});
      list.textContent = "a".repeat(20000);
    </script>"""
    with pytest.raises(Error, match="letters, more than 10000"):
        settled(lie + CARD + PAGER)


def test_a_page_cannot_spoil_what_it_is_watched_with(settled):
    spoil = """<script>
      window.Promise = window.MutationObserver = window.setTimeout = null;
      Document.prototype.querySelectorAll = () => [];
      performance.now = () => { throw new Error("none of yours") };
    </script>"""
    text, taken = settled(CARD * 2 + PAGER + spoil)
    assert text.count("data-asin") == 2
    assert taken >= browser._QUIET_MS[0]


def test_a_page_that_goes_on_is_read_as_it_stood(settled):
    going_on = "<p id=x></p><script>setInterval(() => { x.textContent += 'more' }, 10)</script>"
    text, _ = settled(CARD + PAGER + going_on)
    assert "<p id" in text
