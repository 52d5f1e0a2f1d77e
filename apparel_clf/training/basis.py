"""Coordinates for rows of features: few numbers a row, in which a linear head learns the same.

With far more features than rows, all that a linear head can learn lies in the rows' own span. So
the standardised features are turned into coordinates of that span, a few hundred to two thousand
numbers a row in place of tens of thousands. Beyond two thousand rows, the span of as many of them
stands for that of all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apparel_clf.training.solvers import Floats, thin_products

# Features that barely vary would be blown up into noise: no scale is taken to be smaller than
# this part of the typical one.
_LEAST_SCALE = 0.1
# Rows of a product at a time, and numbers of a pass.
_CHUNK, _IN_CACHE = 256, 2**18
# Coordinates at most. Beyond, the span of as many rows, spread evenly, stands for that of all.
_MOST_DIRECTIONS = 2048
# Directions with less than this part of the largest one's variance are round-off.
_LEAST_VARIANCE = 1e-6


class Scaling(NamedTuple):
    """Takes features to mean 0, each to a spread such that a whole row has a length of about 1."""

    mean: Floats
    factor: Floats

    def apply(self, features: NDArray[np.float16]) -> Floats:
        """Scale rows of features."""
        scaled = features.astype(np.float32)
        for part in _slices(scaled):
            part -= self.mean
            part *= self.factor
        return scaled

    def fold(self, kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Turn the weights of a layer on scaled features into those of one on plain features."""
        folded = kernel.astype(np.float64) * self.factor[:, None]
        return folded.astype(np.float32), (bias - self.mean @ folded).astype(np.float32)


class Span(NamedTuple):
    """The span of some rows, and coordinates in it.

    The directions are ``turn.T @ rows``. They are never written down: products with the rows, and
    then with the small matrix, take less time.

    Args:
        rows: scaled features, ``(rows, width)``.
        turn: ``(rows, coordinates)``, such that the directions are orthonormal.
    """

    rows: Floats
    turn: Floats


@dataclass(frozen=True)
class Basis:
    """Turns rows of features into the coordinates that the head is trained on, and back.

    Args:
        scaling: applied first.
        span: whose coordinates; None where the scaled features themselves are the coordinates.
    """

    scaling: Scaling
    span: Span | None = None

    def apply(self, features: NDArray[np.float16]) -> Floats:
        """Return the coordinates of rows, ``(rows, coordinates)``, a few rows at a time."""
        parts = [self._turned(self.scaling.apply(part)) for part in chunks(features)]
        width = features.shape[1] if self.span is None else self.span.turn.shape[1]
        return np.concatenate(parts) if parts else np.empty((0, width), np.float32)

    def _turned(self, scaled: Floats) -> Floats:
        if self.span is None:
            return scaled
        return np.asarray((scaled @ self.span.rows.T) @ self.span.turn, np.float32)

    def fold(self, kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Turn weights on coordinates into those of a layer on plain features."""
        if self.span is not None:
            kernel = self.span.rows.T @ (self.span.turn @ kernel)
        return self.scaling.fold(kernel, bias)


def fit_basis(features: NDArray[np.float16], standardize: bool = True) -> Basis:
    """Find the coordinates for rows of features.

    Args:
        features: ``(rows, width)``.
        standardize: scale each feature first. Default True; otherwise features stay as they are.

    Returns:
        The basis: of all directions in which the scaled rows differ, up to 2,048.
    """
    return _fitted(features, standardize, fewest=False)[0]


def fit_coordinates(
    features: NDArray[np.float16], standardize: bool = True, *, fewest: bool = False
) -> tuple[Basis, Floats]:
    """Find the coordinates for rows of features, and theirs: less work than one after the other.

    Args:
        features: ``(rows, width)``.
        standardize: as for `fit_basis`.
        fewest: no more coordinates than rows. Default False: up to 2,048 features are coordinates
            themselves.

    Returns:
        The basis, and the rows' coordinates.
    """
    basis, coordinates = _fitted(features, standardize, fewest=fewest)
    return basis, basis.apply(features) if coordinates is None else coordinates


def turns(width: int) -> bool:
    """Whether rows so wide are turned for every solver, so that one basis serves all of them.

    Args:
        width: number of features.
    """
    return width > _MOST_DIRECTIONS


def _fitted(
    features: NDArray[np.float16], standardize: bool, *, fewest: bool
) -> tuple[Basis, Floats | None]:
    """Return the basis, and the rows' coordinates where these are a by-product."""
    rows, width = features.shape
    if not standardize:
        return Basis(Scaling(np.zeros(width, np.float32), np.ones(width, np.float32))), None
    scaling = fit_scaling(features)
    chosen = np.unique(np.linspace(0, rows - 1, _MOST_DIRECTIONS).astype(np.intp))
    if width <= len(chosen) or not (fewest or turns(width)):
        return Basis(scaling), None
    span, coordinates = _fit_span(scaling.apply(features[chosen]))
    return Basis(scaling, span), coordinates if len(chosen) == rows else None


def _fit_span(rows: Floats) -> tuple[Span, Floats]:
    """Return the span of scaled rows, and their coordinates in it."""
    products = (rows @ rows.T).astype(np.float64)
    with thin_products(products.size):
        variances, vectors = np.linalg.eigh(products)
    kept = variances > _LEAST_VARIANCE * max(float(variances[-1]), 1e-30)
    lengths = np.sqrt(variances[kept])
    turn = (vectors[:, kept] / lengths).astype(np.float32)
    return Span(rows, turn), (vectors[:, kept] * lengths).astype(np.float32)


def fit_scaling(features: NDArray[np.float16]) -> Scaling:
    """Measure mean and spread of each feature, a few rows at a time.

    Args:
        features: ``(rows, width)``.

    Returns:
        The scaling. Features that don't vary at all are scaled to zero.
    """
    rows, width = features.shape
    total, squares = np.zeros(width), np.zeros(width)
    for part in _slices(features):
        # In double precision: the mean of equal values is that value, so they do not vary.
        total += part.sum(0, dtype=np.float64)
    mean = total / rows
    for part in _slices(features):
        away = part.astype(np.float32)
        away -= mean.astype(np.float32)
        squares += np.einsum("ij,ij->j", away, away)
    deviation = np.sqrt(squares / rows)
    alive = deviation > 0
    typical = float(np.median(deviation[alive])) if alive.any() else 1.0
    floored = np.maximum(deviation, _LEAST_SCALE * typical)
    factor = np.where(alive, 1.0 / (floored * math.sqrt(width)), 0.0)
    return Scaling(mean.astype(np.float32), factor.astype(np.float32))


def chunks(features: NDArray[np.float16]) -> Iterator[NDArray[np.float16]]:
    """Yield as many rows at a time as a product takes."""
    return (features[start : start + _CHUNK] for start in range(0, len(features), _CHUNK))


def _slices(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield a few rows at a time, so few that several passes over them stay in the cache."""
    step = max(1, _IN_CACHE // max(1, rows.shape[1]))
    return (rows[start : start + step] for start in range(0, len(rows), step))
