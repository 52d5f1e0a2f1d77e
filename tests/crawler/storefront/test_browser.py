"""The shop in a real browser: results come by JavaScript, and a person can use it."""

from __future__ import annotations

import os
import shutil

import pytest

from crawler.storefront import Storefront

CARDS = '[data-component-type="s-search-result"]'


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tools:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        options = {"executable_path": path} if path else {}
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        try:
            found = tools.chromium.launch(args=["--no-sandbox"] if root else [], **options)
        except playwright.Error as error:
            pytest.skip(f"no Chromium could be started: {error.message.splitlines()[0]}")
        yield found
        found.close()


# Counted inside the page, since what a test asks from outside arrives when it arrives.
COUNT_CARDS = f"""
  window.counts = [];
  document.addEventListener("DOMContentLoaded", () => {{
    const count = () => document.querySelectorAll('{CARDS}').length;
    window.counts.push(count());
    new MutationObserver(() => {{
      const now = count();
      if (now !== window.counts.at(-1)) window.counts.push(now);
    }}).observe(document.body, {{ childList: true, subtree: true }});
  }});
"""


@pytest.mark.browser
def test_cards_appear_only_after_javascript(browser, fetch, catalogue):
    with Storefront(catalogue, batch_delay=0.3) as shop:
        assert "s-search-result" not in fetch(shop.url + "/s?k=jeans").text.replace(
            "s-search-results", ""
        )
        page = browser.new_page()
        page.add_init_script(COUNT_CARDS)
        errors = []
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(shop.url + "/s?k=jeans", wait_until="domcontentloaded")
        page.wait_for_selector(".s-pagination-container")
        counts = page.evaluate("window.counts")
        assert counts[0] == 0
        assert len(counts) > 2, "all cards came at once"
        assert counts == sorted(counts)
        assert counts[-1] == 53
        assert errors == []
        page.close()


@pytest.mark.browser
def test_without_javascript_a_browser_sees_no_cards(browser, shop):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shop.url + "/s?k=jeans", wait_until="networkidle")
    assert page.locator(CARDS).count() == 0
    assert "The results need JavaScript" in page.content()
    context.close()


@pytest.mark.browser
def test_a_person_can_search_and_turn_pages(browser, shop):
    page = browser.new_page()
    page.goto(shop.url + "/")
    page.fill("input[name=k]", "men's jeans")
    page.click("#nav-search-submit-button")
    page.click("a.s-pagination-next")
    page.wait_for_selector("span.s-pagination-next")
    assert "49-71 of 71" in page.inner_text("#search-bar")
    page.locator(f"{CARDS}:not(.AdHolder) a > h2").first.click()
    page.wait_for_selector("#productTitle")
    assert page.inner_text("#productTitle").startswith("Jeans")
    page.close()


@pytest.mark.browser
def test_results_that_cannot_be_loaded_are_said_to_be(browser, shop):
    page = browser.new_page()
    page.route("**/s/query*", lambda route: route.abort())
    page.goto(shop.url + "/s?k=jeans")
    page.get_by_text("could not be loaded").wait_for()
    page.close()
