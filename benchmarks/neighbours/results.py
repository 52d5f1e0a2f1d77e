"""Figures: one search's, medians of several, what is extrapolated, and their shape as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.errors import BenchmarkError


@dataclass(frozen=True)
class Run:
    """One search.

    Args:
        pairs: how many it found.
        wall_s: seconds of the search alone, without starting Python and reading the hashes.
        cpu_s: CPU seconds of it.
        peak_mb: largest resident memory of the process, with Python and all that it imports.
    """

    pairs: int
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Case:
    """What is searched.

    Args:
        kind: of hashes.
        radius: largest number of differing bits.
        count: how many hashes.
    """

    kind: str
    radius: int
    count: int


@dataclass(frozen=True)
class Cell:
    """What became of one way on one case.

    Args:
        way: its name.
        case: what was searched.
        runs: one or more; of fewer hashes where it is extrapolated; none where it did not run.
        measured: how many hashes the runs searched.
        problem: why there is no run, else empty.
    """

    way: str
    case: Case
    runs: tuple[Run, ...] = ()
    measured: int = 0
    problem: str = ""

    @property
    def extrapolated(self) -> bool:
        """Whether fewer hashes were searched than the case has."""
        return bool(self.runs) and self.measured != self.case.count

    @property
    def wall_s(self) -> float | None:
        """Median of the runs, taken to grow with the square of the number of hashes."""
        if not self.runs:
            return None
        return predicted(median(run.wall_s for run in self.runs), self.measured, self.case.count)

    @property
    def cpu_s(self) -> float | None:
        """The same of CPU seconds."""
        if not self.runs:
            return None
        return predicted(median(run.cpu_s for run in self.runs), self.measured, self.case.count)

    @property
    def peak_mb(self) -> float | None:
        """Median of the runs; None where it is not measured."""
        if not self.runs or self.extrapolated:
            return None
        return median(run.peak_mb for run in self.runs)

    @property
    def pairs(self) -> int | None:
        """How many pairs there are; None where it is not measured."""
        return self.runs[0].pairs if self.runs and not self.extrapolated else None

    def to_json(self) -> dict[str, Any]:
        """Return what the JSON file holds of it."""
        return {
            "way": self.way,
            **asdict(self.case),
            "pairs": self.pairs,
            "wall_s": _rounded(self.wall_s),
            "cpu_s": _rounded(self.cpu_s),
            "peak_mb": _rounded(self.peak_mb),
            "extrapolated_from": self.measured if self.extrapolated else None,
            "problem": self.problem,
            "runs": [
                {name: _rounded(value) for name, value in asdict(r).items()} for r in self.runs
            ],
        }


@dataclass(frozen=True)
class Results:
    """Everything that one call of the benchmark found.

    Args:
        settings: what was run, by name.
        versions: of what took part, by name.
        kinds: name of each kind of hashes to its title.
        ways: name of each way to its title, in the order of the columns.
        cells: every way on every case.
    """

    settings: Mapping[str, str]
    versions: Mapping[str, str]
    kinds: Mapping[str, str]
    ways: Mapping[str, str]
    cells: tuple[Cell, ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """What was searched, in order, each once."""
        return tuple(dict.fromkeys(cell.case for cell in self.cells))

    def row(self, case: Case) -> list[Cell]:
        """Return what became of each way on a case, in the order of the ways."""
        cells = {cell.way: cell for cell in self.cells if cell.case == case}
        return [cells[way] for way in self.ways]

    def to_json(self) -> dict[str, Any]:
        """Return what the JSON file holds."""
        return {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "cells": [cell.to_json() for cell in self.cells],
        }


def predicted(seconds: float, count: int, larger: int) -> float:
    """Predict seconds for more hashes: the number of pairs to look at grows with its square.

    Example:
        >>> predicted(2.0, 1000, 10_000)
        200.0
    """
    return seconds * (larger / count) ** 2


def check_agreement(cells: Sequence[Cell]) -> None:
    """Check that all ways found the same number of pairs in each case.

    Raises:
        BenchmarkError: naming the case and what each found.
    """
    found: dict[Case, dict[str, int]] = {}
    for cell in cells:
        for run in cell.runs if not cell.extrapolated else ():
            found.setdefault(cell.case, {})[cell.way] = run.pairs
    for case, pairs in found.items():
        if len(set(pairs.values())) > 1:
            raise BenchmarkError(f"the ways do not find the same pairs: {case}: {pairs}")


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
