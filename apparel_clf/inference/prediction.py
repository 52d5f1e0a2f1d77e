"""What a classifier says about one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """The label of one image and how sure the network is.

    Args:
        label: the class with the highest probability; of equals, the first in class order.
        confidence: its probability, 0 to 1, as the network gives it. It is no promise: a network
            that was not calibrated is often surer than it should be.
        probabilities: probability of each class, in class order; they add up to 1.
        source: the image's path, or what kind of thing it was.

    Example:
        >>> clf.predict("x.jpg")
        Prediction(label='saree', confidence=0.98, ...)
    """

    label: str
    confidence: float
    probabilities: Mapping[str, float]
    source: str

    @classmethod
    def from_row(cls, row: NDArray[np.float32], classes: Sequence[str], source: str) -> Prediction:
        """Build a prediction from one row of a network's output.

        Args:
            row: probabilities, ``(number of classes,)``.
            classes: the classes in the order of the row.
            source: what the image was.
        """
        probabilities = dict(zip(classes, row.tolist(), strict=True))
        label = classes[int(row.argmax())]
        return cls(label, probabilities[label], probabilities, source)

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain values."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "probabilities": dict(self.probabilities),
            "source": self.source,
        }
