"""Figures from true labels and predicted probabilities, by scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._extras import require


@dataclass(frozen=True)
class ClassScore:
    """How one class fared.

    A figure that is undefined is None, never 0: a class that was never predicted has no precision,
    a class with no images has no recall, and a class with neither has no F1.

    Args:
        precision: of the images given this label, the share that bear it rightly; or None.
        recall: of the images of this class, the share that was found; or None.
        f1: harmonic mean of the two; or None.
        support: number of images of this class.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int

    def to_json(self) -> dict[str, float | int | None]:
        """Return plain values, None where a figure is undefined."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "support": self.support,
        }


def class_scores(
    y_true: NDArray[np.int64], y_pred: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, ClassScore]:
    """Compute precision, recall, F1 and support of every class.

    Args:
        y_true: index of each image's class, shape ``(n,)``.
        y_pred: index of each image's predicted class, shape ``(n,)``.
        classes: the classes' names, in the order of the indices.

    Returns:
        A score by class, in the order of `classes`.

    Raises:
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> class_scores(np.array([0, 1]), np.array([0, 0]), ["jeans", "saree"])["saree"].recall
        0.0
    """
    metrics: Any = require("sklearn.metrics", "train")
    columns = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=range(len(classes)), zero_division=np.nan
    )
    return {
        name: ClassScore(_defined(precision), _defined(recall), _defined(f1), int(support))
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    }


def confusion_counts(
    y_true: NDArray[np.int64], y_pred: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Count images by true class (rows) and predicted class (columns).

    Args:
        y_true: index of each image's class, shape ``(n,)``.
        y_pred: index of each image's predicted class, shape ``(n,)``.
        classes: number of classes ``k``.

    Returns:
        Read-only array of shape ``(k, k)``, ``int64``.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    metrics: Any = require("sklearn.metrics", "train")
    counts: NDArray[np.int64] = metrics.confusion_matrix(y_true, y_pred, labels=range(classes))
    counts = counts.astype(np.int64)
    counts.flags.writeable = False
    return counts


def mean_log_loss(y_true: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Compute the mean negative logarithm of the probability given to the true class.

    Args:
        y_true: index of each image's class, shape ``(n,)``.
        probabilities: ``float64`` of shape ``(n, k)``, each row adding up to 1.

    Returns:
        The loss in nats, 0 at best. A probability of 0 for the true class counts as the smallest
        step of ``float64`` (2.2e-16), so that the loss stays finite.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    metrics: Any = require("sklearn.metrics", "train")
    return float(metrics.log_loss(y_true, probabilities, labels=np.arange(probabilities.shape[1])))


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
