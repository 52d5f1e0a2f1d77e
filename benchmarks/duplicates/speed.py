"""How fast pictures are signed, beside imagehash, and where the time of a whole search goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from apparel_clf.dataset import likeness
from apparel_clf.dataset.duplicates import match
from apparel_clf.dataset.likeness import (
    HASHES,
    Copies,
    hashes,
    judge,
    outside_corner,
    remains,
    shape_remains,
)
from apparel_clf.dataset.neighbours import near_pair_blocks
from apparel_clf.images import Signature, load_image, sign
from benchmarks.duplicates.baselines import phash
from benchmarks.duplicates.changes import encode, resized
from benchmarks.duplicates.measures import close_pairs
from benchmarks.duplicates.pictures import Picture

#: Longer sides, and how many times faster signing is asked to be.
SIDES = {224: None, 500: 2.0, 1000: None, 1500: 5.0}
_BATCH = 512


@dataclass(frozen=True)
class Signing:
    """How fast JPEGs of one size are signed.

    Args:
        side: pixels of the longer side.
        files: how many different files.
        kilobytes: median size of a file.
        ours: signatures a CPU second, from the median time of one file.
        imagehash: the same of ``imagehash.phash(Image.open(...))``.
        asked: how many times as many are asked for; None for no demand.
    """

    side: int
    files: int
    kilobytes: float
    ours: float
    imagehash: float
    asked: float | None

    @property
    def ratio(self) -> float:
        """How many times faster signing is."""
        return self.ours / self.imagehash


@dataclass(frozen=True)
class Search:
    """What finding duplicates among pictures costs, in CPU seconds.

    Args:
        pictures: how many.
        signing: of all pictures, from their bytes.
        pairs: brought together by a hash by which copies are found.
        hashes: the search for them.
        judging: of all of them.
        whole: of `match`, which is the last two.
        steps: what one pair costs in each step of judging, in microseconds, when it gets there.
    """

    pictures: int
    signing: float
    pairs: int
    hashes: float
    judging: float
    whole: float
    steps: dict[str, float]


def signing(pictures: Sequence[Picture], repeats: int) -> tuple[Signing, ...]:
    """Sign JPEGs and hash them by imagehash, one file in turn.

    Args:
        pictures: enlarged to each size.
        repeats: how often each file is taken.
    """
    return tuple(_signing(pictures, side, repeats) for side in SIDES)


def _signing(pictures: Sequence[Picture], side: int, repeats: int) -> Signing:
    files = [encode(resized(load_image(picture.data), side)) for picture in pictures]
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(repeats):
        for data in files:
            ours.append(_seconds(sign, data))
            theirs.append(_seconds(phash, data))
    return Signing(
        side=side,
        files=len(files),
        kilobytes=median(map(len, files)) / 1000,
        ours=1 / median(ours),
        imagehash=1 / median(theirs),
        asked=SIDES[side],
    )


def search(pictures: Sequence[Picture]) -> Search:
    """Find duplicates among pictures, step by step."""
    signatures = [picture.signature for picture in pictures]
    one, other = close_pairs(signatures, likeness.HASH_DISTANCE)
    first, second = [signatures[i] for i in one], [signatures[i] for i in other]
    return Search(
        pictures=len(pictures),
        signing=_seconds(_sign_all, pictures),
        pairs=len(one),
        hashes=_seconds(_search_hashes, signatures),
        judging=_seconds(_judge_all, first, second),
        whole=_seconds(lambda: list(match(signatures))),
        steps=_steps(first[:_BATCH], second[:_BATCH]) if first else {},
    )


def _steps(first: Sequence[Signature], second: Sequence[Signature]) -> dict[str, float]:
    one, other = Copies.of(first), Copies.of(second)
    steps: dict[str, Callable[[], object]] = {
        "small copies as arrays": lambda: Copies.of(first),
        "laid over each other": lambda: remains(one, other),
        "outside a corner": lambda: outside_corner(one, other),
        "the same, mirrored": lambda: remains(one, other.mirrored()),
        "shape alone": lambda: shape_remains(one, other),
    }
    return {name: _seconds(step) / len(first) * 1e6 for name, step in steps.items()}


def _sign_all(pictures: Sequence[Picture]) -> None:
    for picture in pictures:
        sign(picture.data)


def _search_hashes(signatures: Sequence[Signature]) -> None:
    either_way = [hashes(signatures, name) for name in ("phash", "phash_mirrored")]
    columns = [*(hashes(signatures, name) for name in HASHES), np.concatenate(either_way)]
    for values in columns:
        for _ in near_pair_blocks(values, likeness.HASH_DISTANCE):
            pass


def _judge_all(first: Sequence[Signature], second: Sequence[Signature]) -> None:
    for start in range(0, len(first), _BATCH):
        judge(first[start : start + _BATCH], second[start : start + _BATCH])


def _seconds(function: Callable[..., object], *arguments: object) -> float:
    began = time.process_time()
    function(*arguments)
    return time.process_time() - began
