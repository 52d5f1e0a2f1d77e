"""How far a picture is from those that a model was trained on, whatever their class.

A softmax spreads certainty among the classes that there are: a watch that is no saree and no jeans
may well be called trousers without a doubt. Where pictures lie is another question. What the model
learnt from spreads along few directions of its features; strangers leave them.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import DatasetError

# As many directions are told apart: no more than half as many as there are pictures.
_DIRECTIONS = 32
# What a file may claim: more channels than any backbone of ours has.
_WIDEST = 4096
# Spreads beyond these are none of pictures; what is computed with them would overflow.
_LEAST, _MOST = 1e-20, 1e20

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Familiarity:
    """A Gaussian of few directions about the training pictures (Tipping and Bishop, 1999).

    It lives in standardised features. Along each direction a distance is measured by the spread
    found there, across all of them by the mean spread that is left.

    Args:
        mean: of each feature, ``(width,)``.
        factor: by which each feature is multiplied, ``(width,)``.
        directions: orthonormal, ``(directions, width)``.
        variances: along each direction, ``(directions,)``.
        rest: mean variance along all others.
        limit: the distance that counts as 1. Default 1.0.
        kept: share of the pictures of the classes that the limit was set to keep. Default 1.0.
    """

    mean: Floats
    factor: Floats
    directions: Floats
    variances: Floats
    rest: float
    limit: float = 1.0
    kept: float = 1.0

    @classmethod
    def of(cls, features: Floats) -> Familiarity:
        """Learn from the features of training pictures.

        Args:
            features: ``(pictures, width)``.

        Raises:
            DatasetError: too few pictures, or all of them alike.

        Example:
            >>> known = Familiarity.of(train).limited(val, 0.99)
            >>> (known.distances(others) > 1).mean()
            0.6
        """
        # Imported here: predicting needs none of it.
        from apparel_clf.training.basis import fit_scaling

        if len(features) < 4:
            raise DatasetError(
                "Expected four training pictures or more, to learn what such pictures look like. "
                f"Received: {len(features)} that can be read"
            )
        scaling = fit_scaling(cast("NDArray[np.float16]", features))
        rows = (features - scaling.mean).astype(np.float64) * scaling.factor
        _, lengths, directions = np.linalg.svd(rows, full_matrices=False)
        variances = np.square(lengths) / len(rows)
        count = min(_DIRECTIONS, len(rows) // 2, rows.shape[1] - 1)
        rest = float(variances[count:].sum() / max(1, min(rows.shape[1], len(rows)) - count))
        if not (rest > 0 and variances[count - 1] > 0):
            raise DatasetError("The training pictures are too much alike to learn what they share")
        return cls(
            scaling.mean, scaling.factor,
            directions[:count].astype(np.float32), variances[:count].astype(np.float32), rest,
        )  # fmt: skip

    def limited(self, features: Floats, kept: float) -> Familiarity:
        """Set the limit so that a share of some pictures of the classes stays within.

        Args:
            features: of pictures that were not learnt from, ``(pictures, width)``.
            kept: the share, above 0 and at most 1.

        Raises:
            DatasetError: no pictures.
        """
        if not len(features):
            raise DatasetError("No image can be read to tell how far is too far")
        found = np.sort(replace(self, limit=1.0).distances(features))
        last = max(1, math.ceil(kept * len(found) - 1e-9)) - 1
        # Halfway to the next one: another runtime's rounding moves no picture over the limit.
        beyond = found[last + 1] if last + 1 < len(found) else 1.01 * found[last]
        return replace(self, limit=max(float(found[last] + beyond) / 2, 1e-6), kept=kept)

    def distances(self, features: Floats) -> NDArray[np.float64]:
        """Measure how far pictures are.

        Args:
            features: ``(pictures, width)``.

        Returns:
            ``(pictures,)``: 0 in the middle of the training pictures, 1 at the limit.
        """
        rows = (features.astype(np.float64) - self.mean) * self.factor
        along = np.square(rows @ self.directions.T.astype(np.float64))
        across = np.maximum(np.square(rows).sum(axis=1) - along.sum(axis=1), 0)
        squares = (along / self.variances).sum(axis=1) + across / self.rest
        return np.asarray(np.sqrt(squares) / self.limit)

    @property
    def width(self) -> int:
        """How many features it goes by."""
        return len(self.mean)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; arrays as the base64 of little-endian ``float32``."""
        arrays = (self.mean, self.factor, self.directions, self.variances)
        return {
            "width": self.width,
            "arrays": [base64.b64encode(a.astype("<f4").tobytes()).decode() for a in arrays],
            "rest": self.rest,
            "limit": self.limit,
            "kept": self.kept,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Familiarity:
        """Read what `to_json` gave.

        Raises:
            KeyError: a value is missing.
            TypeError: a value is of another kind.
            ValueError: a value is not what it should be.
        """
        width = values["width"]
        if not isinstance(width, int) or not 1 <= width <= _WIDEST:
            raise ValueError(f"a familiarity of {width!r} features")
        mean, factor, directions, variances = map(_numbers, values["arrays"])
        if len(mean) != width:
            raise ValueError(f"a familiarity of {len(mean)} features, not {width}")
        found = cls(
            mean, factor, directions.reshape(-1, width), variances,
            float(values["rest"]), float(values["limit"]), float(values["kept"]),
        )  # fmt: skip
        found._check()
        return found

    def _check(self) -> None:
        """Refuse what none of ours looks like: it would give no distances."""
        if (len(self.factor), len(self.variances)) != (self.width, len(self.directions)):
            raise ValueError("a familiarity whose sizes do not fit each other")
        levels = [self.rest, self.limit, *self.variances.tolist()]
        if not (all(_LEAST < level < _MOST for level in levels) and 0 < self.kept <= 1):
            raise ValueError("a familiarity with spreads that are none")
        if not 0 < len(self.directions) <= _DIRECTIONS:
            raise ValueError(f"a familiarity of {len(self.directions)} directions")


def _numbers(text: Any) -> Floats:
    values = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a familiarity of no numbers")
    return values
