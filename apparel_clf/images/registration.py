"""Lays one small picture over another: how much remains different when they fit best.

A shop's copies of one photo are cropped, padded, scaled and brightened by a few percent. Compared
pixel by pixel, a crop of two percent differs as much as another garment does. So the small copies
of two pictures are first brought into register, by shift and stretch along both axes and by gain
and offset of brightness, in Gauss and Newton's way as Lucas and Kanade (1981) applied it to images;
what remains is the measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_STEPS = 4
_WHITE = np.float32(255)


@dataclass(frozen=True)
class Expected:
    """What a copy is expected to be like, and what it can't be.

    Args:
        deviations: one standard deviation of each parameter from the start: shift and stretch
            across and down in pixels, gain, offset in levels.
        reach: how far each may get from the start.
        noise: of a pixel, in levels.
    """

    deviations: tuple[float, float, float, float, float, float]
    reach: tuple[float, float, float, float, float, float]
    noise: float = 2.0


#: A copy that was cropped, padded, scaled, brightened or darkened a little.
BRIGHTER_OR_DARKER = Expected((1, 1, 1, 1, 0.1, 2), (2.5, 2.5, 2.5, 2.5, 0.15, 6))
#: A picture of the same shape in any colours.
RECOLOURED = Expected((1, 1, 1, 1, 1, 100), (2.5, 2.5, 2.5, 2.5, 4, 400))


@dataclass(frozen=True)
class Placement:
    """Where the first picture lies on the second, for each of n pairs.

    Args:
        values: ``float32`` of shape ``(n, 6)``: shift and stretch across, shift and stretch down,
            gain, offset. Shifts are in pixels of the small copy, stretches in pixels at its edge.
    """

    values: Floats

    @property
    def gain(self) -> Floats:
        """How many times brighter the first has to be made."""
        return self.values[:, 4]

    def scaled(self, factor: float) -> Placement:
        """Return the same placements for copies with `factor` times as many pixels a side."""
        values = self.values.copy()
        values[:, :4] *= factor
        return Placement(values)

    def some(self, chosen: NDArray[np.intp]) -> Placement:
        """Return some of them."""
        return Placement(self.values[chosen])


def identity(count: int) -> Placement:
    """Return the placements of pictures that lie on each other as they are."""
    values = np.zeros((count, 6), dtype=np.float32)
    values[:, 4] = 1
    return Placement(values)


def box_to_box(first: Floats, second: Floats, side: int) -> Placement:
    """Return the placements that lay what one picture shows on what the other shows.

    Args:
        first: content boxes, shape ``(n, 4)``: left, top, right, bottom, from 0 to 1.
        second: the same of the other pictures.
        side: pixels of the small copy.
    """
    placement = identity(len(first))
    for axis in (0, 1):
        low, high = first[:, axis], first[:, axis + 2]
        low2, high2 = second[:, axis], second[:, axis + 2]
        scale = (high - low) / np.maximum(high2 - low2, 1e-3)
        placement.values[:, 2 * axis] = (low + (0.5 - low2) * scale - 0.5) * side
        placement.values[:, 2 * axis + 1] = (scale - 1) * side / 2
    return placement


def laid_over(pictures: Floats, placement: Placement) -> Floats:
    """Return pictures as they look when they are shifted and stretched; brightness stays.

    Args:
        pictures: ``(n, side, side)``.
        placement: for pictures of any side: shifts and stretches are scaled to this one by the
            caller.

    Returns:
        The same shape. Beyond its edge a picture goes on as it is at the edge.
    """
    side = pictures.shape[-1]
    place = np.arange(side, dtype=np.float32)
    along = (place + 0.5) / side * 2 - 1
    p = placement.values
    across = _resampled(pictures, place + p[:, 0:1] + p[:, 1:2] * along)
    down = _resampled(across.transpose(0, 2, 1), place + p[:, 2:3] + p[:, 3:4] * along)
    return down.transpose(0, 2, 1)


def register(
    first: Floats, second: Floats, start: Placement, *, expected: Expected = BRIGHTER_OR_DARKER
) -> tuple[Floats, Placement]:
    """Lay the first picture of each pair over the second.

    White stays white however much a picture is brightened, so what is predicted above 255 counts as
    255.

    Args:
        first: ``float32`` of shape ``(n, side, side)``, brightness from 0 to 255.
        second: the same shape.
        start: where to begin.
        expected: how far the two may be apart. Default: a slightly changed copy.

    Returns:
        What of the second remains, signed, ``(n, side, side)``, and the placement.

    Example:
        >>> remains, placement = register(copies[:1], copies[1:2], identity(1))
    """
    p = start.values.copy()
    reach = np.array(expected.reach, dtype=np.float32)
    deviations = np.array(expected.deviations, dtype=np.float32)
    prior = np.diag(expected.noise**2 / deviations**2)
    low, high = p - reach, p + reach
    along = (np.arange(first.shape[-1], dtype=np.float32) + 0.5) / first.shape[-1] * 2 - 1
    for _ in range(_STEPS):
        moved = laid_over(first, Placement(p))
        predicted = p[:, 4, None, None] * moved + p[:, 5, None, None]
        slopes = _slopes(moved, p[:, 4], along) * (predicted < _WHITE)[:, None]
        rest = second - np.minimum(predicted, _WHITE)
        p = np.clip(p + _step(slopes, rest, p - start.values, prior), low, high)
    return _rest(first, second, p), Placement(p)


def _rest(first: Floats, second: Floats, p: Floats) -> Floats:
    moved = laid_over(first, Placement(p))
    predicted: Floats = p[:, 4, None, None] * moved + p[:, 5, None, None]
    return second - np.minimum(predicted, _WHITE)


def _step(slopes: Floats, rest: Floats, away: Floats, prior: Floats) -> Floats:
    """One step of Gauss and Newton, held back where a picture says nothing of a parameter."""
    count, parameters = slopes.shape[:2]
    flat = slopes.reshape(count, parameters, -1)
    pixels = flat.shape[-1]
    curvature = flat @ flat.transpose(0, 2, 1) / pixels + prior
    gradient = (flat @ rest.reshape(count, pixels, 1))[..., 0] / pixels - away @ prior
    solved: Floats = np.linalg.solve(curvature, gradient[..., None])[..., 0]
    return solved


def _slopes(moved: Floats, gain: Floats, along: Floats) -> Floats:
    """How the predicted picture changes with each parameter, ``(n, 6, side, side)``."""
    across = _difference(moved) * gain[:, None, None]
    down = _difference(moved.transpose(0, 2, 1)).transpose(0, 2, 1) * gain[:, None, None]
    parts = (across, across * along, down, down * along[:, None], moved, np.ones_like(moved))
    return np.stack(parts, axis=1)


def _difference(pictures: Floats) -> Floats:
    """Slope along the last axis, by central differences."""
    padded = np.concatenate([pictures[..., :1], pictures, pictures[..., -1:]], axis=-1)
    slope: Floats = (padded[..., 2:] - padded[..., :-2]) / 2
    return slope


def _resampled(pictures: Floats, places: Floats) -> Floats:
    """Values along the last axis at fractional places, by Catmull and Rom's cubic.

    Args:
        pictures: ``(n, rows, side)``.
        places: ``(n, side)``.
    """
    side = pictures.shape[-1]
    places = np.clip(places, 0, side - 1)
    left = np.minimum(np.floor(places), side - 2).astype(np.intp)
    t = (places - left).astype(np.float32)
    weights = (
        t * (-0.5 + t * (1 - 0.5 * t)),
        1 + t * t * (1.5 * t - 2.5),
        t * (0.5 + t * (2 - 1.5 * t)),
        t * t * (0.5 * t - 0.5),
    )
    # A matrix for each picture: a batched product is faster than gathering four times. One pixel
    # more on either side, like the one at the edge, so that every place has four neighbours.
    matrix = np.zeros((len(places), side + 2, side), dtype=np.float32)
    pair, column = np.arange(len(places))[:, None], np.arange(side)[None]
    for offset, weight in enumerate(weights):
        matrix[pair, left + offset, column] = weight
    framed = np.concatenate([pictures[..., :1], pictures, pictures[..., -1:]], axis=-1)
    resampled: Floats = framed @ matrix
    return resampled
