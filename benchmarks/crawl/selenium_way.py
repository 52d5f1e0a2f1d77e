"""The original's way: a browser that scrolls, then one download after the other.

A script as a student would write it, with three concessions that give it the output of the other
ways: it skips advertisements, asks for originals where the page shows thumbnails, and leaves out an
address that it has seen. It waits for the pager rather than for luck.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote_plus

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.crawl.searches import SEARCHES
from crawler.browser import find_chromium

#: Seconds to rest after each screen, so that lazy parts of the page can load.
PAUSE = 0.5
#: Seconds that a page may take to show its pager.
PATIENCE = 30


def main() -> None:
    """Fetch every search's pictures into a folder for each class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--notes", type=Path, required=True, help="file for the time slept")
    options = parser.parse_args()
    driver = start_browser()
    slept = 0.0
    try:
        found = {}
        for label, query in SEARCHES.items():
            found[label], rested = collect(driver, f"{options.base_url}/s?k={quote_plus(query)}")
            slept += rested
    finally:
        driver.quit()
    for label, urls in found.items():
        download(urls, options.out / label)
    options.notes.write_text(json.dumps({"slept": slept}))


def start_browser() -> WebDriver:
    """Start a headless Chromium that is on this computer; nothing is downloaded."""
    options = webdriver.ChromeOptions()
    options.binary_location = find_chromium() or ""
    options.add_argument("--headless=new")
    options.add_argument("--window-size=1920,1080")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's sandbox refuses to run as root
    service = Service(executable_path=shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


def collect(driver: WebDriver, url: str | None) -> tuple[list[str], float]:
    """Read a search's pages to the last one.

    Returns:
        The addresses of the pictures, and the seconds slept.
    """
    urls: dict[str, None] = {}
    slept = 0.0
    while url:
        driver.get(url)
        WebDriverWait(driver, PATIENCE).until(
            expected_conditions.presence_of_element_located(
                (By.CSS_SELECTOR, ".s-pagination-container")
            )
        )
        slept += scroll_down(driver)
        urls.update(dict.fromkeys(pictures(driver)))
        url = next_page(driver)
    return list(urls), slept


def scroll_down(driver: WebDriver) -> float:
    """Go down screen by screen to the bottom. Returns the seconds slept."""
    slept = 0.0
    at_bottom = False
    while not at_bottom:
        driver.execute_script("window.scrollBy(0, window.innerHeight)")
        time.sleep(PAUSE)
        slept += PAUSE
        at_bottom = driver.execute_script(
            "return window.scrollY + window.innerHeight >= document.body.scrollHeight - 2"
        )
    return slept


def pictures(driver: WebDriver) -> list[str]:
    """Return the address of each result's picture, in its original size."""
    urls = []
    for card in driver.find_elements(
        By.CSS_SELECTOR, 'div[data-component-type="s-search-result"]:not(.AdHolder)'
    ):
        source = card.find_element(By.CSS_SELECTOR, "img.s-image").get_attribute("src") or ""
        urls.append(re.sub(r"\._[^/]*_\.", ".", source))
    return urls


def next_page(driver: WebDriver) -> str | None:
    """Return where the pager's "Next" leads, or None on the last page."""
    links = driver.find_elements(By.CSS_SELECTOR, "a.s-pagination-next")
    return links[0].get_attribute("href") if links else None


def download(urls: list[str], folder: Path) -> None:
    """Fetch one picture after the other."""
    folder.mkdir(parents=True)
    for number, url in enumerate(urls):
        urllib.request.urlretrieve(url, folder / f"{number}.jpg")  # noqa: S310 - the shop's own


if __name__ == "__main__":
    main()
