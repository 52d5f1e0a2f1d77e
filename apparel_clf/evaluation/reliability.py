"""The reliability diagram: how often a model is right against how sure it is."""

from __future__ import annotations

from typing import Any

from apparel_clf.evaluation.calibration import Calibration
from apparel_clf.evaluation.svg import INK, TRAIN, VAL, page_svg, write_percent

_SIZE_INCHES = (5.4, 4.6)


def reliability_svg(found: Calibration) -> str:
    """Draw a reliability diagram.

    Each bin with images is a point at their mean probability and accuracy, with the accuracy's 95%
    Wilson interval as a whisker. On the diagonal a model is right as often as it says. Below are
    the numbers of images.

    Args:
        found: what to draw.

    Returns:
        An ``<svg>`` element to put into a page. The same input gives the same text.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> reliability_svg(report.calibration)[:4]
        '<svg'
    """

    def draw(figure: Any) -> None:
        grid = figure.add_gridspec(2, 1, height_ratios=(4, 1))
        above = figure.add_subplot(grid[0])
        below = figure.add_subplot(grid[1], sharex=above)
        _draw_points(above, found)
        _draw_counts(below, found)

    return page_svg("accuracy by probability of the top label", draw, _SIZE_INCHES)


def _draw_points(axes: Any, found: Calibration) -> None:
    axes.plot(
        (0, 1),
        (0, 1),
        color=TRAIN,
        linewidth=1.4,
        linestyle=(0, (5, 2)),
        label="as often as it says",
    )
    for number, (x, y, low, high) in enumerate(_points(found)):
        whisker = [[max(0.0, y - low)], [max(0.0, high - y)]]
        name = {} if number else {"label": "accuracy, 95% interval"}
        axes.errorbar(
            x,
            y,
            yerr=whisker,
            color=VAL,
            linewidth=1.6,
            capsize=3,
            marker="o",
            markersize=5,
            **name,
        )
    axes.set_xlim(0, 1.02)
    axes.set_ylim(-0.02, 1.03)
    axes.set_ylabel("accuracy")
    axes.set_axisbelow(True)
    write_percent(axes.yaxis)
    axes.tick_params(labelbottom=False)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)


def _draw_counts(axes: Any, found: Calibration) -> None:
    middles = [(b.low + b.high) / 2 for b in found.bins]
    widths = [0.86 * (b.high - b.low) for b in found.bins]
    axes.bar(middles, [b.n for b in found.bins], width=widths, color=INK, linewidth=0, alpha=0.55)
    axes.set_ylabel("images")
    axes.set_xlabel("probability of the top label")
    axes.set_axisbelow(True)
    axes.locator_params(axis="y", nbins=2, integer=True)
    write_percent(axes.xaxis)


def _points(found: Calibration) -> list[tuple[float, float, float, float]]:
    """Mean probability, accuracy and its interval, of the bins that have images."""
    return [
        (b.confidence, b.accuracy, *b.ci)
        for b in found.bins
        if b.confidence is not None and b.accuracy is not None and b.ci is not None
    ]
