"""Matplotlib figures as SVG that takes its colours and its font from the page around it."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from typing import Any

from apparel_clf._extras import require

# Matplotlib wants a colour for everything. These stand in for the page's own, which differ between
# light, dark and print, and are exchanged for CSS once the figure is drawn.
INK, RULE, TRAIN, VAL = "#010203", "#010204", "#010205", "#010206"
_PAGE_COLOURS = {
    INK: "var(--muted)",
    RULE: "var(--rule)",
    TRAIN: "var(--train)",
    VAL: "var(--val)",
}
_STYLE = {
    "svg.fonttype": "none",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "ytick.left": False,
    "legend.frameon": False,
}


def page_svg(title: str, draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    """Draw a figure for a page.

    Args:
        title: what is drawn, for a screen reader; different for each figure of a page.
        draw: draws on the empty ``matplotlib.figure.Figure`` that it is given, with this module's
            colours.
        size: width and height in inches. The page scales the figure to its column.

    Returns:
        An ``<svg>`` element to put into a page. The same inputs give the same text.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> page_svg("Nothing", lambda figure: None, (4, 3))[:4]
        '<svg'
    """
    matplotlib: Any = require("matplotlib", "train")
    # hashsalt: ids would be random otherwise; by title, so that two charts in a page never clash.
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": title}):
        # Figure without pyplot: no global state, no display, nothing to close.
        figure = require("matplotlib.figure", "train").Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    return _for_page(buffer.getvalue(), title)


def write_percent(axis: Any) -> None:
    """Write the numbers of an axis, shares from 0 to 1, in percent."""
    axis.set_major_formatter(lambda share, _: f"{100 * share:.4g}%")


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
