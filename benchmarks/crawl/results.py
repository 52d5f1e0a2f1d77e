"""Figures: one run's, medians of several, ratios, and the shape that they have as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

#: Name of this project's way.
OURS = "ours"
#: Figures that are compared as ratios to this project's.
COMPARED = (
    "wall_s",
    "wall_awake_s",
    "cpu_python_s",
    "cpu_all_s",
    "images_per_cpu_s",
    "images_per_s",
    "peak_python_mb",
    "peak_all_mb",
)


_QUARTERS = "rss_quarters_mb"


@dataclass(frozen=True)
class Figures:
    """One run, or the medians of several.

    Args:
        fetched: originals that the shop sent, each counted once; the same for all ways.
        images: pictures in the output.
        duplicates: how many of them repeat another one.
        wall_s: seconds from start to end.
        slept_s: seconds of these that the program slept on purpose.
        cpu_python_s: CPU seconds of the Python process.
        cpu_browser_s: of Chromium's processes.
        cpu_driver_s: of chromedriver or Playwright's node.
        cpu_other_s: of anything else, and what no look had seen (see `measure.Usage`).
        shop_cpu_s: of the shop, which is on nobody's bill but works on the same CPUs.
        peak_python_mb: largest resident memory of the Python process.
        peak_all_mb: largest sum over all processes.
        rss_quarters_mb: the Python process's memory at 1/4, 1/2, 3/4 and the end.
    """

    fetched: float
    images: float
    duplicates: float
    wall_s: float
    slept_s: float
    cpu_python_s: float
    cpu_browser_s: float
    cpu_driver_s: float
    cpu_other_s: float
    shop_cpu_s: float
    peak_python_mb: float
    peak_all_mb: float
    rss_quarters_mb: tuple[float, ...]

    @property
    def wall_awake_s(self) -> float:
        """Seconds without those slept on purpose."""
        return self.wall_s - self.slept_s

    @property
    def cpu_all_s(self) -> float:
        """CPU seconds of all processes."""
        return self.cpu_python_s + self.cpu_browser_s + self.cpu_driver_s + self.cpu_other_s

    @property
    def images_per_cpu_s(self) -> float:
        """Originals for each CPU second of the Python process."""
        return self.fetched / self.cpu_python_s if self.cpu_python_s else 0.0

    @property
    def images_per_s(self) -> float:
        """Originals for each second."""
        return self.fetched / self.wall_s if self.wall_s else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return all figures, rounded to what a run can tell."""
        derived = {name: getattr(self, name) for name in COMPARED}
        return {name: _rounded(value) for name, value in (asdict(self) | derived).items()}


@dataclass(frozen=True)
class WayResult:
    """What became of one way.

    Args:
        name: of the way.
        title: for tables.
        runs: its runs, the first first; empty where it did not run.
        problem: why it did not run, else empty.
    """

    name: str
    title: str
    runs: tuple[Figures, ...] = ()
    problem: str = ""

    @property
    def median(self) -> Figures | None:
        """Median of each figure over the runs; None where there is no run."""
        return medians(self.runs) if self.runs else None


@dataclass(frozen=True)
class Growth:
    """This project alone on one size of catalogue.

    Args:
        images: unique pictures in the catalogue.
        figures: the run.
    """

    images: int
    figures: Figures

    @property
    def cpu_per_image_ms(self) -> float:
        """CPU milliseconds of the Python process for each original."""
        return 1000 * self.figures.cpu_python_s / self.figures.fetched


@dataclass(frozen=True)
class Results:
    """Everything that one call of the benchmark found.

    Args:
        settings: what was run, by name.
        versions: of what took part, by name.
        ways: the comparison; empty where it was left out.
        growth: the growth; empty where it was left out.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    ways: tuple[WayResult, ...] = ()
    growth: tuple[Growth, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what the JSON file holds."""
        return {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "ways": {way.name: _way_json(way) for way in self.ways},
            "ratios_to_ours": ratios_to_ours(self.ways),
            "growth": [_growth_json(step) for step in self.growth],
            "growth_cpu_per_image_ratio": _rounded(growth_ratio(self.growth)),
        }


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure by itself.

    Args:
        runs: one or more.
    """
    rows = [asdict(run) for run in runs]
    values = {name: median(row[name] for row in rows) for name in rows[0] if name != _QUARTERS}
    quarters = zip(*(run.rss_quarters_mb for run in runs), strict=False)
    return Figures(**values, rss_quarters_mb=tuple(median(values) for values in quarters))


def ratio(value: float, base: float) -> float | None:
    """Return `value` / `base`, or None where there is nothing to divide by.

    Example:
        >>> ratio(3.0, 2.0), ratio(3.0, 0.0)
        (1.5, None)
    """
    return value / base if base else None


def ratios_to_ours(ways: Sequence[WayResult]) -> dict[str, dict[str, float | None]]:
    """Compare every other way with this project's.

    Args:
        ways: in any order.

    Returns:
        Way to figure to ratio; ways that did not run are left out. Empty without this project's.
    """
    base = next((way.median for way in ways if way.name == OURS), None)
    if base is None:
        return {}
    return {
        way.name: {
            name: _rounded(ratio(getattr(figures, name), getattr(base, name))) for name in COMPARED
        }
        for way in ways
        if way.name != OURS and (figures := way.median) is not None
    }


def growth_ratio(growth: Sequence[Growth]) -> float | None:
    """Return CPU for each image on the largest catalogue over that on the smallest.

    Returns:
        1.0 means linear cost; None for fewer than two sizes.
    """
    if len(growth) < 2:
        return None
    steps = sorted(growth, key=lambda step: step.images)
    return ratio(steps[-1].cpu_per_image_ms, steps[0].cpu_per_image_ms)


def _way_json(way: WayResult) -> dict[str, Any]:
    return {
        "status": "ok" if way.runs else "not run",
        "problem": way.problem,
        "median": way.median.to_json() if way.median else None,
        "runs": [run.to_json() for run in way.runs],
    }


def _growth_json(step: Growth) -> dict[str, Any]:
    return {
        "catalogue_images": step.images,
        "cpu_per_image_ms": _rounded(step.cpu_per_image_ms),
        **step.figures.to_json(),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_rounded(part) for part in value]
    return round(value, 3) if isinstance(value, float) else value
