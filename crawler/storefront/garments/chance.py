"""The only source of randomness here: streams that depend on label, seed and purpose alone."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Chance:
    """Random choices that are the same on every platform for the same three values.

    Args:
        label: class of the garment.
        seed: number of the garment, 0 or more.
        purpose: what the choices are for; other purposes get other numbers.

    Example:
        >>> Chance("jeans", 1, "cut").pick("abc") == Chance("jeans", 1, "cut").pick("abc")
        True
    """

    def __init__(self, label: str, seed: int, purpose: str) -> None:
        key = zlib.crc32(f"{label}/{purpose}".encode())
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([key, seed])))

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        return low + (high - low) * float(self.rng.random())

    def around(self, middle: float, spread: float) -> float:
        """Return a number near `middle`, at most `spread` away, most often close."""
        return middle + spread * (self.between(-1, 1) + self.between(-1, 1)) / 2

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.rng.random() * (high - low + 1))

    def maybe(self, probability: float) -> bool:
        """Return True with a probability."""
        return float(self.rng.random()) < probability

    def sign(self) -> float:
        """Return -1 or 1."""
        return 1.0 if self.maybe(0.5) else -1.0

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, each as likely."""
        return options[int(self.rng.random() * len(options))]

    def weigh(self, options: dict[T, float]) -> T:
        """Return one of the keys, as likely as its weight."""
        total = sum(options.values())
        mark = float(self.rng.random()) * total
        for option, weight in options.items():
            mark -= weight
            if mark < 0:
                return option
        return next(reversed(options))
