"""Runs each way on more and more hashes, as long as it can be expected to finish soon."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.errors import BenchmarkError, NotInstalledError
from benchmarks.measure import measured
from benchmarks.neighbours.hashes import Maker
from benchmarks.neighbours.results import Case, Cell, Run, check_agreement, predicted
from benchmarks.neighbours.ways import OURS, Way

#: Runs that take longer than this, in seconds, are not repeated.
LONG = 4.0
_ROOT = Path(__file__).parents[2]
# A search that takes so many times longer than predicted, and a minute, has failed.
_PATIENCE = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scope:
    """How much is run.

    Args:
        counts: numbers of hashes, ascending.
        radii: largest numbers of differing bits.
        repeat: runs of this project's way on each case; others run once.
        limit: CPU seconds; what is predicted to take more is extrapolated.
        our_limit: the same for this project's way.
    """

    counts: tuple[int, ...]
    radii: tuple[int, ...]
    repeat: int
    limit: float
    our_limit: float

    def limit_of(self, way: Way) -> float:
        """Return the CPU seconds that a way may be predicted to take."""
        return self.our_limit if way is OURS else self.limit

    def repeats_of(self, way: Way) -> int:
        """Return how often a way runs on a case."""
        return self.repeat if way is OURS else 1


def compare(
    ways: Sequence[Way], kinds: Mapping[str, Maker], scope: Scope, say: Say
) -> tuple[Cell, ...]:
    """Run all ways on all kinds of hashes.

    Args:
        ways: what to compare.
        kinds: name of each kind of hashes to what makes them.
        scope: how much is run.
        say: told of every search.

    Returns:
        A cell for each way and case.

    Raises:
        BenchmarkError: this project's way failed, or the ways did not find the same.
    """
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for kind, make in kinds.items():
            for count in scope.counts:
                np.save(_file(Path(name), kind, count), make(count))
            for radius in scope.radii:
                for way in ways:
                    cells += climb(way, kind, radius, scope, Path(name), say)
                check_agreement(cells)
    return tuple(cells)


def climb(way: Way, kind: str, radius: int, scope: Scope, folder: Path, say: Say) -> list[Cell]:
    """Run one way on one kind of hashes, ascending, and extrapolate what would take too long.

    Args:
        way: which.
        kind: of hashes.
        radius: largest number of differing bits.
        scope: how much is run.
        folder: with the files of hashes.
        say: told of every search.
    """
    cells: list[Cell] = []
    runs: tuple[Run, ...] = ()
    last, problem = 0, _missing(way)
    for count in scope.counts:
        case = Case(kind, radius, count)
        guess = predicted(median(run.cpu_s for run in runs), last, count) if runs else 0.0
        if not problem and guess <= scope.limit_of(way):
            try:
                runs, last = _repeated(way, case, scope.repeats_of(way), guess, folder), count
            except BenchmarkError as error:
                if way is OURS:
                    raise
                problem = f"failed on {count:,}: {str(error).strip().splitlines()[-1]}"
        cells.append(Cell(way.name, case, () if problem else runs, last, problem))
        say(_told(cells[-1]))
    return cells


def _repeated(way: Way, case: Case, repeat: int, guess: float, folder: Path) -> tuple[Run, ...]:
    limit = 60 + _PATIENCE * guess
    runs = [_searched(way, case, limit, folder)]
    while len(runs) < repeat and runs[0].wall_s < LONG:
        runs.append(_searched(way, case, limit, folder))
    return tuple(runs)


def _searched(way: Way, case: Case, limit: float, folder: Path) -> Run:
    """Search once, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        out = Path(name) / "run.json"
        command = [sys.executable, "-m", "benchmarks.neighbours.search", "--way", way.name]
        command += ["--hashes", str(_file(folder, case.kind, case.count))]
        command += ["--radius", str(case.radius), "--out", str(out)]
        measured(command, folder=Path(name), root=_ROOT, limit=limit)
        return Run(**json.loads(out.read_text()))


def _file(folder: Path, kind: str, count: int) -> Path:
    return folder / f"{kind}-{count}.npy"


def _missing(way: Way) -> str:
    try:
        way.check()
    except NotInstalledError as error:
        return str(error)
    return ""


def _told(cell: Cell) -> str:
    case = cell.case
    what = f"{case.kind}, radius {case.radius}, {case.count:,}: {cell.way}"
    if cell.wall_s is None:
        return f"{what}: not run, {cell.problem}"
    about = f" (extrapolated from {cell.measured:,})" if cell.extrapolated else ""
    return f"{what}: {cell.wall_s:.2f} s{about}"
