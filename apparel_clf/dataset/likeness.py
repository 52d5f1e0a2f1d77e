"""Whether two pictures whose hashes are near each other are the same, and in which way.

Hashes propose, small copies decide: the copies are laid over each other (`register`), and what
remains different is held against limits. The limits come from a study that can be run again,
``python -m benchmarks.duplicates``; ``docs/duplicates.md`` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from apparel_clf.images import Signature
from apparel_clf.images.registration import (
    RECOLOURED,
    Floats,
    Placement,
    box_to_box,
    identity,
    laid_over,
    register,
)
from apparel_clf.images.signature import BOX_PARTS, CHROMA_SIDE, LUMA_SIDE

#: How two pictures are alike. Of ``exact`` and ``near`` one is enough; the others only belong
#: together.
Kind = Literal["exact", "near", "recolour", "mirror"]

#: Pictures are compared when one of their three hashes differs in at most this many of 64 bits.
HASH_DISTANCE = 8
#: The hashes by which copies are found; a mirrored copy is by the mirrored one.
HASHES = ("phash", "phash_content", "phash_centre")

#: What may remain of brightness where a copy lies on its picture as it is: root mean square over an
#: 8x8 grid, of 255.
NEAR_LUMA = 1.3
#: ... and where it had to be moved or stretched, which costs some precision.
NEAR_LUMA_MOVED = 2.2
#: Moved by this many pixels of 32 counts as moved in full; in between the limit rises evenly.
MOVED_PIXELS = 0.5
#: What may remain of brightness, in parts of the picture's own contrast: a white shirt on white
#: differs little from any other.
NEAR_CONTRAST = 0.085
#: What may remain of colour: root mean square over a 4x4 grid of Cb and Cr, of 255.
NEAR_CHROMA = 1.5
#: A copy is at most this many times brighter or darker.
NEAR_GAIN = 1.15
#: A copy keeps its proportions, or was squeezed as a whole: logarithm of what one axis was
#: stretched more than the other.
NEAR_SQUEEZE = 0.025
#: With something pasted over one corner: what may differ outside it, as above, and in one place.
BADGE_REST = 0.6
BADGE_MOST = 2.5
#: Colours and brightness set aside, what may remain of the shape, in parts of its contrast.
RECOLOUR_SHAPE = 0.08

# Below this, what remains is compression; no contrast is too small for it.
_NOISE = 0.4
# What a first look at half the resolution may leave, and what content may differ in the mean: wide
# of what copies leave, so that they save time and nothing else.
_COARSE_LIMIT = 9.0
_COARSE_SIDE = 16
_CONTENT_CHROMA = 6.0
_CONTENT_LUMA = 0.25
# The same for shapes: larger remains at half the resolution are not looked at again.
_COARSE_SHAPE = 2 * RECOLOUR_SHAPE
# Small copies that are unpacked at a time.
_MANY = 64
# Starts that are nearer to each other than this many coarse pixels come to the same end.
_SAME_START = 0.3
_GRID = 8
_CHROMA_GRID = 4
# A badge covers at most this many of eight cells along each side.
_CORNER = 3
_CHROMA_CORNER = 2


_Proposal: TypeAlias = Callable[[Sequence[Signature], Sequence[Signature]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Verdict:
    """How two pictures are alike.

    Args:
        kind: ``"near"``, ``"recolour"`` or ``"mirror"``.
        reason: what was measured, in words.
    """

    kind: Kind
    reason: str


@dataclass(frozen=True)
class Copies:
    """The small copies of n pictures, as arrays.

    Args:
        luma: ``float32`` of shape ``(n, 32, 32)``.
        chroma: ``float32`` of shape ``(n, 2, 12, 12)``, 0 for grey.
        boxes: content boxes, ``float32`` of shape ``(n, 4)``, from 0 to 1.
        aspects: width over height of the pictures themselves, ``float32`` of shape ``(n,)``.
    """

    luma: Floats
    chroma: Floats
    boxes: Floats
    aspects: Floats

    @classmethod
    def of(cls, signatures: Sequence[Signature]) -> Copies:
        """Stack the small copies of some pictures."""
        return cls(
            np.stack([s.luma() for s in signatures]).astype(np.float32),
            np.stack([s.chroma() for s in signatures]).astype(np.float32) - 128,
            np.array([s.content_box for s in signatures], np.float32) / np.float32(BOX_PARTS),
            np.array([s.width / s.height for s in signatures], np.float32),
        )

    def mirrored(self) -> Copies:
        """Return them turned left to right."""
        left, top, right, bottom = self.boxes.T
        boxes = np.stack([1 - right, top, 1 - left, bottom], axis=1)
        return Copies(self.luma[..., ::-1], self.chroma[..., ::-1], boxes, self.aspects)

    def some(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Copies:
        """Return some of them."""
        arrays = (self.luma, self.chroma, self.boxes, self.aspects)
        return Copies(*(values[chosen] for values in arrays))


@dataclass(frozen=True)
class Content:
    """Of what colour and brightness the contents of n pictures are; quick to compare.

    Args:
        chroma: mean Cb and Cr within the content boxes, ``float32`` of shape ``(n, 2)``.
        luma: mean brightness, ``float32`` of shape ``(n,)``, from 1.
    """

    chroma: Floats
    luma: Floats

    @classmethod
    def of(cls, copies: Copies) -> Content:
        """Average the small copies of some pictures."""
        fine = _shares(copies.boxes, LUMA_SIDE)
        coarse = _shares(copies.boxes, CHROMA_SIDE)
        luma = (copies.luma * fine).sum(axis=(1, 2))
        chroma = (copies.chroma * coarse[:, None]).sum(axis=(2, 3))
        return cls(chroma, np.maximum(luma, 1))

    @classmethod
    def of_many(cls, signatures: Sequence[Signature]) -> Content:
        """Average the small copies of any number of pictures, some at a time."""
        parts = [
            cls.of(Copies.of(signatures[start : start + _MANY]))
            for start in range(0, len(signatures), _MANY)
        ]
        chroma = [part.chroma for part in parts] or [np.zeros((0, 2), np.float32)]
        luma = [part.luma for part in parts] or [np.zeros(0, np.float32)]
        return cls(np.concatenate(chroma), np.concatenate(luma))

    def some(self, chosen: NDArray[np.intp]) -> Content:
        """Return those of some pictures."""
        return Content(self.chroma[chosen], self.luma[chosen])

    def agrees(self, other: Content) -> NDArray[np.bool_]:
        """Which pairs can be copies of each other; the others are not looked at further."""
        colours = np.abs(self.chroma - other.chroma).max(axis=1, initial=0) <= _CONTENT_CHROMA
        agrees: NDArray[np.bool_] = colours & (
            np.abs(np.log(self.luma / other.luma)) <= _CONTENT_LUMA
        )
        return agrees


def _shares(boxes: Floats, side: int) -> Floats:
    """How much of each box is in each cell, ``(n, side, side)``; adds up to 1 for each box."""
    low = np.arange(side, dtype=np.float32) / side
    high = low + np.float32(1 / side)

    def covered(start: Floats, end: Floats) -> Floats:
        inside = np.minimum(high, end) - np.maximum(low, start)
        part: Floats = np.clip(inside, 0, None) / (end - start)
        return part

    across = covered(boxes[:, 0:1], boxes[:, 2:3])
    down = covered(boxes[:, 1:2], boxes[:, 3:4])
    shares: Floats = down[:, :, None] * across[:, None, :]
    return shares


_Look: TypeAlias = Callable[[Copies, Copies], "dict[int, Verdict]"]


@dataclass(frozen=True)
class Remains:
    """What is left of n pairs when each is laid over the other as well as can be.

    Args:
        luma: of brightness, root mean square over an 8x8 grid, 0 to 255; as they lie, where a first
            look was enough.
        chroma: of colour, over a 4x4 grid.
        contrast: standard deviation of the second picture over the same 8x8 grid.
        moved: the largest shift or stretch, in pixels of 32.
        gain: how many times brighter the first had to be made.
        squeezed: by how much the first had to be stretched more along one axis than along the
            other, as a logarithm; 0 where proportions were kept.
    """

    luma: Floats
    chroma: Floats
    contrast: Floats
    moved: Floats
    gain: Floats
    squeezed: Floats

    def near(self) -> NDArray[np.bool_]:
        """Which pairs are copies of one picture."""
        moved = np.minimum(self.moved / MOVED_PIXELS, 1)
        limit = NEAR_LUMA + (NEAR_LUMA_MOVED - NEAR_LUMA) * moved
        limit = np.minimum(limit, np.maximum(NEAR_CONTRAST * self.contrast, _NOISE))
        gain = np.maximum(self.gain, 1 / np.maximum(self.gain, 1e-3))
        fits: NDArray[np.bool_] = (
            (self.luma <= limit)
            & (self.chroma <= NEAR_CHROMA)
            & (gain <= NEAR_GAIN)
            & (self.squeezed <= NEAR_SQUEEZE)
        )
        return fits

    def words(self, index: int) -> str:
        """Say what was measured of one pair."""
        return (
            f"{self.luma[index]:.1f} of 255 in brightness and {self.chroma[index]:.1f} in colour "
            "remain when one is laid over the other"
        )


def judge(
    first: Sequence[Signature], second: Sequence[Signature], *, copies_only: bool = False
) -> list[Verdict | None]:
    """Decide for each pair of pictures whether they are alike.

    Args:
        first: one picture of each pair.
        second: the other.
        copies_only: look for ``near`` alone, which is quicker. Default False.

    Returns:
        A verdict for each pair, or None where they are different pictures.

    Example:
        >>> judge([sign(original)], [sign(smaller)])[0].kind
        'near'
    """
    verdicts: list[Verdict | None] = [None] * len(first)
    one, other = Copies.of(first), Copies.of(second)
    undecided = np.ones(len(first), dtype=bool)
    for proposed, look in _LOOKS[:2] if copies_only else _LOOKS:
        places = np.flatnonzero(undecided & proposed(first, second))
        if places.size:
            for place, verdict in look(one.some(places), other.some(places)).items():
                verdicts[places[place]] = verdict
                undecided[places[place]] = False
    return verdicts


def _some_hash(first: Sequence[Signature], second: Sequence[Signature]) -> NDArray[np.bool_]:
    near = np.stack([_near_by(name, first, name, second) for name in HASHES])
    return np.asarray(near.any(axis=0))


def _whole_hash(first: Sequence[Signature], second: Sequence[Signature]) -> NDArray[np.bool_]:
    return _near_by("phash", first, "phash", second)


def _turned_hash(first: Sequence[Signature], second: Sequence[Signature]) -> NDArray[np.bool_]:
    return _near_by("phash_mirrored", first, "phash", second)


def _near_by(
    name: str, first: Sequence[Signature], other_name: str, second: Sequence[Signature]
) -> NDArray[np.bool_]:
    distances = np.bitwise_count(hashes(first, name) ^ hashes(second, other_name))
    near: NDArray[np.bool_] = distances <= HASH_DISTANCE
    return near


def hashes(signatures: Sequence[Signature], name: str) -> NDArray[np.uint64]:
    """Return one hash of each picture, ``uint64``.

    Args:
        signatures: the pictures.
        name: which hash, for example ``"phash"``.
    """
    return np.array([getattr(signature, name) for signature in signatures], dtype=np.uint64)


def _copies(first: Copies, second: Copies) -> dict[int, Verdict]:
    left = remains(first, second)
    return {i: Verdict("near", left.words(i)) for i in _true(left.near())}


def _mirrors(first: Copies, second: Copies) -> dict[int, Verdict]:
    left = remains(first, second.mirrored())
    return {i: Verdict("mirror", f"turned over, {left.words(i)}") for i in _true(left.near())}


def _badges(first: Copies, second: Copies) -> dict[int, Verdict]:
    rest = outside_corner(first, second)
    return {
        i: Verdict("near", f"but for one corner, {rest[i]:.1f} of 255 in brightness differ")
        for i in _true(rest <= BADGE_REST)
    }


def _recolours(first: Copies, second: Copies) -> dict[int, Verdict]:
    shape = shape_remains(first, second)
    return {
        i: Verdict("recolour", f"in other colours; {shape[i]:.0%} of the shape's contrast differ")
        for i in _true(shape <= RECOLOUR_SHAPE)
    }


# Which hashes propose a kind, and what decides on it. The first that holds is taken: a symmetrical
# picture is like its own mirror image, too.
_LOOKS: tuple[tuple[_Proposal, _Look], ...] = (
    (_some_hash, _copies),
    (_some_hash, _badges),
    (_turned_hash, _mirrors),
    (_whole_hash, _recolours),
)


def _true(values: NDArray[np.bool_]) -> list[int]:
    found: list[int] = np.flatnonzero(values).tolist()
    return found


def remains(first: Copies, second: Copies) -> Remains:
    """Lay pictures over each other, in both directions and from two starts; return the best.

    A crop lies within its picture and not the other way round, hence both directions. One start is
    where they are, the other lays content on content, which finds padding.

    Args:
        first: one picture of each pair.
        second: the other.
    """
    count = len(first.luma)
    best = _as_they_lie(first, second)
    likely = ~best.near()
    likely[likely] = Content.of(first.some(likely)).agrees(Content.of(second.some(likely)))
    if not likely.any():
        return best
    for one, other in ((first, second), (second, first)):
        as_they_are = identity(count)
        boxes = box_to_box(one.boxes, other.boxes, _COARSE_SIDE)
        moved = np.abs(boxes.values - as_they_are.values).max(axis=1) > _SAME_START
        for start, chosen in ((as_they_are, likely), (boxes, likely & moved)):
            _lay(best, one, other, start, np.flatnonzero(chosen))
    return best


def _as_they_lie(first: Copies, second: Copies) -> Remains:
    """What is left where nothing is moved: most copies are saved anew and no more."""
    count = len(first.luma)
    return Remains(
        luma=_rms(_pooled(second.luma - first.luma, _GRID)),
        chroma=_rms(_pooled_planes(second.chroma - first.chroma)),
        contrast=_pooled(second.luma, _GRID).std(axis=(1, 2)),
        moved=np.zeros(count, dtype=np.float32),
        gain=np.ones(count, dtype=np.float32),
        squeezed=np.zeros(count, dtype=np.float32),
    )


def _lay(
    best: Remains, first: Copies, second: Copies, start: Placement, chosen: NDArray[np.intp]
) -> None:
    """Lay some pairs over each other, coarsely and then, where that is promising, finely."""
    if not chosen.size:
        return
    rest, placement = register(
        _pooled(first.luma[chosen], _COARSE_SIDE),
        _pooled(second.luma[chosen], _COARSE_SIDE),
        start.some(chosen),
    )
    close = np.flatnonzero(_rms(_pooled(rest, _GRID)) <= _COARSE_LIMIT)
    if close.size:
        kept = chosen[close]
        finer = placement.some(close).scaled(LUMA_SIDE / _COARSE_SIDE)
        _keep_better(best, kept, _finely(first.some(kept), second.some(kept), finer))


def _finely(first: Copies, second: Copies, start: Placement) -> Remains:
    rest, placement = register(first.luma, second.luma, start)
    colour = placement.scaled(CHROMA_SIDE / LUMA_SIDE)
    gain = placement.gain[:, None, None]
    moved = [laid_over(first.chroma[:, plane], colour) for plane in (0, 1)]
    chroma = second.chroma - gain[:, None] * np.stack(moved, axis=1)
    grid = _pooled(second.luma, _GRID)
    return Remains(
        luma=_rms(_pooled(rest, _GRID)),
        chroma=_rms(_pooled_planes(chroma)),
        contrast=grid.std(axis=(1, 2)),
        moved=np.abs(placement.values[:, :4]).max(axis=1),
        gain=placement.gain,
        squeezed=_squeeze(placement, first.aspects / second.aspects),
    )


def _squeeze(placement: Placement, aspects: Floats) -> Floats:
    """How far from keeping proportions a placement is: those of the pixels, or of the frames."""
    stretch = np.maximum(1 + 2 / LUMA_SIDE * placement.values[:, [1, 3]], 0.1)
    between = np.log(stretch[:, 0] / stretch[:, 1])
    whole: Floats = np.abs(np.log(stretch)).max(axis=1)
    kept: Floats = np.abs(between + np.log(aspects))
    return np.minimum(whole, kept)


def _keep_better(best: Remains, chosen: NDArray[np.intp], found: Remains) -> None:
    better = found.luma < best.luma[chosen]
    for name in ("luma", "chroma", "contrast", "moved", "gain", "squeezed"):
        getattr(best, name)[chosen[better]] = getattr(found, name)[better]


def outside_corner(first: Copies, second: Copies) -> Floats:
    """What differs outside that corner which differs most, as root mean square of brightness.

    Args:
        first: one picture of each pair; not moved, a badge is pasted on the picture as it is.
        second: the other.

    Returns:
        ``float32`` of shape ``(n,)``; infinity where one place or the colour differs too much.
    """
    luma = _pooled(second.luma - first.luma, _GRID)
    chroma = _pooled_planes(second.chroma - first.chroma)
    best = np.full(len(luma), np.inf, dtype=np.float32)
    for down in (False, True):
        for right in (False, True):
            cells = _outside(luma, _CORNER, down=down, right=right)
            colours = _outside(chroma, _CHROMA_CORNER, down=down, right=right)
            rest = np.sqrt(np.square(cells).mean(axis=-1))
            most = np.abs(cells).max(axis=-1)
            colour = np.sqrt(np.square(colours).mean(axis=(-1, -2)))
            same = (most <= BADGE_MOST) & (colour <= BADGE_REST)
            best = np.where(same, np.minimum(best, rest), best)
    return best


def _outside(cells: Floats, corner: int, *, down: bool, right: bool) -> Floats:
    """All cells but those of a corner, flattened."""
    side = cells.shape[-1]
    keep = np.ones((side, side), dtype=bool)
    rows = slice(side - corner, None) if down else slice(corner)
    columns = slice(side - corner, None) if right else slice(corner)
    keep[rows, columns] = False
    return cells[..., keep]


def shape_remains(first: Copies, second: Copies) -> Floats:
    """What remains of brightness in parts of its contrast, when each may be recoloured freely.

    Args:
        first: one picture of each pair.
        second: the other.

    Returns:
        ``float32`` of shape ``(n,)``, 0 for equal shapes; the worse of both directions.
    """
    coarse = _shape_at(_COARSE_SIDE, first, second)
    close = np.flatnonzero(coarse <= _COARSE_SHAPE)
    if close.size:
        coarse[close] = _shape_at(LUMA_SIDE, first.some(close), second.some(close))
    return coarse


def _shape_at(side: int, first: Copies, second: Copies) -> Floats:
    worst = np.zeros(len(first.luma), dtype=np.float32)
    for one, other in ((first, second), (second, first)):
        start = identity(len(one.luma))
        over, under = _pooled(one.luma, side), _pooled(other.luma, side)
        rest, _ = register(over, under, start, expected=RECOLOURED)
        contrast = _pooled(other.luma, _GRID).std(axis=(1, 2))
        worst = np.maximum(worst, _rms(_pooled(rest, _GRID)) / np.maximum(contrast, 1))
    return worst


def _pooled_planes(chroma: Floats) -> Floats:
    """Means of both colour planes over their grid, ``(n, 2, 4, 4)``."""
    return np.stack([_pooled(chroma[:, plane], _CHROMA_GRID) for plane in (0, 1)], axis=1)


def _pooled(pictures: Floats, side: int) -> Floats:
    """Means over a grid of `side` by `side` cells."""
    count, size = len(pictures), pictures.shape[-1] // side
    pooled: Floats = pictures.reshape(count, side, size, side, size).mean(axis=(2, 4))
    return pooled


def _rms(cells: Floats) -> Floats:
    rms: Floats = np.sqrt(np.square(cells).mean(axis=tuple(range(1, cells.ndim))))
    return rms
