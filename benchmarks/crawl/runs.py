"""Runs a way once against a shop of its own, and checks that it fetched what it had to."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.crawl.catalogue import catalogue
from benchmarks.crawl.results import Figures, Growth, WayResult
from benchmarks.crawl.shop import ShopReport, open_shop
from benchmarks.crawl.ways import OURS, Output, Way, output, slept
from benchmarks.errors import BenchmarkError, NotInstalledError
from benchmarks.measure import Usage, measured

#: Seconds after which a run has failed.
LIMIT = 3600.0
_ROOT = Path(__file__).parents[2]
_MB = 1e6
_NAMED = 5

Say = Callable[[str], None]


def compare(ways: Sequence[Way], images: int, repeat: int, say: Say) -> tuple[WayResult, ...]:
    """Run all ways in turns, as often as asked.

    Args:
        ways: what to compare, in the order of the results.
        images: unique pictures in the catalogue.
        repeat: runs of each way.
        say: told of every run.

    Returns:
        A result for each way; one that needs what isn't installed has none of its runs.

    Raises:
        BenchmarkError: a way failed, or did not fetch what the others did.
    """
    problems = {way.name: _missing(way, say) for way in ways}
    able = deque(way for way in ways if not problems[way.name])
    runs: dict[str, list[Figures]] = {way.name: [] for way in ways}
    for _ in range(repeat):
        for way in able:
            runs[way.name].append(run(way, images, say))
        able.rotate(-1)  # whoever is first must not always be the same
    return tuple(
        WayResult(way.name, way.title, tuple(runs[way.name]), problems[way.name]) for way in ways
    )


def grow(sizes: Sequence[int], say: Say) -> tuple[Growth, ...]:
    """Run this project alone, once on each size of catalogue."""
    return tuple(Growth(images, run(OURS, images, say)) for images in sizes)


def run(way: Way, images: int, say: Say) -> Figures:
    """Run one way once.

    Args:
        way: which.
        images: unique pictures in the catalogue.
        say: told how it went.

    Raises:
        BenchmarkError: it failed, or did not fetch every original of every result, or others.
    """
    pictures = catalogue(images)
    # A shop for each run: none finds another's thumbnails made already.
    with tempfile.TemporaryDirectory(prefix="bench-") as name, open_shop(pictures) as shop:
        folder = Path(name)
        command = way.command(shop.url, folder)
        usage = measured(command, folder=folder, root=_ROOT, limit=LIMIT)
        report = shop.close()
        check_fetched(way.name, report.originals, report.products)
        figures = as_figures(usage, report, output(way, folder), slept(folder))
    say(f"{way.name}: {images:,} images, {figures.wall_s:.1f} s")
    return figures


def check_fetched(name: str, fetched: frozenset[str], wanted: frozenset[str]) -> None:
    """Check that a way fetched the originals of all results, and no others.

    Every way is held against the shop's own list, so ways that pass fetched the same.

    Raises:
        BenchmarkError: with how many are missing or too many, and some of them.
    """
    missing, surplus = sorted(wanted - fetched), sorted(fetched - wanted)
    if missing or surplus:
        raise BenchmarkError(
            f"{name} did not fetch what it had to, so there is nothing to compare: "
            f"{len(missing)} of {len(wanted)} originals are missing {missing[:_NAMED]}, "
            f"{len(surplus)} are no result's {surplus[:_NAMED]}"
        )


def as_figures(usage: Usage, report: ShopReport, made: Output, seconds: float) -> Figures:
    """Put together what was measured, what the shop saw and what was left behind.

    Args:
        usage: of the way's processes.
        report: of the shop.
        made: the way's output.
        seconds: that it slept on purpose.
    """
    return Figures(
        fetched=len(report.originals),
        images=made.files,
        duplicates=made.duplicates,
        wall_s=usage.wall,
        slept_s=seconds,
        cpu_python_s=usage.cpu["python"],
        cpu_browser_s=usage.cpu["browser"],
        cpu_driver_s=usage.cpu["driver"],
        cpu_other_s=usage.cpu["other"] + usage.cpu_unseen,
        shop_cpu_s=report.cpu,
        peak_python_mb=usage.peak_python / _MB,
        peak_all_mb=usage.peak_all / _MB,
        rss_quarters_mb=tuple(value / _MB for value in usage.rss_quarters),
    )


def _missing(way: Way, say: Say) -> str:
    try:
        way.check()
    except NotInstalledError as error:
        say(f"{way.name}: not run, {error}")
        return str(error)
    return ""
