"""Labels and probabilities in known types and shapes, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import SettingsError

# Softmax in bfloat16 misses 1 by up to half a percent; more than that is no softmax.
_SUM_TOLERANCE = 0.01


def checked_labels(y_true: NDArray[np.integer[Any]], classes: int) -> NDArray[np.int64]:
    """Return labels as ``int64``.

    Args:
        y_true: index of each image's class, integers of shape ``(n,)``, `n` at least 1.
        classes: number of classes.

    Returns:
        The same of type ``int64``.

    Raises:
        SettingsError: they are no such array, or an index is outside the classes.

    Example:
        >>> checked_labels(np.array([0, 1], "uint8"), 2)
        array([0, 1])
    """
    labels = np.asarray(y_true)
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise SettingsError(
            "Expected y_true to be integers of shape (n,), n at least 1. "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise SettingsError(
            f"Expected labels to be indices from 0 to {classes - 1}. "
            f"Received: {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int64)


def checked_probabilities(
    probabilities: NDArray[np.floating[Any]], images: int, names: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Return probabilities as ``float64`` whose rows add up to 1 exactly.

    Args:
        probabilities: of shape ``(n, k)``, rows adding up to 1 within 0.01.
        images: the `n` expected.
        names: what to call the images in an error. Default None: by number.

    Returns:
        The same of type ``float64``, each row divided by its sum.

    Raises:
        SettingsError: the shape is another, or a probability is not a finite number from 0 to 1 in
            rows that add up to 1.

    Example:
        >>> checked_probabilities(np.array([[0.25, 0.75]], "float32"), 1)
        array([[0.25, 0.75]])
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    if shares.ndim != 2 or len(shares) != images or shares.shape[1] < 2:
        raise SettingsError(
            f"Expected probabilities of shape ({images}, k), k at least 2. "
            f"Received: shape {shares.shape}"
        )
    sums = shares.sum(axis=1, keepdims=True)
    fits = np.isfinite(shares).all(axis=1) & (shares >= 0).all(axis=1)
    fits &= np.abs(sums[:, 0] - 1) <= _SUM_TOLERANCE
    if not fits.all():
        first = int(np.flatnonzero(~fits)[0])
        raise SettingsError(
            "Expected probabilities to be finite, from 0 to 1, and to add up to 1 per image. "
            f"Received: {shares[first].tolist()} for "
            f"{names[first] if names else f'image {first}'}. A network whose output is not "
            "finite has diverged: train it again with a smaller learning rate."
        )
    whole: NDArray[np.float64] = shares / sums
    return whole
