"""The load test's results as Markdown and as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.serve.load import Answered, Watch
from benchmarks.tables import table

_LEGEND = (
    "Clients send good, bad and hostile requests in random order, one connection each, as fast as "
    "they are answered. Unexpected: a status that is not the right one for that request. Times are "
    "from connecting to the last byte of the answer, in ms."
)


@dataclass(frozen=True)
class Round:
    """One model under load."""

    name: str
    runtime: str
    seconds: float
    clients: int
    answered: list[Answered]
    watch: Watch

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "name": self.name,
            "runtime": self.runtime,
            "seconds": self.seconds,
            "clients": self.clients,
            "requests": len(self.answered),
            "unexpected": len(unexpected(self.answered)),
            "statuses": statuses(self.answered),
            "peak_mb_by_quarter": [self.watch.peak(quarter) / 1e6 for quarter in range(4)],
            "low_mb_by_quarter": [self.watch.low(quarter) / 1e6 for quarter in range(4)],
            "kinds": {kind: figures(rows) for kind, rows in by_kind(self.answered).items()},
            "cases": {name: figures(rows) for name, rows in by_case(self.answered).items()},
        }


def unexpected(rows: Sequence[Answered]) -> list[Answered]:
    """Return what was not answered as it should be."""
    return [row for row in rows if row.status not in row.case.expected]


def statuses(rows: Sequence[Answered]) -> dict[str, int]:
    """Count statuses; hung up counts as one."""
    found = Counter("hung up" if row.status == 0 else str(row.status) for row in rows)
    return dict(sorted(found.items()))


def by_kind(rows: Sequence[Answered]) -> dict[str, list[Answered]]:
    """Group by good, bad and hostile."""
    return {kind: [r for r in rows if r.case.kind == kind] for kind in ("good", "bad", "hostile")}


def by_case(rows: Sequence[Answered]) -> dict[str, list[Answered]]:
    """Group by what was sent."""
    names = dict.fromkeys(row.case.name for row in rows)
    return {name: [row for row in rows if row.case.name == name] for name in names}


def figures(rows: Sequence[Answered]) -> dict[str, Any]:
    """Return count, statuses and times of some requests."""
    times = [1_000 * row.seconds for row in rows] or [0.0]
    return {
        "requests": len(rows),
        "unexpected": len(unexpected(rows)),
        "statuses": statuses(rows),
        "p50_ms": float(np.percentile(times, 50)),
        "p99_ms": float(np.percentile(times, 99)),
    }


def markdown(rounds: Sequence[Round], versions: Mapping[str, str]) -> str:
    """Write everything down as one Markdown file."""
    parts = ["# The service under load", _LEGEND]
    for each in rounds:
        parts += [f"## {each.name} ({each.runtime})", _summary(each), _table(each)]
    parts += ["## Versions", "\n".join(f"- {name}: {value}" for name, value in versions.items())]
    return "\n\n".join(parts) + "\n"


def _summary(each: Round) -> str:
    told = ", ".join(f"{count:,} {status}" for status, count in statuses(each.answered).items())
    return (
        f"{each.seconds:.0f} s, {each.clients} clients: {len(each.answered):,} requests "
        f"({len(each.answered) / each.seconds:.0f} a second), "
        f"{len(unexpected(each.answered))} unexpected. Statuses: {told}. "
        f"Memory in each quarter of the time, lowest to highest: {_memory(each.watch)} MB."
    )


def _memory(watch: Watch) -> str:
    return ", ".join(f"{watch.low(q) / 1e6:,.0f}–{watch.peak(q) / 1e6:,.0f}" for q in range(4))


def _table(each: Round) -> str:
    groups = {**by_kind(each.answered), **by_case(each.answered)}
    rows = []
    for name, found in groups.items():
        f = figures(found)
        told = " ".join(f"{status}:{count}" for status, count in f["statuses"].items())
        shown = [f"{f['p50_ms']:,.0f}", f"{f['p99_ms']:,.0f}"]
        rows.append([name, f"{f['requests']:,}", told, str(f["unexpected"]), *shown])
    return table(["request", "sent", "statuses", "unexpected", "p50", "p99"], rows)
