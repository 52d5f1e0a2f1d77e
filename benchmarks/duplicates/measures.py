"""What the engine measures of pairs, kept so that other limits can be tried on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset import likeness
from apparel_clf.dataset.likeness import HASHES, Copies, Remains, hashes, outside_corner, remains
from apparel_clf.images import Signature

# Pairs measured at a time.
_BATCH = 512


@dataclass(frozen=True)
class Measured:
    """What was measured of n pairs.

    Args:
        bits: smallest distance of any hash by which copies are found.
        left: what remains when one is laid over the other.
        corner: what differs outside one corner.
    """

    bits: NDArray[np.uint8]
    left: Remains
    corner: NDArray[np.float32]

    def removed(self, radius: int = likeness.HASH_DISTANCE) -> NDArray[np.bool_]:
        """Which pairs the engine takes for copies, by the limits that hold now.

        Args:
            radius: pairs farther apart by every hash are not looked at.
        """
        same: NDArray[np.bool_] = self.left.near() | (self.corner <= likeness.BADGE_REST)
        return same & (self.bits <= radius)

    def some(self, chosen: NDArray[np.bool_]) -> Measured:
        """Return some of the pairs."""
        left = Remains(*(getattr(self.left, part.name)[chosen] for part in fields(Remains)))
        return Measured(self.bits[chosen], left, self.corner[chosen])


@contextmanager
def limits(**values: float) -> Iterator[None]:
    """Let the engine use other limits for a while.

    Args:
        values: names of constants of `apparel_clf.dataset.likeness`, and what they are to be.
    """
    before = {name: getattr(likeness, name) for name in values}
    try:
        for name, value in values.items():
            setattr(likeness, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(likeness, name, value)


def measure(first: Sequence[Signature], second: Sequence[Signature]) -> Measured:
    """Measure pairs.

    Args:
        first: one picture of each pair.
        second: the other.
    """
    parts = [
        _measured(first[start : start + _BATCH], second[start : start + _BATCH])
        for start in range(0, len(first), _BATCH)
    ]
    left = Remains(
        *(np.concatenate([getattr(p.left, part.name) for p in parts]) for part in fields(Remains))
    )
    bits = np.concatenate([part.bits for part in parts])
    return Measured(bits, left, np.concatenate([part.corner for part in parts]))


def _measured(first: Sequence[Signature], second: Sequence[Signature]) -> Measured:
    one, other = Copies.of(first), Copies.of(second)
    bits = np.stack([hashes(first, name) ^ hashes(second, name) for name in HASHES])
    smallest = np.bitwise_count(bits).min(axis=0)
    return Measured(smallest, remains(one, other), outside_corner(one, other))


def close_pairs(
    signatures: Sequence[Signature], radius: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs that may be copies by some hash, by comparing everything with everything.

    Args:
        signatures: of all pictures.
        radius: largest number of bits that differ.

    Returns:
        Indices of the first and of the second pictures.
    """
    columns = [hashes(signatures, name) for name in HASHES]
    found: list[NDArray[np.int64]] = []
    for row in range(len(signatures) - 1):
        near = np.zeros(len(signatures) - row - 1, dtype=bool)
        for values in columns:
            near |= np.bitwise_count(values[row] ^ values[row + 1 :]) <= radius
        places = np.flatnonzero(near) + row + 1
        found.append(np.stack([np.full_like(places, row), places]))
    pairs = np.concatenate(found, axis=1) if found else np.zeros((2, 0), dtype=np.int64)
    return pairs[0], pairs[1]
