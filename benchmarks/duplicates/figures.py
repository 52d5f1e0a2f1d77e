"""Pictures of the curves: recall and false pairs over each limit."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image

from benchmarks.duplicates.baselines import BASELINES
from benchmarks.duplicates.changes import HARD
from benchmarks.duplicates.study import Curve, Recall, Study

_SIZE = (7, 5.4)
_DPI = 100
_COLOURS = 255
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f7f7f", "#e69f00")
_TITLES = {
    "hash": "bits of 64 in which a hash may differ",
    "luma": "limit of brightness, in parts of the one in use",
    "chroma": "limit of colour, of 255",
    "contrast": "limit of brightness in parts of the picture's contrast",
}


def write_figures(result: Study, folder: Path) -> list[Path]:
    """Draw one picture for each limit, and one that compares ways.

    Args:
        result: the study.
        folder: for ``duplicates-*.png``.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    curves = {curve.limit: curve for curve in result.curves}
    paths = []
    for name, title in _TITLES.items():
        path = folder / f"duplicates-{name}.png"
        _save(_curve(curves[name], title, _beside(name, curves)), path)
        paths.append(path)
    path = folder / "duplicates-ways.png"
    _save(_ways(result, curves), path)
    return [*paths, path]


def hard_recall(recalls: Sequence[Recall], way: str) -> float:
    """Return a simpler way's share of copies found, over all hard changes and pictures."""
    rows = [row for row in recalls if row.change in HARD]
    return sum(row.baselines[way] for row in rows) / sum(row.n for row in rows)


def _beside(name: str, curves: Mapping[str, Curve]) -> Mapping[str, Sequence[float]]:
    """False pairs to draw beside a limit's own: those without the rule of contrast."""
    if name == "luma":
        return {"without the rule of contrast": curves["luma-alone"].false}
    if name == "contrast":
        off = curves["contrast-off"].false[0]
        return {"without this rule": [off] * len(curves["contrast"].values)}
    return {}


def _curve(curve: Curve, title: str, beside: Mapping[str, Sequence[float]]) -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for (change, recall), colour in zip(curve.recall.items(), _LINES, strict=True):
        above.plot(curve.values, recall, color=colour, label=change, marker=".")
    above.set(ylabel="recall", ylim=(-0.02, 1.03))
    above.legend(fontsize=8, loc="lower right")
    below.plot(curve.values, curve.false, color="black", marker=".", label="all rules")
    for label, false in beside.items():
        below.plot(curve.values, false, color="black", linestyle="--", label=label)
    if beside:
        below.legend(fontsize=8)
    _counts(below)
    below.set(xlabel=title)
    for axis in (above, below):
        axis.grid(alpha=0.3)
        if curve.chosen is not None:
            axis.axvline(curve.chosen, color="grey", linestyle=":")
    if curve.chosen is not None:
        above.annotate("in use", (curve.chosen, 0.03), color="grey", fontsize=8, rotation=90)
    return figure


def _ways(result: Study, curves: Mapping[str, Curve]) -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axis = figure.subplots()
    for name, label, colour in (
        ("luma", "this project, limit of brightness varied", _LINES[0]),
        ("luma-alone", "the same without the rule of contrast", _LINES[1]),
    ):
        recall = _mean(curves[name])
        axis.plot(curves[name].false, recall, color=colour, marker=".", label=label)
    luma = curves["luma"]
    chosen = luma.values.index(1.0)
    axis.plot(luma.false[chosen], _mean(luma)[chosen], "o", color=_LINES[0], markersize=10)
    for way, marker in zip(BASELINES, "s^D", strict=True):
        point = (result.baselines[way.name], hard_recall(result.recalls, way.name))
        axis.plot(*point, marker, color="black", markersize=8, label=way.name)
    axis.set_xscale("symlog", linthresh=1)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set(
        xlabel=f"pairs of different pictures that would be removed, of {result.pool:,} pictures",
        ylabel="recall, mean of the hard changes",
        ylim=(-0.02, 1.03),
    )
    axis.legend(fontsize=8, loc="lower right")
    axis.grid(alpha=0.3)
    return figure


def _mean(curve: Curve) -> list[float]:
    return [sum(values) / len(values) for values in zip(*curve.recall.values(), strict=True)]


def _counts(axis: Any) -> None:
    axis.set_yscale("symlog", linthresh=1)
    axis.set_ylim(-0.3, max(20, axis.get_ylim()[1]))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_ylabel("false pairs")


def _save(figure: Figure, path: Path) -> None:
    """Write a PNG of few colours, which takes a third of the bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DPI)
    with Image.open(buffer) as image:
        image.convert("RGB").quantize(_COLOURS).save(path, optimize=True)
