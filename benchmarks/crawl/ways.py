"""The ways as programs to start, and what each leaves behind."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import apparel_clf as ac
from benchmarks.crawl import results
from benchmarks.errors import NotInstalledError

#: More than any catalogue holds: every way reads every page.
_EVERYTHING = 1_000_000


@dataclass(frozen=True)
class Way:
    """One way to fetch the pictures.

    Args:
        name: for the command line and JSON.
        title: for tables.
        command: shop's address and empty folder to the program to start.
        pictures: where its output is, below the folder that it ran in.
        check: raises NotInstalledError where something is missing on this computer.
    """

    name: str
    title: str
    command: Callable[[str, Path], list[str]]
    pictures: str
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Output:
    """What a way left behind.

    Args:
        files: pictures in its output.
        duplicates: how many of them repeat another one, exactly or nearly.
    """

    files: int
    duplicates: int


def slept(folder: Path) -> float:
    """Return the seconds that a way says it slept, 0 where it says nothing."""
    notes = folder / "notes.json"
    return float(json.loads(notes.read_text())["slept"]) if notes.exists() else 0.0


def _ours(url: str, folder: Path) -> list[str]:
    values = {"base_url": url, "per_class": _EVERYTHING, "pages": _EVERYTHING}
    given = [word for name, value in values.items() for word in ("-a", f"{name}={value}")]
    command = [sys.executable, "-m", "scrapy", "crawl", "amazon_apparel", *given]
    return [*command, "-s", f"DATASETS_FOLDER={folder / 'datasets'}"]


def _stock(url: str, folder: Path) -> list[str]:
    module = "benchmarks.crawl.stock_way"
    return [sys.executable, "-m", module, "--base-url", url, "--out", str(folder / "images")]


def _quiet(url: str, folder: Path) -> list[str]:
    return [*_stock(url, folder), "--log-level", "WARNING"]


def _selenium(url: str, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.crawl.selenium_way", "--base-url", url]
    return [*command, "--out", str(folder / "images"), "--notes", str(folder / "notes.json")]


def _check_selenium() -> None:
    missing = []
    if find_spec("selenium") is None:
        missing.append("the package selenium (pip install selenium)")
    if shutil.which("chromedriver") is None:
        missing.append("chromedriver (e.g. apt-get install chromium-driver)")
    if missing:
        raise NotInstalledError(f"needs {' and '.join(missing)}")


def output(way: Way, folder: Path) -> Output:
    """Look through what a way left behind; this is no part of what is measured.

    Args:
        way: which.
        folder: where it ran.
    """
    found = ac.find_duplicates(folder / way.pictures, show_progress=False)
    return Output(len(found.images), len(found.removals()))


OURS = Way(results.OURS, "this project", _ours, "datasets/apparel/v1")
SELENIUM = Way("selenium", "Selenium, then one by one", _selenium, "images", _check_selenium)
STOCK = Way("stock", "stock Scrapy + ImagesPipeline", _stock, "images")
QUIET = Way("quiet", "the same, log at WARNING", _quiet, "images")
#: In the order of the table's columns.
WAYS = (OURS, SELENIUM, STOCK, QUIET)
