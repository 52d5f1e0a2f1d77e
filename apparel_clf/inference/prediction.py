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
        top_k: classes and their probabilities, the likeliest first; as many as were asked for.
        uncertain: whether the confidence is below the threshold, or the distance above 1. Such a
            picture may well show none of the classes. Always False where neither was fitted.
        distance: how far the picture is from those that were trained on, whatever their class: 0 in
            their middle, above 1 farther than `fit_threshold` allows. None where it was not told
            what they look like.

    Example:
        >>> clf.predict("x.jpg")
        Prediction(label='saree', confidence=0.98, ...)
    """

    label: str
    confidence: float
    probabilities: Mapping[str, float]
    source: str
    top_k: tuple[tuple[str, float], ...] = ()
    uncertain: bool = False
    distance: float | None = None

    @classmethod
    def from_row(
        cls,
        row: NDArray[np.float32],
        classes: Sequence[str],
        source: str,
        *,
        top_k: int | None = None,
        threshold: float = 0.0,
        distance: float | None = None,
    ) -> Prediction:
        """Build a prediction from one row of a network's output.

        Args:
            row: probabilities, ``(number of classes,)``.
            classes: the classes in the order of the row.
            source: what the image was.
            top_k: how many classes to name in `top_k`; None for all.
            threshold: confidence below which it is uncertain.
            distance: from the training pictures; None where that is not known.
        """
        probabilities = dict(zip(classes, row.tolist(), strict=True))
        # Of equals the first in class order, as argmax has it.
        order = np.argsort(-row, kind="stable")[:top_k].tolist()
        label = classes[int(row.argmax())]
        return cls(
            label,
            probabilities[label],
            probabilities,
            source,
            tuple((classes[place], probabilities[classes[place]]) for place in order),
            not (probabilities[label] >= threshold and is_near(distance)),
            distance,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain values."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "probabilities": dict(self.probabilities),
            "source": self.source,
            "top_k": [{"label": name, "probability": value} for name, value in self.top_k],
            "uncertain": self.uncertain,
            "distance": self.distance,
        }


def is_near(distance: float | None) -> bool:
    """Whether a picture counts as one of those that were trained on; where nobody knows, it does.

    Args:
        distance: from the training pictures, 1 at the limit.
    """
    return distance is None or distance <= 1
