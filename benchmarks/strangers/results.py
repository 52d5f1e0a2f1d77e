"""The study's figures as tables, and on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.tables import table

_HEAD = ("score", "AUROC", "refused at 95%", "test refused", "refused at 99%", "test refused")
_TEXT = """# Pictures of other things

Which score tells pictures of none of the classes. Out of fold: in each of five grouped folds a
head and the score are learnt from three parts, the threshold keeps 95% or 99% of the fourth, and
the fifth (test) and the strangers are judged: how many of each are refused. Features are in float32
and standardised as for the head. *gap*: mean of block 5. *pooled*: means of blocks 2 to 5. In
brackets 95% intervals (Wilson's); each stranger is judged in every fold and counts once.
*32 directions (gap)* is what the library has as `Prediction.distance`.
"""
_UNFAIR = (
    "Known and strangers come from different sources here, so a score may tell the source: "
    "pictures of *the same classes* from the other source show how much of it that is."
)


def write(folder: Path, settings: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Write ``strangers.json`` and ``strangers.md``; returns the text.

    Args:
        folder: where to; made if it isn't there.
        settings: what was measured, and with what.
        rows: from `judged`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = {"settings": dict(settings), "scores": [dict(row) for row in rows]}
    (folder / "strangers.json").write_text(json.dumps(document, indent=2) + "\n")
    text = markdown(settings, rows)
    (folder / "strangers.md").write_text(text, encoding="utf-8")
    return text


def markdown(settings: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay the figures out as tables, one for each group of strangers."""
    parts = [_TEXT.strip()]
    for (trial, name), group in groupby(
        rows_in_order(rows), lambda r: (r["trial"], r["strangers"])
    ):
        found = list(group)
        first = found[0]["kept"][0]
        parts.append(f"## {trial}: {name}")
        parts.append(f"{first['test']} known pictures, {first['strangers']} strangers.")
        if not found[0]["fair"]:
            parts.append(_UNFAIR)
        parts.append(table(_HEAD, [_line(row) for row in found]))
    told = "\n".join(f"- {name}: {value}" for name, value in settings.items())
    return "\n\n".join([*parts, "## Settings and versions", told]) + "\n"


def rows_in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Trials and strangers as they came, the scores of each as they came."""
    places: dict[tuple[str, str], int] = {}
    for row in rows:
        places.setdefault((row["trial"], row["strangers"]), len(places))
    return sorted(rows, key=lambda row: places[row["trial"], row["strangers"]])


def _line(row: Mapping[str, Any]) -> list[str]:
    cells = [row["score"], f"{row['auroc']:.3f}"]
    for kept in row["kept"]:
        low, high = kept["strangers_ci"]
        share = kept["strangers_refused"] / kept["strangers"]
        cells.append(f"{share:.1%} ({low:.0%} to {high:.0%})")
        low, high = kept["test_ci"]
        cells.append(f"{kept['test_refused'] / kept['test']:.1%} ({low:.1%} to {high:.1%})")
    return cells
