"""Results become Markdown, the same text for the terminal and for the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.crawl.results import (
    OURS,
    Figures,
    Growth,
    Results,
    WayResult,
    growth_ratio,
    ratios_to_ours,
)
from benchmarks.tables import table

_NOT_RUN = "not run"
# Row title, digits, and the figure; a name has a ratio to this project's.
_ROWS: tuple[tuple[str, int, str], ...] = (
    ("originals fetched", 0, "fetched"),
    ("pictures in the output", 0, "images"),
    ("of them repeats of another", 0, "duplicates"),
    ("wall, s", 1, "wall_s"),
    ("of it slept on purpose, s", 1, "slept_s"),
    ("wall without that, s", 1, "wall_awake_s"),
    ("CPU of Python, s", 1, "cpu_python_s"),
    ("CPU of the browser, s", 1, "cpu_browser_s"),
    ("CPU of its driver, s", 1, "cpu_driver_s"),
    ("CPU of others and unseen, s", 1, "cpu_other_s"),
    ("CPU of all, s", 1, "cpu_all_s"),
    ("(CPU of the shop, s)", 1, "shop_cpu_s"),
    ("originals for a CPU second of Python", 1, "images_per_cpu_s"),
    ("originals for a second", 1, "images_per_s"),
    ("peak memory of Python, MB", 0, "peak_python_mb"),
    ("peak memory of all, MB", 0, "peak_all_mb"),
)
_GROWTH: tuple[tuple[str, Callable[[Growth], str]], ...] = (
    ("unique images", lambda step: f"{step.images:,}"),
    ("originals", lambda step: f"{step.figures.fetched:,.0f}"),
    ("published", lambda step: f"{step.figures.images:,.0f}"),
    ("wall, s", lambda step: f"{step.figures.wall_s:.1f}"),
    ("CPU of Python, s", lambda step: f"{step.figures.cpu_python_s:.1f}"),
    ("CPU for an original, ms", lambda step: f"{step.cpu_per_image_ms:.2f}"),
    ("originals for a second", lambda step: f"{step.figures.images_per_s:.1f}"),
    ("peak memory of Python, MB", lambda step: f"{step.figures.peak_python_mb:.0f}"),
    ("at 1/4, 1/2, 3/4, end, MB", lambda step: _quarters(step.figures)),
)


def comparison(ways: Sequence[WayResult]) -> str:
    """Lay out the comparison: a row for each figure, a column for each way and each ratio."""
    ratios = ratios_to_ours(ways)
    head = ["", *(way.title for way in ways), *(f"{name} / {OURS}" for name in ratios)]
    rows = [
        [
            title,
            *(_cell(way.median, name, digits) for way in ways),
            *(_ratio(values.get(name)) for values in ratios.values()),
        ]
        for title, digits, name in _ROWS
    ]
    problems = [f"\n\n{way.title}: {_NOT_RUN}, {way.problem}." for way in ways if way.problem]
    return table(head, rows) + "".join(problems)


def growth(steps: Sequence[Growth]) -> str:
    """Lay out the growth: a row for each size."""
    text = table([title for title, _ in _GROWTH], [[cell(s) for _, cell in _GROWTH] for s in steps])
    found = growth_ratio(steps)
    if found is None:
        return text
    return f"{text}\n\nCPU for an original, largest over smallest catalogue: {found:.2f}"


def markdown(results: Results) -> str:
    """Write everything down as one Markdown file."""
    parts = ["# Crawl benchmark"]
    if results.ways:
        parts += ["## Several ways, one shop", comparison(results.ways)]
    if results.growth:
        parts += ["## Growth of this project", growth(results.growth)]
    parts += ["## Settings and versions", _facts(results)]
    parts += ["How it is measured and how to read it: benchmarks/README.md"]
    return "\n\n".join(parts) + "\n"


def _facts(results: Results) -> str:
    facts = {**results.settings, **results.versions}
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _cell(figures: Figures | None, name: str, digits: int) -> str:
    return _NOT_RUN if figures is None else f"{getattr(figures, name):,.{digits}f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _quarters(figures: Figures) -> str:
    return " ".join(f"{value:.0f}" for value in figures.rss_quarters_mb)
