"""How much memory the browser takes over a long crawl.

Run as a program: ``python -m benchmarks.crawl.browser_memory``. Linux only. The drawn shop's search
pages are rendered, 48 results each. Most results are turned away by their titles, so that pages and
not images are what is crawled.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.errors import BenchmarkError
from benchmarks.measure import QUARTERS, measured, role_of
from crawler.storefront import Storefront
from crawler.storefront.catalogue import PLANTED_SHARE
from crawler.storefront.garments import GARMENT_CLASSES, palette

_ROOT = Path(__file__).parents[2]
_MB = 1e6
_PAGE_SIZE = 48
_LIMIT = 4 * 3600.0


@dataclass
class Watch:
    """Looks at the browser's processes now and then, from a thread.

    Memory is the proportional set size: what processes share counts once.

    Args:
        interval: seconds between two looks.

    Attributes:
        series: seconds and the memory of all of them together, in bytes.
        started: the main processes of all browsers that were seen, by process id and start.
    """

    interval: float
    series: list[tuple[float, int]] = field(default_factory=list)
    started: set[tuple[int, float]] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        began = time.monotonic()
        while not self._over.wait(self.interval):
            memory = sum(map(self._memory, psutil.Process().children(recursive=True)))
            if memory:
                self.series.append((time.monotonic() - began, memory))

    def _memory(self, process: Any) -> int:
        with suppress(psutil.Error):
            words = process.cmdline()
            if role_of(process.name(), words) != "browser":
                return 0
            told = " ".join(words)
            if "--headless" in told and "--type=" not in told:
                self.started.add((process.pid, process.create_time()))
            return int(process.memory_full_info().pss)
        return 0


def highest_by_quarter(series: Sequence[tuple[float, int]]) -> tuple[int, ...]:
    """Return the highest value in each quarter of a series' time.

    Args:
        series: seconds and value, in order of time.

    Returns:
        A value for each quarter, 0 for one without any; empty for an empty series.

    Example:
        >>> highest_by_quarter([(0.0, 5), (1.0, 2), (2.0, 9), (3.0, 4), (4.0, 1)])
        (5, 9, 4, 1)
    """
    if not series:
        return ()
    first, last = series[0][0], series[-1][0]
    ends = [first + share * (last - first) for share in QUARTERS]
    found = [0] * len(ends)
    for at, value in series:
        place = next((i for i, end in enumerate(ends) if at <= end), len(ends) - 1)
        found[place] = max(found[place], value)
    return tuple(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Crawl and print the highest memory by quarter. Returns the exit status."""
    options = _options(argv)
    try:
        pages, watch = _crawl(options)
    except BenchmarkError as error:
        sys.stderr.write(f"benchmark: error: {error}\n")
        return 1
    print(f"{pages} pages, {len(watch.started)} browsers, {len(watch.series)} looks")
    for quarter, memory in enumerate(highest_by_quarter(watch.series), 1):
        print(f"quarter {quarter}: at most {memory / _MB:.0f} MB")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crawl.browser_memory", description=__doc__
    )
    parser.add_argument(
        "--pages", type=int, default=167, help="pages of each of three classes (default: 167)"
    )
    parser.add_argument(
        "--browser-pages", type=int, help="BROWSER_PAGES (default: that of the settings)"
    )
    parser.add_argument(
        "--interval", type=float, default=3.0, help="seconds between two looks (default: 3)"
    )
    return parser.parse_args(argv)


def _crawl(options: argparse.Namespace) -> tuple[int, Watch]:
    """Crawl a shop with so many pages of each class; return how many pages were asked for."""
    # A share of the products repeats pictures, so fewer fill the same pages.
    unique = max(1, round(options.pages * _PAGE_SIZE * (1 - PLANTED_SHARE)))
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        Storefront(per_class=unique, page_size=_PAGE_SIZE) as shop,
        Watch(options.interval) as watch,
    ):
        folder = Path(name)
        command = _command(shop.url, folder, options.browser_pages)
        measured(command, folder=folder, root=_ROOT, limit=_LIMIT)
        return shop.requests.counts["search"], watch


def _command(url: str, folder: Path, browser_pages: int | None) -> list[str]:
    classes = folder / "classes.toml"
    classes.write_text(
        "".join(
            f'[{label}]\nqueries = ["{label}"]\nmust = ["{palette(label)[0]}"]\n'
            for label in GARMENT_CLASSES
        )
    )
    values: dict[str, object] = {"CLASSES_FILE": classes, "DATASETS_FOLDER": folder / "datasets"}
    if browser_pages:
        values["BROWSER_PAGES"] = browser_pages
    settings = [word for name, value in values.items() for word in ("-s", f"{name}={value}")]
    arguments = ["-a", f"base_url={url}", "-a", "per_class=1000000", "-a", "pages=1000000"]
    return [sys.executable, "-m", "scrapy", "crawl", "amazon_apparel", *settings, *arguments]


if __name__ == "__main__":
    sys.exit(main())
