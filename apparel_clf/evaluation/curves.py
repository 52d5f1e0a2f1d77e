"""Training curves as SVG that takes its colours and its font from the page around it."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apparel_clf._extras import require

# Matplotlib wants a colour for everything. These stand in for the page's own, which differ between
# light, dark and print, and are exchanged for CSS once the figure is drawn.
_INK, _RULE, _TRAIN, _VAL, _BEST = "#010203", "#010204", "#010205", "#010206", "#010207"
_PAGE_COLOURS = {
    _INK: "var(--muted)",
    _RULE: "var(--rule)",
    _TRAIN: "var(--train)",
    _VAL: "var(--val)",
    _BEST: "var(--muted)",
}
_STYLE = {
    "svg.fonttype": "none",
    "font.size": 11,
    "text.color": _INK,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _RULE,
    "grid.linewidth": 0.8,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "ytick.left": False,
    "legend.frameon": False,
}
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
    matplotlib: Any = require("matplotlib", "train")
    # hashsalt: ids would be random otherwise; by title, so that two charts in a page never clash.
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": title}):
        figure = _figure(epochs, series, best, percent)
        buffer = io.StringIO()
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    return _for_page(buffer.getvalue(), title)


def _figure(
    epochs: Sequence[int], series: Sequence[Series], best: int | None, percent: bool
) -> Any:
    # Figure without pyplot: no global state, no display, nothing to close.
    figure = require("matplotlib.figure", "train").Figure(
        figsize=_SIZE_INCHES, layout="constrained"
    )
    ticker = require("matplotlib.ticker", "train")
    axes = figure.add_subplot()
    if best is not None:
        axes.axvline(best, color=_BEST, linewidth=1, linestyle=(0, (2, 3)), label="best epoch")
    for line in series:
        axes.plot(epochs, line.values, label=line.label, **_line_style(line, len(epochs)))
    axes.set_xlabel("epoch")
    axes.set_axisbelow(True)
    axes.margins(x=0.03)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
    if percent:
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g}%")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
    return figure


def _line_style(line: Series, epochs: int) -> dict[str, Any]:
    """Tell train and val apart without colour too, for print and for the colour-blind."""
    marker = {"marker": "o", "markersize": 4 if epochs <= 30 else 0}
    if line.label == "train":
        return {"color": _TRAIN, "linewidth": 1.6, "linestyle": (0, (5, 2)), **marker}
    return {"color": _VAL, "linewidth": 2.2, **marker}


def _for_page(svg: str, title: str) -> str:
    """Turn a stand-alone SVG document into an element that fits the page."""
    for stand_in, colour in _PAGE_COLOURS.items():
        svg = svg.replace(stand_in, colour)
    view_box = re.search(r'viewBox="([^"]+)"', svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"\s*<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]*; ", "", body)
    referenced = set(re.findall(r"#([\w-]+)", body))
    body = re.sub(r' id="([^"]+)"', lambda m: m.group(0) if m.group(1) in referenced else "", body)
    box = view_box.group(1) if view_box else ""
    label = html.escape(title, quote=True)
    return (
        f'<svg class="curve" role="img" aria-label="{label}" viewBox="{box}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
    ).strip()
