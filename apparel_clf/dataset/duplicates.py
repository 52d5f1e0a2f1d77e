"""Which pictures are the same picture, which belong together, and which of them to keep.

Perceptual hashes propose pairs, `apparel_clf.dataset.likeness` decides on them. Removing is for
exact and near duplicates alone and never follows a chain; recolours, mirrored pictures and whole
chains only form groups, since a group is what must share a split.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf._progress import progress
from apparel_clf.dataset.files import image_files
from apparel_clf.dataset.likeness import HASH_DISTANCE, HASHES, Content, Kind, hashes, judge
from apparel_clf.dataset.marks import Marks
from apparel_clf.dataset.neighbours import near_pair_blocks
from apparel_clf.dataset.signature_file import SignatureFile
from apparel_clf.errors import ImageError
from apparel_clf.images import Signature, image_bytes, sign

# Pairs that are judged at a time: their small copies take a megabyte or two.
_BATCH = 128


@dataclass(frozen=True, slots=True)
class Match:
    """Two pictures that are the same, or belong together.

    Args:
        first: index of one picture.
        second: index of the other; always larger than `first`.
        kind: ``"exact"`` (equal bytes), ``"near"`` (a copy saved, scaled, cropped or brightened
            anew), ``"recolour"`` (the same shape in other colours) or ``"mirror"``.
        reason: what was measured, in words.
    """

    first: int
    second: int
    kind: Kind
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
    kind: Kind
    reason: str


@dataclass(frozen=True)
class Link:
    """Two pictures of a group, and how they are alike.

    Args:
        first: name of one picture.
        second: name of the other.
        kind: as in `Match`.
        reason: what was measured, in words.
    """

    first: str
    second: str
    kind: Kind
    reason: str


@dataclass(frozen=True)
class Group:
    """Pictures that belong together, directly or through others, and so must share a split.

    Args:
        images: their names, in the order in which they were given.
        best: the one to keep if only one were kept: largest, then sharpest (`preference`).
        reason: why that one.
        links: which two are alike and how.
    """

    images: tuple[str, ...]
    best: str
    reason: str
    links: tuple[Link, ...]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Duplicates:
    """What `find_duplicates` found.

    Args:
        images: names of all pictures looked at, in order.
        groups: pictures that belong together, two or more in each.
        unreadable: pictures that could not be read, each with its reason.
    """

    images: tuple[str, ...]
    groups: tuple[Group, ...]
    unreadable: tuple[ImageError, ...]
    _removals: tuple[Removal, ...]

    def removals(self) -> tuple[Removal, ...]:
        """Return what to remove: each names a kept picture that it is itself a duplicate of.

        A chain is not followed: where A is like B and B like C, but A is not like C, then A and C
        are both kept.
        """
        return self._removals

    def to_json(self) -> dict[str, Any]:
        """Return plain values: counts, removals, groups and what could not be read."""
        return {
            "images": len(self.images),
            "removals": [asdict(removal) for removal in self._removals],
            "groups": [asdict(group) for group in self.groups],
            "unreadable": [{"image": e.source, "reason": e.reason} for e in self.unreadable],
        }

    def __str__(self) -> str:
        kinds = [removal.kind for removal in self._removals]
        links = [link.kind for group in self.groups for link in group.links]
        return (
            f"{len(self.images)} images: {kinds.count('exact')} exact and {kinds.count('near')} "
            f"near duplicates to remove; {links.count('recolour')} pairs in other colours and "
            f"{links.count('mirror')} mirrored are kept, in {len(self.groups)} groups"
        )


def match(signatures: Sequence[Signature]) -> Iterator[Match]:
    """Find every pair of pictures that are the same or belong together.

    Args:
        signatures: one for each picture.

    Yields:
        Matches, each pair once: the exact ones first, then in an order that depends on the
        signatures alone. Of equal files only the first is compared with others.
    """
    first_of: dict[str, int] = {}
    for index, signature in enumerate(signatures):
        first = first_of.setdefault(signature.sha256, index)
        if first != index:
            yield Match(first, index, "exact", "equal bytes")
    # What shows nothing is like everything that shows nothing.
    places = [index for index in first_of.values() if not signatures[index].blank]
    del first_of
    shown = [signatures[index] for index in places]
    for first, second, kind, reason in _alike(shown):
        yield Match(places[first], places[second], kind, reason)


def _alike(signatures: Sequence[Signature]) -> Iterator[tuple[int, int, Kind, str]]:
    for batch in _batches(_candidates(signatures)):
        one, other = ([signatures[i] for i in side] for side in zip(*batch, strict=True))
        for (first, second), verdict in zip(batch, judge(one, other), strict=True):
            if verdict is not None:
                yield first, second, verdict.kind, verdict.reason


def _batches(pairs: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    batch: list[tuple[int, int]] = []
    for pair in pairs:
        batch.append(pair)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _candidates(signatures: Sequence[Signature]) -> Iterator[tuple[int, int]]:
    """Pairs that are near in any of their hashes, or one near the mirrored other; each once."""
    own = [hashes(signatures, name) for name in HASHES]
    content = Content.of_many(signatures)
    for place, values in enumerate(own):
        for left, right, _ in near_pair_blocks(values, HASH_DISTANCE):
            # Colours of the content are another's in a recolour, and with a badge. By the hash of
            # the content alone comes neither, so what can't be a copy is not looked at.
            by_content = HASHES[place] == "phash_content"
            likely = content.some(left).agrees(content.some(right)) if by_content else slice(None)
            yield from _unless_known(left[likely], right[likely], own[:place])
    count = len(signatures)
    turned = np.concatenate([own[0], hashes(signatures, "phash_mirrored")])
    for left, right, _ in near_pair_blocks(turned, HASH_DISTANCE):
        across = (left < count) & (right >= count)
        one, other = left[across], right[across] - count
        one, other = one[one < other], other[one < other]
        yield from _unless_known(one, other, own)


def _unless_known(
    left: NDArray[np.int64], right: NDArray[np.int64], earlier: Sequence[NDArray[np.uint64]]
) -> Iterator[tuple[int, int]]:
    """Leave out what an earlier hash has brought together."""
    new = np.ones(len(left), dtype=bool)
    for values in earlier:
        new &= np.bitwise_count(values[left] ^ values[right]) > HASH_DISTANCE
    yield from zip(left[new].tolist(), right[new].tolist(), strict=True)


class DuplicateIndex:
    """Pictures seen so far, each compared with the next as it comes.

    Used while crawling, where pictures arrive one by one.

    Args:
        signatures: where they are kept, empty: by default a list; a `SignatureFile` keeps memory
            small.

    Example:
        >>> index = DuplicateIndex()
        >>> index.add(sign(first_bytes)), index.add(sign(first_bytes))
        (None, 'exact')
    """

    def __init__(self, signatures: list[Signature] | SignatureFile | None = None) -> None:
        self._signatures = [] if signatures is None else signatures
        self._known = Marks()  # sha256 of each
        self._hashes = np.zeros((len(HASHES), 64), dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._signatures)

    def add(self, signature: Signature) -> Kind | None:
        """Take in a picture unless it is a duplicate of one taken in before.

        Returns:
            None if it is new, else ``"exact"`` or ``"near"``.
        """
        if signature.sha256 in self._known:
            return "exact"
        if not signature.blank and self._is_copy(signature):
            return "near"
        self._take_in(signature)
        return None

    def _is_copy(self, signature: Signature) -> bool:
        own = np.array([[getattr(signature, name)] for name in HASHES], dtype=np.uint64)
        distances = np.bitwise_count(self._hashes[:, : len(self)] ^ own).min(axis=0, initial=64)
        places = np.flatnonzero(distances <= HASH_DISTANCE).tolist()
        for start in range(0, len(places), _BATCH):
            batch = [self._signatures[place] for place in places[start : start + _BATCH]]
            batch = [other for other in batch if not other.blank]
            if batch and any(judge(batch, [signature] * len(batch), copies_only=True)):
                return True
        return False

    def _take_in(self, signature: Signature) -> None:
        count = len(self)
        if count == self._hashes.shape[1]:
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)], axis=1)
        self._signatures.append(signature)
        self._hashes[:, count] = [getattr(signature, name) for name in HASHES]
        self._known.add(signature.sha256)


def preference(signature: Signature) -> tuple[int, int, int, str]:
    """Sort key by which the picture to keep comes first.

    Most pixels, then the sharpest in steps of a factor of two, then the largest file, then the
    lowest sha256. The steps are there because compression adds edges of its own: over 250 photos,
    saving anew at quality 50 raised the variance of the Laplacian by a third, up to 1.9 times.
    Within a step the larger file is the less compressed one. Below a hundred it is noise alone; of
    2,412 photos one in a hundred has less than two hundred.
    """
    sharpness = round(math.log2(max(signature.sharpness, 100)))
    return -signature.pixels, -sharpness, -signature.size_bytes, signature.sha256


def choose_removals(
    signatures: Sequence[Signature], matches: Iterable[Match]
) -> dict[int, tuple[int, Match]]:
    """Decide which pictures to remove.

    The best pictures are taken first; one is removed only if it is a duplicate of a picture that
    is itself kept, so a chain of small differences never swallows what differs at its ends.

    Args:
        signatures: one for each picture.
        matches: pairs found by `match`; recolours and mirrored pictures are passed over.

    Returns:
        Index of each removed picture, mapped to the index of the kept one and the match.
    """
    partners: dict[int, list[tuple[int, Match]]] = {}
    equal: list[Match] = []
    for pair in matches:
        if pair.kind == "exact":
            equal.append(pair)
        elif pair.kind == "near":
            partners.setdefault(pair.first, []).append((pair.second, pair))
            partners.setdefault(pair.second, []).append((pair.first, pair))
    order = sorted(partners, key=lambda i: (preference(signatures[i]), i))
    rank = {index: place for place, index in enumerate(order)}
    removed: dict[int, tuple[int, Match]] = {}
    for index in order:
        better = [p for p in partners[index] if rank[p[0]] < rank[index] and p[0] not in removed]
        if better:
            removed[index] = min(better, key=lambda p: rank[p[0]])
    for pair in equal:
        kept, _ = removed.get(pair.first, (pair.first, pair))
        removed[pair.second] = (kept, pair)
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
    """Find duplicates among pictures, and what belongs together. Nothing is changed on disk.

    Args:
        source: a folder, looked through with all its sub-folders, or signatures (then named by
            their sha256).
        show_progress: draw a progress bar; by default on a terminal, else a line every 20 s.

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
        groups=_groups(names, signatures, matches),
        unreadable=tuple(unreadable),
        _removals=tuple(
            Removal(
                names[i],
                names[kept],
                pair.kind,
                f"{pair.reason}; the kept one is {preferred(signatures[kept], signatures[i])}",
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
            signatures.append(sign(image_bytes(path, str(path)), str(path)))
        except ImageError as error:
            unreadable.append(error)
        else:
            names.append(path.relative_to(folder).as_posix())
    return names, signatures, unreadable


def _groups(
    names: Sequence[str], signatures: Sequence[Signature], matches: Sequence[Match]
) -> tuple[Group, ...]:
    roots = connected(len(names), ((pair.first, pair.second) for pair in matches))
    members: dict[int, list[int]] = {}
    links: dict[int, list[Link]] = {}
    for index, root in enumerate(roots):
        members.setdefault(root, []).append(index)
    for pair in matches:
        link = Link(names[pair.first], names[pair.second], pair.kind, pair.reason)
        links.setdefault(roots[pair.first], []).append(link)
    return tuple(
        _group(names, signatures, indices, links[root])
        for root, indices in members.items()
        if len(indices) > 1
    )


def _group(
    names: Sequence[str],
    signatures: Sequence[Signature],
    indices: Sequence[int],
    links: Sequence[Link],
) -> Group:
    best, second = sorted(indices, key=lambda i: (preference(signatures[i]), i))[:2]
    why = preferred(signatures[best], signatures[second])
    return Group(tuple(names[i] for i in indices), names[best], why, tuple(links))


def preferred(kept: Signature, other: Signature) -> str:
    """Say why one of two pictures comes first by `preference`."""
    (pixels, sharpness, size, _), than = preference(kept), preference(other)
    if pixels < than[0]:
        return f"larger ({kept.width}x{kept.height})"
    if sharpness < than[1]:
        return f"of one size, but sharper ({kept.sharpness:g} against {other.sharpness:g})"
    if size < than[2]:
        return f"of one size, but less compressed ({kept.size_bytes:,} bytes)"
    if kept.sha256 == other.sha256:
        return "the first of equal files"
    return "equal in all that counts, but first by sha256"
