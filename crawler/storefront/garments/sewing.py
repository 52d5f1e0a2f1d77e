"""Seams, stitches, rivets, buttons and loops: what holds a pair of legs together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crawler.storefront.garments.canvas import Canvas
from crawler.storefront.garments.cloth import lighter
from crawler.storefront.garments.ribbon import Colour, Points, Ribbon

STOPS: list[float] = np.linspace(0.0, 1.0, 24).tolist()

Path = list[tuple[float, float]]


def seam(canvas: Canvas, paths: Sequence[Points], opacity: float = 0.55) -> None:
    """Draw the dark line where two pieces of cloth meet."""
    canvas.stroke(paths, 1.1, (0.03, 0.03, 0.06), opacity)


def stitch(canvas: Canvas, paths: Sequence[Points], thread: Colour, opacity: float = 0.9) -> None:
    """Draw topstitching."""
    canvas.stroke(paths, 1.15, thread, opacity, dash=(3.4, 1.3))


def dot(canvas: Canvas, at: tuple[float, float], radius: float, colour: Colour) -> None:
    """Draw a rivet or a button, `radius` in units."""
    canvas.fill([ellipse(at, radius, radius)], colour)


def button(canvas: Canvas, at: tuple[float, float], radius: float, colour: Colour) -> None:
    """Draw a button with a rim and a shadow."""
    dot(canvas, (at[0] + 0.6, at[1] + 1.0), radius + 0.4, (0.05, 0.05, 0.07))
    dot(canvas, at, radius, colour)
    dot(canvas, at, radius * 0.62, lighter(colour, -0.22))


def belt_loops(band: Ribbon, half: float) -> list[Path]:
    """Return the outlines of a waistband's four loops, `half` as wide as that part of it."""
    low = band.length + 4.0
    corners = ((-half, -0.5), (half, -0.5), (half, low), (-half, low))
    return [band.path([(at + d, t) for d, t in corners]) for at in (0.12, 0.31, 0.69, 0.88)]


def ellipse(at: tuple[float, float], wide: float, high: float) -> Path:
    """Return points around an ellipse with half axes `wide` and `high`."""
    turns = np.linspace(0, 2 * np.pi, 28)[:-1]
    return [(at[0] + wide * float(np.cos(a)), at[1] + high * float(np.sin(a))) for a in turns]


def moved(path: Points, dx: float, dy: float) -> Path:
    """Return a path somewhere else."""
    return [(x + dx, y + dy) for x, y in path]
