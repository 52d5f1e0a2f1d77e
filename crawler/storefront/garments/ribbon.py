"""Shapes on the sheet: the camera, smooth curves, and cloth between two edges along an axis.

Everything is described in design units, on a sheet 480 wide and 640 high; the camera turns units
into pixels. Cloth is a `Ribbon`: an axis and two edges along it. Rasterising one gives every
pixel its place across and along the cloth, which is what shading and patterns are computed from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
Points = Sequence[tuple[float, float]]


def floats(values: Any) -> Floats:
    """Return values as ``float32``, without a copy where they already are."""
    return np.asarray(values, dtype=np.float32)


SHEET = (480.0, 640.0)

_STEP = 0.25


@dataclass(frozen=True)
class View:
    """The camera: an affine map from design units to pixels.

    Args:
        matrix: rows ``(xx, xy, x0)`` and ``(yx, yy, y0)`` as one flat tuple.

    Example:
        >>> View.of((480, 640)).project([(240.0, 320.0)]).tolist()
        [[240.0, 320.0]]
    """

    matrix: tuple[float, float, float, float, float, float]

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        zoom: float = 1.0,
        turn: float = 0.0,
        look_at: tuple[float, float] = (240.0, 320.0),
        shift: tuple[float, float] = (0.0, 0.0),
        mirror: bool = False,
    ) -> View:
        """Build the camera of a picture.

        Args:
            size: width and height of the picture in pixels.
            zoom: 1.0 fits the whole sheet into the picture.
            turn: rotation in radians, clockwise.
            look_at: the point of the sheet that the zoom and the turn leave in the middle.
            shift: moves the result, in units of the sheet.
            mirror: whether left and right change places.

        Returns:
            The camera.
        """
        fit = min(size[0] / SHEET[0], size[1] / SHEET[1])
        cos, sin = math.cos(turn) * fit * zoom, math.sin(turn) * fit * zoom
        flip = -1.0 if mirror else 1.0
        xx, xy, yx, yy = cos * flip, -sin, sin * flip, cos
        x0 = size[0] / 2 + shift[0] * fit - xx * look_at[0] - xy * look_at[1]
        y0 = size[1] / 2 + shift[1] * fit - yx * look_at[0] - yy * look_at[1]
        return cls((xx, xy, x0, yx, yy, y0))

    @property
    def scale(self) -> float:
        """Pixels per design unit."""
        xx, xy, _, yx, yy, _ = self.matrix
        return float(abs(xx * yy - xy * yx) ** 0.5)

    @property
    def mirrored(self) -> bool:
        """Whether left and right have changed places."""
        xx, xy, _, yx, yy, _ = self.matrix
        return xx * yy - xy * yx < 0

    def project(self, points: Points) -> Floats:
        """Return the pixel positions of points, as ``float32`` of shape ``(n, 2)``."""
        xx, xy, x0, yx, yy, y0 = self.matrix
        at = np.asarray(points, dtype=np.float32).reshape(-1, 2)
        x, y = at[:, 0], at[:, 1]
        return np.stack([xx * x + xy * y + x0, yx * x + yy * y + y0], axis=1).astype(np.float32)

    def inverse(self) -> tuple[float, float, float, float, float, float]:
        """Return the map from pixels back to design units, in the order of `matrix`."""
        xx, xy, x0, yx, yy, y0 = self.matrix
        det = xx * yy - xy * yx
        a, b, c, d = yy / det, -xy / det, -yx / det, xx / det
        return a, b, -(a * x0 + b * y0), c, d, -(c * x0 + d * y0)


def spline(knots: Points, at: Floats) -> Floats:
    """Run a smooth curve through knots.

    Args:
        knots: ``(position, value)`` pairs, positions rising.
        at: positions to evaluate, ``float32``; beyond the ends the end value holds.

    Returns:
        The values, ``float32`` of the shape of `at`.

    Example:
        >>> spline([(0, 0), (1, 1), (2, 2)], np.float32([0.5]))
        array([0.5], dtype=float32)
    """
    x, y = np.asarray(knots, dtype=np.float64).T
    rise = np.diff(y) / np.diff(x)
    slope = np.concatenate([rise[:1], (rise[1:] + rise[:-1]) / 2, rise[-1:]])
    place = np.clip(at, x[0], x[-1])
    i = np.clip(np.searchsorted(x, place, side="right") - 1, 0, len(x) - 2)
    h = x[i + 1] - x[i]
    r = (place - x[i]) / h
    bend = (slope[i] * (1 - r) ** 2 * r - slope[i + 1] * (1 - r) * r**2) * h
    ease = r * r * (3 - 2 * r)
    return floats(y[i] * (1 - ease) + y[i + 1] * ease + bend)


@dataclass(frozen=True)
class Ribbon:
    """A piece of cloth between two edges along an axis.

    Args:
        origin: where the axis starts, in design units.
        angle: direction of the axis in radians; 0 hangs straight down, positive swings to the
            right of the picture.
        left: offsets of the left edge from the axis, one each quarter unit along it.
        right: the same for the right edge.
        bow_top: how far the middle of the upper end lies below its corners, in units.
        bow_bottom: the same for the lower end.
    """

    origin: tuple[float, float]
    angle: float
    left: Floats
    right: Floats
    bow_top: float = 0.0
    bow_bottom: float = 0.0

    @classmethod
    def of(
        cls,
        origin: tuple[float, float],
        length: float,
        left: Points,
        right: Points,
        angle: float = 0.0,
        bow_top: float = 0.0,
        bow_bottom: float = 0.0,
    ) -> Ribbon:
        """Build a ribbon from knots ``(units along, offset)`` of its two edges."""
        along = np.arange(0.0, length + _STEP, _STEP, dtype=np.float32)
        edges = spline(left, along), spline(right, along)
        return cls(origin, angle, *edges, bow_top=bow_top, bow_bottom=bow_bottom)

    @classmethod
    def limb(
        cls,
        start: tuple[float, float],
        end: tuple[float, float],
        widths: Sequence[float],
        bow_top: float = 0.0,
        bow_bottom: float = 0.0,
    ) -> Ribbon:
        """Build a straight piece from `start` to `end`, with half widths at even distances."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = float(np.hypot(dx, dy))
        along = np.linspace(0.0, length, len(widths))
        right = [(float(t), float(w)) for t, w in zip(along, widths, strict=True)]
        left = [(t, -w) for t, w in right]
        angle = math.atan2(dx, dy)
        return cls.of(start, length, left, right, angle, bow_top, bow_bottom)

    @classmethod
    def between(cls, left: Points, right: Points, bow_bottom: float = 0.0) -> Ribbon:
        """Build a piece from the points of its two edges, on an axis through their ends' middles.

        Args:
            left: points of the left edge, seen from the start with the axis pointing down.
            right: points of the right edge.
            bow_bottom: how far the middle of the far end lies beyond its corners, in units.

        Returns:
            The ribbon.
        """
        start = (left[0][0] + right[0][0]) / 2, (left[0][1] + right[0][1]) / 2
        dx = (left[-1][0] + right[-1][0]) / 2 - start[0]
        dy = (left[-1][1] + right[-1][1]) / 2 - start[1]
        angle, length = math.atan2(dx, dy), math.hypot(dx, dy)
        cos, sin = math.cos(angle), math.sin(angle)

        def knots(edge: Points) -> list[tuple[float, float]]:
            x, y = (np.asarray(edge, dtype=np.float64) - start).T
            along, across = x * sin + y * cos, x * cos - y * sin
            rising = np.concatenate([[True], along[1:] > np.maximum.accumulate(along)[:-1] + 0.01])
            return list(zip(along[rising], across[rising], strict=True))

        return cls.of(start, length, knots(left), knots(right), angle, bow_bottom=bow_bottom)

    @classmethod
    def bent(cls, joints: Points, widths: Sequence[float], bow_top: float = 0.0) -> Ribbon:
        """Build a limb that bends smoothly through joints, with half widths at even distances."""
        at = np.asarray(joints, dtype=np.float64)
        run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(at, axis=0).T))])
        stops = np.linspace(0, run[-1], 24).astype(np.float32)
        x, y = (spline(list(zip(run, at[:, i], strict=True)), stops) for i in (0, 1))
        dx, dy = np.gradient(x), np.gradient(y)
        norm = np.hypot(dx, dy)
        wide = np.interp(stops, np.linspace(0, run[-1], len(widths)), widths)
        nx, ny = dy / norm * wide, -dx / norm * wide
        right = list(zip((x + nx).tolist(), (y + ny).tolist(), strict=True))
        left = list(zip((x - nx).tolist(), (y - ny).tolist(), strict=True))
        return replace(cls.between(left, right), bow_top=bow_top)

    @property
    def length(self) -> float:
        """Units along the axis."""
        return (len(self.left) - 1) * _STEP

    def edges(self, along: float) -> tuple[float, float]:
        """Return the left and the right offset at a distance along the axis."""
        i = min(max(round(along / _STEP), 0), len(self.left) - 1)
        return float(self.left[i]), float(self.right[i])

    def point(self, across: float, along: float) -> tuple[float, float]:
        """Return the sheet's point at `across` (0 left edge, 1 right edge) and `along` (units)."""
        left, right = self.edges(along)
        s = left + across * (right - left)
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.origin[0] + s * cos + along * sin, self.origin[1] - s * sin + along * cos

    def path(self, places: Points) -> list[tuple[float, float]]:
        """Return the sheet's points of ``(across, along)`` pairs."""
        return [self.point(across, along) for across, along in places]

    def outline(self) -> list[tuple[float, float]]:
        """Return points around the ribbon, enough to bound it."""
        stops = np.linspace(0.0, self.length, 9)
        down = [self.point(0.0, float(t)) for t in stops]
        return down + [self.point(1.0, float(t)) for t in stops[::-1]]

    def moved(self, dx: float, dy: float) -> Ribbon:
        """Return the same ribbon somewhere else."""
        return replace(self, origin=(self.origin[0] + dx, self.origin[1] + dy))


Box = tuple[slice, slice]


@dataclass(frozen=True)
class Patch:
    """A rasterised ribbon: for each pixel of its box, where on the cloth it lies.

    Args:
        box: rows and columns of the picture.
        alpha: how much of the pixel the cloth covers, 0 to 1.
        across: -1 at the left edge, 1 at the right one.
        s: units from the axis.
        t: units along the axis.
        width: units between the edges at this height.
        length: units from end to end.
        scale: pixels per unit.
    """

    box: Box
    alpha: Floats
    across: Floats
    s: Floats
    t: Floats
    width: Floats
    length: float
    scale: float

    def rows(self, low: float, high: float) -> slice:
        """Return the rows of the box that hold cloth between two distances along the axis."""
        first, last = self.t[:, 0], self.t[:, -1]
        hit = (np.minimum(first, last) <= high) & (np.maximum(first, last) >= low)
        where = np.flatnonzero(hit)
        return slice(int(where[0]), int(where[-1]) + 1) if where.size else slice(0, 0)


def rasterise(ribbon: Ribbon, view: View, box: Box) -> Patch:
    """Find each pixel's place on a ribbon, with soft edges.

    Args:
        ribbon: the piece of cloth.
        view: the camera.
        box: rows and columns of the picture to look at.

    Returns:
        The places and the coverage.
    """
    s, t = _place(ribbon, view, box)
    last = len(ribbon.left) - 1
    i = np.minimum(np.maximum((t * (1 / _STEP) + 0.5).astype(np.int32), 0), last)
    from_left, to_right = s - ribbon.left[i], ribbon.right[i] - s
    width = np.maximum(from_left + to_right, 0.01)
    across = (from_left - to_right) / width
    rounded = 1 - across * across
    distances = (
        from_left * _steepness(ribbon.left, view.scale)[i],
        to_right * _steepness(ribbon.right, view.scale)[i],
        (t - ribbon.bow_top * rounded) * view.scale,
        (ribbon.length + ribbon.bow_bottom * rounded - t) * view.scale,
    )
    nearest = distances[0]
    for distance in distances[1:]:
        nearest = np.minimum(nearest, distance)
    alpha = np.minimum(np.maximum(nearest + 0.5, 0.0), 1.0)
    return Patch(box, alpha, across, s, t, width, ribbon.length, view.scale)


def _place(ribbon: Ribbon, view: View, box: Box) -> tuple[Floats, Floats]:
    a, b, c, d, e, f = view.inverse()
    x, y = pixels(box)
    cos, sin = math.cos(ribbon.angle), math.sin(ribbon.angle)
    x0, y0 = c - ribbon.origin[0], f - ribbon.origin[1]
    s = (a * cos - d * sin) * x + (x0 * cos - y0 * sin) + (b * cos - e * sin) * y
    t = (a * sin + d * cos) * x + (x0 * sin + y0 * cos) + (b * sin + e * cos) * y
    return s, t


def pixels(box: Box) -> tuple[Floats, Floats]:
    """Return the middles of a box's columns, as one row, and of its rows, as one column."""
    y = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None] + 0.5
    x = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None, :] + 0.5
    return x, y


def _steepness(edge: Floats, scale: float) -> Floats:
    slope = np.diff(edge, append=edge[-1]) * np.float32(1 / _STEP)
    return floats(scale / np.sqrt(1 + slope * slope))
