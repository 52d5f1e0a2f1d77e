"""Results become a picture: CPU seconds over the number of hashes, for each kind and radius."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.neighbours.results import Results
from benchmarks.neighbours.ways import OURS

_DPI = 110
_PANEL = (4.2, 3.3)
_COLOURS = ("#c0392b", "#2c3e50", "#2980b9", "#27ae60", "#8e44ad", "#d68910")


def draw(results: Results, path: Path) -> None:
    """Draw growth, both axes logarithmic; what is extrapolated is dashed and hollow.

    Args:
        results: what was measured.
        path: of the PNG.
    """
    from matplotlib.figure import Figure

    radii = sorted({case.radius for case in results.cases})
    size = (_PANEL[0] * len(results.kinds), _PANEL[1] * len(radii) + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(radii), len(results.kinds), sharex=True, sharey=True, squeeze=False)
    for row, radius in zip(grid, radii, strict=True):
        for axes, (kind, title) in zip(row, results.kinds.items(), strict=True):
            _panel(axes, results, kind, radius)
            axes.set_title(f"{title}, radius {radius}", fontsize=10)
        row[0].set_ylabel("CPU seconds")
    for axes in grid[-1]:
        axes.set_xlabel("hashes")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DPI)


def _panel(axes: Any, results: Results, kind: str, radius: int) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.yaxis.set_major_formatter("{x:g}")
    counts = sorted({case.count for case in results.cases})
    axes.set_xticks(counts, [_short(count) for count in counts])
    axes.minorticks_off()
    for (way, title), colour in zip(results.ways.items(), _COLOURS, strict=False):
        points = [
            (cell.case.count, cell.cpu_s, cell.extrapolated)
            for cell in results.cells
            if (cell.way, cell.case.kind, cell.case.radius) == (way, kind, radius)
            and cell.cpu_s is not None
        ]
        known = [(count, seconds) for count, seconds, extrapolated in points if not extrapolated]
        rest = known[-1:] + [
            (count, seconds) for count, seconds, extrapolated in points if extrapolated
        ]
        if not known:
            continue
        style = {"color": colour, "linewidth": 2.2 if way == OURS.name else 1.2, "markersize": 4}
        axes.plot(*zip(*known, strict=True), "o-", label=title, **style)
        axes.plot(*zip(*rest, strict=True), "--", **style)
        axes.plot(*zip(*rest[1:], strict=True) or ([], []), "o", mfc="white", **style)


def _short(count: int) -> str:
    return f"{count / 1e6:g}M" if count >= 1_000_000 else f"{count / 1e3:g}k"
