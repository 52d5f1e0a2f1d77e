"""Which pictures are the same picture: exact and near duplicates, and the groups they form.

Two pictures are near duplicates when their perceptual hashes *and* their small colour thumbnails
agree. The hash alone merges different garments that are shot alike on white; the thumbnail alone
is too slow to search. Both limits were measured on real product photos; see
``docs/architecture.md``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apparel_clf._progress import progress
from apparel_clf.dataset.files import image_files
from apparel_clf.errors import ImageError
from apparel_clf.images import Signature, sign

#: Near duplicates differ in at most this many of the perceptual hash's 64 bits.
NEAR_HASH_DISTANCE = 8
#: ... and by at most this root mean square over the thumbnails' YCbCr values (0 to 255).
NEAR_COLOUR_RMS = 2.6

# Distances that are computed at a time: 8 MB of them.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Match:
    """Two pictures that are the same.

    Args:
        first: index of one picture.
        second: index of the other; always larger than `first`.
        kind: ``"exact"`` (equal bytes) or ``"near"``.
        reason: what was measured, in words.
    """

    first: int
    second: int
    kind: str
    reason: str


@dataclass(frozen=True)
class Removal:
    """One picture that need not be kept, and the one that stands for it.

    Args:
        image: name of the picture to remove.
        kept: name of the picture that is kept in its place.
        kind: ``"exact"`` or ``"near"``.
        reason: why they are the same, and why the kept one was preferred.
    """

    image: str
    kept: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Duplicates:
    """What `find_duplicates` found.

    Args:
        images: names of all pictures looked at, in order.
        groups: names that belong together, two or more in each; every chain of duplicates is one
            group, since a group is what must share a split.
        unreadable: pictures that could not be read, each with its reason.
    """

    images: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    unreadable: tuple[ImageError, ...]
    _removals: tuple[Removal, ...]

    def removals(self) -> tuple[Removal, ...]:
        """Return what to remove: each names a kept picture that it is itself a duplicate of.

        A chain is not followed: where A is like B and B like C, but A is not like C, then A and C
        are both kept.
        """
        return self._removals


def near_pairs(hashes: NDArray[np.uint64], radius: int) -> Iterator[tuple[int, int, int]]:
    """Find all pairs of hashes that differ in at most `radius` bits.

    Args:
        hashes: 64-bit hashes, shape ``(n,)``, ``uint64``.
        radius: largest number of differing bits.

    Yields:
        ``(i, j, distance)`` with ``i < j``, ordered by ``i`` then ``j``. Exact: none is missed.

    Example:
        >>> list(near_pairs(np.array([0, 1, 255], dtype=np.uint64), 1))
        [(0, 1, 1)]
    """
    step = max(1, _BLOCK // max(len(hashes), 1))
    for start in range(0, len(hashes), step):
        rows = hashes[start : start + step]
        distances = np.bitwise_count(rows[:, None] ^ hashes[None, start:])
        left, right = np.nonzero(distances <= radius)
        for i, j in zip(left.tolist(), right.tolist(), strict=True):
            if i < j:
                yield start + i, start + j, int(distances[i, j])


def colour_rms(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Root mean square difference of thumbnails.

    Args:
        first: ``uint8`` of shape ``(..., 12, 12, 3)``.
        second: the same shape, or one that broadcasts to it.

    Returns:
        Differences, 0 to 255, of the leading shape.
    """
    difference = first.astype(np.float64) - second.astype(np.float64)
    return np.asarray(np.sqrt(np.square(difference).mean(axis=(-3, -2, -1))))


def match(signatures: Sequence[Signature]) -> Iterator[Match]:
    """Find every pair of pictures that are exact or near duplicates.

    Args:
        signatures: one for each picture.

    Yields:
        Matches, ordered by `first` then `second`.
    """
    hashes = np.array([s.phash for s in signatures], dtype=np.uint64)
    for i, j, distance in near_pairs(hashes, NEAR_HASH_DISTANCE):
        found = _compare(signatures[i], signatures[j], distance)
        if found is not None:
            yield Match(i, j, *found)


def _compare(first: Signature, second: Signature, distance: int) -> tuple[str, str] | None:
    if first.sha256 == second.sha256:
        return "exact", "equal bytes"
    rms = float(colour_rms(first.thumbnail_array(), second.thumbnail_array()))
    if rms > NEAR_COLOUR_RMS:
        return None
    return "near", f"{distance} of 64 hash bits and {rms:.1f} of 255 in colour differ"


class DuplicateIndex:
    """Pictures seen so far, each compared with the next as it comes.

    Used while crawling, where pictures arrive one by one.

    Example:
        >>> index = DuplicateIndex()
        >>> index.add(sign(first_bytes)), index.add(sign(first_bytes))
        (None, 'exact')
    """

    def __init__(self) -> None:
        self._signatures: list[Signature] = []
        self._hashes = np.zeros(64, dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._signatures)

    def add(self, signature: Signature) -> str | None:
        """Take in a picture unless it is a duplicate of one taken in before.

        Returns:
            None if it is new, else ``"exact"`` or ``"near"``.
        """
        count = len(self._signatures)
        distances = np.bitwise_count(self._hashes[:count] ^ np.uint64(signature.phash))
        kinds = set()
        for i in np.nonzero(distances <= NEAR_HASH_DISTANCE)[0].tolist():
            found = _compare(self._signatures[i], signature, int(distances[i]))
            if found is not None:
                kinds.add(found[0])
        if kinds:
            return "exact" if "exact" in kinds else "near"
        if count == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros(count, dtype=np.uint64)])
        self._hashes[count] = signature.phash
        self._signatures.append(signature)
        return None


def preference(signature: Signature) -> tuple[int, int, str]:
    """Sort key by which the picture to keep comes first.

    Most pixels, then the largest file, which among equal pictures of one size is the least
    compressed, then the lowest sha256.
    """
    return -signature.pixels, -signature.size_bytes, signature.sha256


def choose_removals(
    signatures: Sequence[Signature], matches: Iterable[Match]
) -> dict[int, tuple[int, Match]]:
    """Decide which pictures to remove.

    The best pictures are taken first; one is removed only if it is a duplicate of a picture that
    is itself kept, so a chain of small differences never swallows what differs at its ends.

    Args:
        signatures: one for each picture.
        matches: pairs found by `match`.

    Returns:
        Index of each removed picture, mapped to the index of the kept one and the match.
    """
    partners: dict[int, list[tuple[int, Match]]] = {}
    for pair in matches:
        partners.setdefault(pair.first, []).append((pair.second, pair))
        partners.setdefault(pair.second, []).append((pair.first, pair))
    order = sorted(partners, key=lambda i: (preference(signatures[i]), i))
    rank = {index: place for place, index in enumerate(order)}
    removed: dict[int, tuple[int, Match]] = {}
    for index in order:
        better = [p for p in partners[index] if rank[p[0]] < rank[index] and p[0] not in removed]
        if better:
            removed[index] = min(better, key=lambda p: rank[p[0]])
    return removed


def connected(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Label what is connected, directly or through others.

    Args:
        count: number of things, numbered from 0.
        pairs: which two belong together.

    Returns:
        For each thing the smallest number that it is connected with.

    Example:
        >>> connected(4, [(1, 2), (2, 3)])
        [0, 1, 1, 1]
    """
    parent = list(range(count))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, second in pairs:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    return [root(index) for index in range(count)]


def find_duplicates(
    source: str | os.PathLike[str] | Sequence[Signature], *, show_progress: bool | None = None
) -> Duplicates:
    """Find exact and near duplicates among pictures. Nothing is changed on disk.

    Args:
        source: a folder, looked through with all its sub-folders, or signatures (then named by
            their sha256).
        show_progress: draw a progress bar; by default on a terminal only.

    Returns:
        The groups, what to remove and what could not be read.

    Raises:
        DatasetNotFoundError: the folder does not exist.

    Example:
        >>> for removal in find_duplicates("photos").removals():
        ...     print(removal.image, "is", removal.kept, "-", removal.reason)
    """
    unreadable: list[ImageError] = []
    if isinstance(source, (str, os.PathLike)):
        names, signatures, unreadable = _sign_folder(Path(source), show_progress)
    else:
        names, signatures = [s.sha256 for s in source], list(source)
    matches = list(match(signatures))
    removed = choose_removals(signatures, matches)
    return Duplicates(
        images=tuple(names),
        groups=_named_groups(names, matches),
        unreadable=tuple(unreadable),
        _removals=tuple(
            Removal(
                names[i], names[kept], pair.kind, _reason(signatures[i], signatures[kept], pair)
            )
            for i, (kept, pair) in sorted(removed.items())
        ),
    )


def _sign_folder(
    folder: Path, show: bool | None
) -> tuple[list[str], list[Signature], list[ImageError]]:
    names: list[str] = []
    signatures: list[Signature] = []
    unreadable: list[ImageError] = []
    for path in progress(image_files(folder), label="signatures", show=show):
        try:
            signatures.append(sign(path.read_bytes(), str(path)))
        except ImageError as error:
            unreadable.append(error)
        else:
            names.append(path.relative_to(folder).as_posix())
    return names, signatures, unreadable


def _named_groups(names: Sequence[str], matches: Sequence[Match]) -> tuple[tuple[str, ...], ...]:
    members: dict[int, list[str]] = {}
    roots = connected(len(names), ((pair.first, pair.second) for pair in matches))
    for name, root in zip(names, roots, strict=True):
        members.setdefault(root, []).append(name)
    return tuple(tuple(group) for group in members.values() if len(group) > 1)


def _reason(removed: Signature, kept: Signature, pair: Match) -> str:
    if kept.pixels > removed.pixels:
        why = f"the kept one is larger ({kept.width}x{kept.height})"
    elif kept.size_bytes > removed.size_bytes:
        why = "the kept one is less compressed"
    else:
        why = "of one size, so the lower sha256 is kept"
    return f"{pair.reason}; {why}"
