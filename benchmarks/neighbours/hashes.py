"""Hashes to search: uniform, skewed by a formula, and skewed as those of real photos are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apparel_clf.dataset.files import image_files
from apparel_clf.images import sign

#: Makes as many hashes as asked for; the same number gives the same ones.
Maker = Callable[[int], NDArray[np.uint64]]

_SEED = 20120620
_SIDE = 8
_BITS = _SIDE * _SIDE
# The skewed model; with these values as many pairs lie within 4 to 16 bits as among real photos.
_STYLES = 40
_COMMON = 0.8
_ODD = 0.5
_VARIETY = 0.8
_VARIETY_SPREAD = 0.7
# A mixed hash is one photo's and one of so many that are nearest to it.
_NEAREST = 20
# Latent values at a time: 32 MB.
_BLOCK = 1 << 16


def uniform(count: int) -> NDArray[np.uint64]:
    """Make hashes with all bits random: the easiest ones to search."""
    return np.random.default_rng(_SEED).integers(0, 2**64, count, dtype=np.uint64)


def skewed(count: int) -> NDArray[np.uint64]:
    """Make hashes as white-background photos have them, by a formula.

    Each bit says whether one of 8x8 cosine coefficients is above their median, so that 32 are set.
    What is shot from the front on white is almost symmetric: coefficients of even horizontal
    frequency have a mean that all pictures share, the others have not. To it comes the mean of the
    picture's style, of which there are 40; the k-th is 1/k as frequent as the first. Last comes
    noise, as wide as the picture is unusual (log-normal): most are close to their style, a few
    far off.
    """
    rng = np.random.default_rng(_SEED)
    even = np.arange(_BITS) % _SIDE % 2 == 0
    common = _COMMON * rng.standard_normal(_BITS) * even
    styles = common + rng.standard_normal((_STYLES, _BITS)) * np.where(even, 1.0, _ODD)
    shares = 1 / np.arange(1, _STYLES + 1)
    parts = [
        _skewed_part(rng, styles, shares / shares.sum(), min(_BLOCK, count - begin))
        for begin in range(0, count, _BLOCK)
    ]
    return np.concatenate(parts)


def _skewed_part(
    rng: np.random.Generator,
    styles: NDArray[np.float64],
    shares: NDArray[np.float64],
    count: int,
) -> NDArray[np.uint64]:
    width = np.exp(rng.normal(np.log(_VARIETY), _VARIETY_SPREAD, (count, 1)))
    values = styles[rng.choice(_STYLES, count, p=shares)]
    values = values + width * rng.standard_normal((count, _BITS))
    bits = values > np.median(values, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def mixed(hashes: NDArray[np.uint64]) -> Maker:
    """Return a maker of hashes with the bit statistics of real ones.

    Each is made from a photo's hash and that of one of the 20 nearest to it: where these differ,
    a coin decides. So bits, their correlations and the distances between hashes are distributed as
    among the photos, for any number of hashes.

    Args:
        hashes: of photos, more than 20 different ones.
    """
    distinct = np.unique(hashes)
    distances = np.bitwise_count(distinct[:, None] ^ distinct[None, :])
    nearest = np.argsort(distances, axis=1, kind="stable")[:, 1 : _NEAREST + 1]

    def make(count: int) -> NDArray[np.uint64]:
        rng = np.random.default_rng(_SEED)
        one = rng.integers(0, len(distinct), count)
        other = nearest[one, rng.integers(0, _NEAREST, count)]
        coins = rng.integers(0, 2**64, count, dtype=np.uint64)
        made: NDArray[np.uint64] = (distinct[one] & coins) | (distinct[other] & ~coins)
        return made

    return make


def signed(folder: Path) -> NDArray[np.uint64]:
    """Return the hashes of all photos under a folder."""
    hashes = [sign(path.read_bytes(), str(path)).phash for path in image_files(folder)]
    return np.array(hashes, dtype=np.uint64)
