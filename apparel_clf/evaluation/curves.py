"""Training curves for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apparel_clf._extras import require
from apparel_clf.evaluation.svg import INK, TRAIN, VAL, page_svg, write_percent

_SIZE_INCHES = (5.4, 3.3)


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Args:
        label: its name in the legend, ``"train"`` or ``"val"``.
        values: one number per epoch; one that isn't finite leaves a gap.
    """

    label: str
    values: Sequence[float]


def curve_svg(
    title: str,
    epochs: Sequence[int],
    series: Sequence[Series],
    *,
    best: int | None = None,
    percent: bool = False,
) -> str:
    """Draw training curves.

    Args:
        title: what is drawn, for the reader and for a screen reader.
        epochs: numbers of the epochs, the x axis.
        series: the lines, each as long as `epochs`.
        best: number of the epoch to mark. Default None: none.
        percent: write the y axis in percent. Default False.

    Returns:
        An ``<svg>`` element to put into a page. The same inputs give the same text.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> curve_svg("Loss", [1, 2], [Series("train", [0.9, 0.4])])[:4]
        '<svg'
    """

    def draw(figure: Any) -> None:
        _draw(figure.add_subplot(), epochs, series, best, percent)

    return page_svg(title, draw, _SIZE_INCHES)


def _draw(
    axes: Any, epochs: Sequence[int], series: Sequence[Series], best: int | None, percent: bool
) -> None:
    ticker = require("matplotlib.ticker", "train")
    if best is not None:
        axes.axvline(best, color=INK, linewidth=1, linestyle=(0, (2, 3)), label="best epoch")
    for line in series:
        axes.plot(epochs, line.values, label=line.label, **_line_style(line, len(epochs)))
    axes.set_xlabel("epoch")
    axes.set_axisbelow(True)
    axes.margins(x=0.03)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
    if percent:
        write_percent(axes.yaxis)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)


def _line_style(line: Series, epochs: int) -> dict[str, Any]:
    """Tell train and val apart without colour too, for print and for the colour-blind."""
    marker = {"marker": "o", "markersize": 4 if epochs <= 30 else 0}
    if line.label == "train":
        return {"color": TRAIN, "linewidth": 1.6, "linestyle": (0, (5, 2)), **marker}
    return {"color": VAL, "linewidth": 2.2, **marker}
