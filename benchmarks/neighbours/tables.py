"""Results become Markdown, the same text for the terminal and for the file."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.neighbours.results import Case, Cell, Results
from benchmarks.tables import table

_NONE = "–"
_MARK = "~"


def markdown(results: Results) -> str:
    """Write everything down as one Markdown file."""
    parts = ["# Near pairs benchmark", _LEGEND]
    for kind, title in results.kinds.items():
        cases = [case for case in results.cases if case.kind == kind]
        parts += [f"## {title}", "Seconds:", _seconds(results, cases, lambda cell: cell.wall_s)]
        parts += ["CPU seconds, of all CPUs:", _seconds(results, cases, lambda cell: cell.cpu_s)]
        parts += ["Peak memory of the process, MB:", _memory(results, cases)]
    parts += [_problems(results), "## Settings and versions"]
    facts = {**results.settings, **results.versions}
    parts += ["\n".join(f"- {name}: {value}" for name, value in facts.items())]
    parts += ["How it is measured and how to read it: benchmarks/README.md"]
    return "\n\n".join(part for part in parts if part) + "\n"


_LEGEND = (
    "All pairs of 64-bit hashes that differ in at most so many bits (radius). "
    f"`{_MARK}` marks what is extrapolated from fewer hashes, by the square of their number."
)


def _seconds(results: Results, cases: list[Case], seconds: Callable[[Cell], float | None]) -> str:
    head = ["radius", "hashes", "pairs", *results.ways.values()]
    rows = [
        [
            str(case.radius),
            f"{case.count:,}",
            _pairs(results, case),
            *(_time(cell, seconds(cell)) for cell in results.row(case)),
        ]
        for case in cases
    ]
    return table(head, rows)


def _memory(results: Results, cases: list[Case]) -> str:
    rows = [
        [
            str(case.radius),
            f"{case.count:,}",
            *(_peak(cell) for cell in results.row(case)),
        ]
        for case in cases
    ]
    return table(["radius", "hashes", *results.ways.values()], rows)


def _pairs(results: Results, case: Case) -> str:
    known = (cell.pairs for cell in results.row(case))
    return next((f"{pairs:,}" for pairs in known if pairs is not None), _NONE)


def _time(cell: Cell, seconds: float | None) -> str:
    if seconds is None:
        return _NONE
    if cell.extrapolated:
        return f"{_MARK}{seconds:,.{0 if seconds >= 10 else 1}f}"
    return f"{seconds:,.{3 if seconds < 0.1 else 2 if seconds < 10 else 1}f}"


def _peak(cell: Cell) -> str:
    return _NONE if cell.peak_mb is None else f"{cell.peak_mb:,.0f}"


def _problems(results: Results) -> str:
    found = {results.ways[cell.way]: cell.problem for cell in results.cells if cell.problem}
    return "\n\n".join(f"{title}: not run, {problem}." for title, problem in found.items())
