"""Whether a model is right as often as it says, and the temperature that helps it to be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require
from apparel_clf.errors import SettingsError
from apparel_clf.evaluation.checks import checked_labels, checked_probabilities
from apparel_clf.evaluation.intervals import wilson_interval
from apparel_clf.evaluation.plain import plain_value

#: How often a perfectly calibrated model is drawn.
DRAWS = 2000
#: The range in which a temperature is looked for.
TEMPERATURES = (0.05, 20.0)

# So many drawn answers are held at a time: 16 MB as float64.
_BLOCK = 2_000_000


@dataclass(frozen=True)
class CalibrationBin:
    """The images whose top label got a probability above `low`, up to `high`.

    Args:
        low: lower end, itself not in the bin (0 is in the first).
        high: upper end, itself in the bin.
        n: number of images.
        confidence: their mean probability of the top label; None without images.
        accuracy: share of them whose top label is right; None without images.
        ci: 95% Wilson interval of `accuracy`, low and high; None without images.
    """

    low: float
    high: float
    n: int
    confidence: float | None = None
    accuracy: float | None = None
    ci: tuple[float, float] | None = None


@dataclass(frozen=True)
class Calibration:
    """How far the probability of the top label is from how often it is right.

    A calibration error is never 0 on few images: a model that is right exactly as often as it says
    still misses by chance. So the error stands beside the errors that such a model shows by chance
    alone with these very probabilities, and only one above them is a finding.

    Args:
        ece: expected calibration error of the top label, 0 to 1: the distance between mean
            probability and accuracy, averaged over the bins by their number of images.
        null_mean: mean error of a perfectly calibrated model with these probabilities.
        null_high: 95% quantile of the same.
        p_value: share of the drawn perfect models whose error is `ece` or more.
        bins: the bins of equal width, from 0 to 1, empty ones too.

    Source: C. Guo et al. (2017), "On calibration of modern neural networks", ICML, section 2; the
    comparison with chance follows J. Bröcker and L. A. Smith (2007), "Increasing the reliability
    of reliability diagrams", Weather and Forecasting 22, 651–661.

    Example:
        >>> print(report.calibration)
        0.031, within the 0.039 that chance alone explains at n=337
    """

    ece: float
    null_mean: float
    null_high: float
    p_value: float
    bins: tuple[CalibrationBin, ...]

    @property
    def n(self) -> int:
        """Number of images."""
        return sum(found.n for found in self.bins)

    @property
    def within_band(self) -> bool:
        """Whether chance alone explains the error: `ece` is at most `null_high`."""
        return self.ece <= self.null_high

    @property
    def overconfidence(self) -> float:
        """Mean probability of the top label less the accuracy: above 0 where it is too sure."""
        return sum(b.n * ((b.confidence or 0) - (b.accuracy or 0)) for b in self.bins) / self.n

    def __str__(self) -> str:
        place = "within" if self.within_band else "above"
        return (
            f"{self.ece:.3f}, {place} the {self.null_high:.3f} that chance alone explains "
            f"at n={self.n}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None where a bin has no image."""
        return {
            "ece": self.ece,
            "null_mean": self.null_mean,
            "null_high": self.null_high,
            "p_value": self.p_value,
            "within_band": self.within_band,
            "overconfidence": self.overconfidence,
            "bins": plain_value(self.bins),
        }


def calibration(
    y_true: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    bins: int = 15,
    random_state: int = 0,
) -> Calibration:
    """Measure the calibration of the top label, and what of its error chance alone explains.

    Args:
        y_true: index of each image's class, integers of shape ``(n,)``.
        probabilities: probability of each class, shape ``(n, k)``, rows adding up to 1.
        bins: number of bins of equal width. Default 15, as Guo et al. have it.
        random_state: seed of the 2,000 draws of a perfectly calibrated model, which is right on
            each image with the very probability that it says. Default 0.

    Returns:
        The error beside that of chance, and the bins of a reliability diagram.

    Raises:
        SettingsError: arrays that do not fit together, no image, or less than one bin.

    Example:
        >>> found = calibration(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> round(found.ece, 2), found.within_band
        (0.15, True)
    """
    if bins < 1:
        raise SettingsError(f"Expected bins to be at least 1. Received: bins={bins}")
    shares = checked_probabilities(probabilities, np.size(y_true))
    labels = checked_labels(y_true, shares.shape[1])
    confidence = shares.max(axis=1)
    # Sorted by bin, so that a bin is a slice.
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")
    order = np.argsort(place, kind="stable")
    confidence, place = confidence[order], place[order]
    right = (shares.argmax(axis=1) == labels)[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    ece = float(_errors(right[np.newaxis], confidence, starts)[0])
    drawn = np.concatenate(
        [_errors(hits, confidence, starts) for hits in _draws(confidence, random_state)]
    )
    return Calibration(
        ece=ece,
        null_mean=float(drawn.mean()),
        null_high=float(np.quantile(drawn, 0.95)),
        p_value=float((drawn >= ece).mean()),
        bins=tuple(
            _bin(number, bins, place == number, confidence, right) for number in range(bins)
        ),
    )


def _draws(confidence: NDArray[np.float64], seed: int) -> Iterator[NDArray[np.bool_]]:
    """Answers of a perfectly calibrated model, right or wrong, a block of draws at a time."""
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(confidence))
    for start in range(0, DRAWS, rows):
        count = min(rows, DRAWS - start)
        yield generator.random((count, len(confidence))) < confidence


def _errors(
    right: NDArray[np.bool_], confidence: NDArray[np.float64], starts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Expected calibration error of each row of answers; images sorted by bin."""
    hits = np.add.reduceat(right, starts, axis=1, dtype=np.int64)
    said = np.add.reduceat(confidence, starts)
    errors: NDArray[np.float64] = np.abs(hits - said).sum(axis=1) / len(confidence)
    return errors


def _bin(
    number: int,
    bins: int,
    inside: NDArray[np.bool_],
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
) -> CalibrationBin:
    low, high, n = number / bins, (number + 1) / bins, int(inside.sum())
    if not n:
        return CalibrationBin(low, high, 0)
    hits = int(right[inside].sum())
    mean = float(confidence[inside].mean())
    return CalibrationBin(low, high, n, mean, hits / n, wilson_interval(hits, n))


def fit_temperature(y_true: NDArray[np.integer[Any]], logits: NDArray[np.floating[Any]]) -> float:
    """Find the temperature that makes a model's probabilities fit the labels best.

    Dividing logits by one number above 1 makes a model less sure, by one below 1 surer. The order
    of the classes stays, so no prediction changes.

    Few images that are all right would ask for no temperature at all, that is for certainty. So
    each label is held to be right with a probability of ``(n + 1) / (n + k)``, as if one image
    more of each class had been seen; with hundreds of images that changes nothing.

    Source: C. Guo et al. (2017), "On calibration of modern neural networks", ICML, section 4.2;
    the prior: J. Platt (1999), "Probabilistic outputs for support vector machines", section 2.2.

    Args:
        y_true: index of each image's class, integers of shape ``(n,)``. Images that the model was
            not trained on: on its own training images it seems surer than it may be.
        logits: what goes into softmax, shape ``(n, k)``. Logarithms of probabilities serve as well.

    Returns:
        `T` from 0.05 to 20 with the lowest mean log loss of ``softmax(logits / T)``; 1 where no
        other is better.

    Raises:
        SettingsError: arrays that do not fit together, or a logit that is not finite.
        MissingExtraError: scipy, which comes with scikit-learn, is not installed.

    Example:
        >>> T = fit_temperature(np.array([0, 0, 1]), np.array([[4.0, 0], [4.0, 0], [4.0, 0]]))
        >>> round(T, 2)
        9.87
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2 or len(values) != np.size(y_true):
        raise SettingsError(
            f"Expected logits of shape ({np.size(y_true)}, k), k at least 2. "
            f"Received: shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise SettingsError(
            "Expected logits to be finite. Take the logarithm of probabilities no smaller than "
            f"{np.finfo(np.float64).tiny:.0e}."
        )
    labels = checked_labels(y_true, values.shape[1])
    optimize: Any = require("scipy.optimize", "train")
    low, high = TEMPERATURES
    found = optimize.minimize_scalar(
        lambda power: _log_loss(labels, values / math.exp(power)),
        bounds=(math.log(low), math.log(high)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return math.exp(found.x) if found.fun < _log_loss(labels, values) else 1.0


def _log_loss(labels: NDArray[np.int64], logits: NDArray[np.float64]) -> float:
    """Mean log loss where every label may with a small probability be one of the others."""
    count, classes = logits.shape
    doubt = (classes - 1) / (count + classes)
    shifted = logits - logits.max(axis=1, keepdims=True)
    truth = np.take_along_axis(shifted, labels[:, np.newaxis], axis=1)[:, 0]
    others = (shifted.sum(axis=1) - truth) / (classes - 1)
    expected = (1 - doubt) * truth + doubt * others
    return float((np.log(np.exp(shifted).sum(axis=1)) - expected).mean())
