"""Simpler ways to find copies, which others use: a perceptual hash alone, or with a thumbnail."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: The thumbnail's side, and the mean difference of 255 up to which two count as the same.
SIDE = 16
MEAN_DIFFERENCE = 2.0


@dataclass(frozen=True)
class Looks:
    """What the simpler ways know of n pictures.

    Args:
        hashes: imagehash's `phash`, ``uint64`` of shape ``(n,)``.
        thumbnails: YCbCr at 16x16, ``int16`` of shape ``(n, 768)``.
    """

    hashes: NDArray[np.uint64]
    thumbnails: NDArray[np.int16]

    @classmethod
    def of(cls, files: Sequence[bytes]) -> Looks:
        """Look at files."""
        parts = [_look(data) for data in files]
        hashes = np.array([value for value, _ in parts], dtype=np.uint64)
        return cls(hashes, np.stack([small for _, small in parts]))


@dataclass(frozen=True)
class Baseline:
    """One simpler way.

    Args:
        name: for JSON and tables.
        radius: largest distance of the hashes.
        thumbnail: whether thumbnails have to be alike as well.
    """

    name: str
    radius: int
    thumbnail: bool = False

    def same(self, first: Looks, second: Looks) -> NDArray[np.bool_]:
        """Which pairs count as copies.

        Args:
            first: one picture of each pair.
            second: the other.
        """
        near: NDArray[np.bool_] = np.bitwise_count(first.hashes ^ second.hashes) <= self.radius
        if not self.thumbnail:
            return near
        difference = np.abs(first.thumbnails - second.thumbnails).mean(axis=1)
        alike: NDArray[np.bool_] = near & (difference <= MEAN_DIFFERENCE)
        return alike

    def pairs(self, looks: Looks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return all pairs among some pictures that count as copies."""
        firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for row in range(len(looks.hashes) - 1):
            close = np.bitwise_count(looks.hashes[row] ^ looks.hashes[row + 1 :]) <= self.radius
            places = np.flatnonzero(close) + row + 1
            one = Looks(looks.hashes[[row]], looks.thumbnails[[row]])
            other = Looks(looks.hashes[places], looks.thumbnails[places])
            places = places[self.same(one, other)]
            firsts.append(np.full_like(places, row))
            seconds.append(places)
        return np.concatenate(firsts), np.concatenate(seconds)


#: In the order of the tables.
BASELINES = (
    Baseline("phash <= 8", 8),
    Baseline("phash <= 10", 10),
    Baseline("phash <= 8 and thumbnail <= 2", 8, thumbnail=True),
)


def phash(data: bytes) -> int:
    """Return `imagehash.phash` of a file's bytes as an integer."""
    with Image.open(io.BytesIO(data)) as image:
        return as_number(imagehash.phash(image).hash)


def as_number(bits: NDArray[np.bool_]) -> int:
    """Turn imagehash's 8x8 bits into the integer that signatures have."""
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def _look(data: bytes) -> tuple[int, NDArray[np.int16]]:
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        value = as_number(imagehash.phash(image).hash)
    return value, np.asarray(small.convert("YCbCr"), dtype=np.int16).ravel()
