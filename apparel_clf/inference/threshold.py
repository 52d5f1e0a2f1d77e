"""From which confidence on a prediction can be believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def lowest_threshold(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], precision: float
) -> float | None:
    """Find the lowest confidence at or above which enough predictions are right.

    Args:
        confidence: of each prediction, of shape ``(n,)``.
        right: whether it was right, of shape ``(n,)``.
        precision: the share that has to be right, 0 to 1.

    Returns:
        One of the confidences, or None where none is high enough.

    Example:
        >>> lowest_threshold(np.array([0.9, 0.6, 0.8]), np.array([True, False, True]), 0.95)
        0.8
    """
    order = np.argsort(-confidence, kind="stable")
    levels = confidence[order]
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Predictions of one confidence are in or out together.
    ends = np.append(levels[1:] != levels[:-1], True)
    enough = np.flatnonzero(ends & (shares >= precision))
    return float(levels[enough[-1]]) if enough.size else None
