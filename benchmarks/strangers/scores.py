"""Scores that say how much a picture is like those that were learnt from: higher is more like them.

All work on what the network computes anyway: its logits, and block means of its backbone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.inference.familiarity import Familiarity
from apparel_clf.training.basis import fit_scaling

Values: TypeAlias = NDArray[np.float64]

_NEIGHBOURS = 5


@dataclass(frozen=True)
class Seen:
    """What a score looks at, of some pictures.

    Args:
        features: ``(pictures, width)``, as they are.
        logits: ``(pictures, classes)``.
    """

    features: NDArray[np.float16]
    logits: Values


class Learnt:
    """What is known of the training pictures. Features are standardised as for the head.

    Args:
        seen: the training pictures.
        labels: class of each, ``(pictures,)``.
    """

    def __init__(self, seen: Seen, labels: NDArray[np.int64]) -> None:
        self.seen = seen
        self._scaling = fit_scaling(seen.features)
        self.rows = self.scaled(seen)
        self.means = np.stack([self.rows[labels == c].mean(0) for c in np.unique(labels)])
        self.offsets = self.rows - self.means[labels]

    def scaled(self, seen: Seen) -> Values:
        """Standardise features."""
        return self._scaling.apply(seen.features).astype(np.float64)

    @cached_property
    def within(self) -> Gaussian:
        """Of the rows about the mean of their class."""
        return Gaussian(self.offsets)

    @cached_property
    def whole(self) -> Gaussian:
        """Of all rows about their mean, whatever their class."""
        return Gaussian(self.rows)

    @cached_property
    def axes(self) -> tuple[Values, Values]:
        """Principal directions of all rows, and the variance along each."""
        _, lengths, directions = np.linalg.svd(self.rows, full_matrices=False)
        return directions, np.square(lengths) / len(self.rows)

    @cached_property
    def familiarity(self) -> Familiarity:
        """What the library learns of them."""
        return Familiarity.of(self.seen.features.astype(np.float32))


class Gaussian:
    """A Gaussian about 0 with the covariance of some rows, shrunk as Ledoit and Wolf (2004) say."""

    def __init__(self, rows: Values) -> None:
        covariance, _ = require("sklearn.covariance", "train").ledoit_wolf(
            rows, assume_centered=True
        )
        self._whitening = np.linalg.cholesky(np.linalg.inv(covariance))

    def distances(self, offsets: Values) -> Values:
        """Squared Mahalanobis distances of rows from 0."""
        return np.asarray(np.square(offsets @ self._whitening).sum(1))


def softmax(learnt: Learnt, seen: Seen) -> Values:  # noqa: ARG001 - the same for every score
    """Largest probability (Hendrycks and Gimpel, 2017)."""
    return np.asarray(np.exp(seen.logits.max(1) - _log_sum(seen.logits)))


def max_logit(learnt: Learnt, seen: Seen) -> Values:  # noqa: ARG001 - the same for every score
    """Largest logit (Hendrycks and others, 2022)."""
    return np.asarray(seen.logits.max(1))


def energy(learnt: Learnt, seen: Seen) -> Values:  # noqa: ARG001 - the same for every score
    """Logarithm of the sum of the logits' exponentials (Liu and others, 2020)."""
    return _log_sum(seen.logits)


def class_mean(learnt: Learnt, seen: Seen) -> Values:
    """Cosine to the nearest class mean, in standardised features."""
    return np.asarray((_unit(learnt.scaled(seen)) @ _unit(learnt.means).T).max(1))


def neighbour(learnt: Learnt, seen: Seen) -> Values:
    """Distance to the fifth neighbour of L2-normalised features (Sun and others, 2022)."""
    known = _unit(learnt.seen.features.astype(np.float64))
    likeness = _unit(seen.features.astype(np.float64)) @ known.T
    return np.asarray(np.partition(likeness, -_NEIGHBOURS, axis=1)[:, -_NEIGHBOURS])


def mahalanobis(learnt: Learnt, seen: Seen) -> Values:
    """Mahalanobis distance to the nearest class, one covariance for all (Lee and others, 2018)."""
    rows = learnt.scaled(seen)
    found = [learnt.within.distances(rows - mean) for mean in learnt.means]
    return -np.asarray(np.min(found, axis=0))


def one_gaussian(learnt: Learnt, seen: Seen) -> Values:
    """Mahalanobis distance to all training pictures together."""
    return -learnt.whole.distances(learnt.scaled(seen))


def relative_mahalanobis(learnt: Learnt, seen: Seen) -> Values:
    """Distance to the nearest class less that to all together (Ren and others, 2021)."""
    return mahalanobis(learnt, seen) - one_gaussian(learnt, seen)


def residual_90(learnt: Learnt, seen: Seen) -> Values:
    """Distance from the subspace of 90% of the training pictures' variance."""
    return -_residual(learnt, seen, 0.90)


def residual_99(learnt: Learnt, seen: Seen) -> Values:
    """Distance from the subspace of 99% of the training pictures' variance."""
    return -_residual(learnt, seen, 0.99)


def vim(learnt: Learnt, seen: Seen) -> Values:
    """Energy less the scaled distance from the subspace of 90% (ViM, Wang and others, 2022)."""
    scale = learnt.seen.logits.max(1).mean() / _residual(learnt, learnt.seen, 0.90).mean()
    return np.asarray(_log_sum(seen.logits) - scale * _residual(learnt, seen, 0.90))


def few_directions(learnt: Learnt, seen: Seen) -> Values:
    """The library's own: 32 directions by their variance, the rest by their mean one."""
    return -learnt.familiarity.distances(seen.features.astype(np.float32))


def _residual(learnt: Learnt, seen: Seen, share: float) -> Values:
    directions, variances = learnt.axes
    kept = directions[: 1 + int(np.searchsorted(variances.cumsum() / variances.sum(), share))]
    rows = learnt.scaled(seen)
    squares = np.square(rows).sum(1) - np.square(rows @ kept.T).sum(1)
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _log_sum(logits: Values) -> Values:
    high = logits.max(1)
    return np.asarray(high + np.log(np.exp(logits - high[:, None]).sum(1)))


def _unit(rows: Values) -> Values:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


Score: TypeAlias = Callable[[Learnt, Seen], Values]

#: Scores that need logits alone.
OF_LOGITS: Mapping[str, Score] = {
    "softmax": softmax,
    "max logit": max_logit,
    "energy": energy,
}
#: Scores that go by features.
OF_FEATURES: Mapping[str, Score] = {
    "class mean, cosine": class_mean,
    "5th neighbour": neighbour,
    "Mahalanobis": mahalanobis,
    "Mahalanobis, relative": relative_mahalanobis,
    "Mahalanobis, one Gaussian": one_gaussian,
    "32 directions": few_directions,
    "residual, 90%": residual_90,
    "residual, 99%": residual_99,
    "ViM": vim,
}
