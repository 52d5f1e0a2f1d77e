"""The study: recall by kind of change, false removals, and curves over the limits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apparel_clf.dataset import likeness
from apparel_clf.dataset.duplicates import Match, choose_removals, connected, match
from apparel_clf.dataset.likeness import Kind, hashes, judge
from apparel_clf.evaluation.intervals import wilson_interval
from apparel_clf.images import Signature, load_image
from benchmarks.duplicates.baselines import BASELINES, Looks
from benchmarks.duplicates.changes import CHANGES, HARD, Change
from benchmarks.duplicates.measures import Measured, close_pairs, limits, measure
from benchmarks.duplicates.pictures import Picture
from benchmarks.errors import BenchmarkError

#: Pairs of photos that a person has looked at and found to be one picture.
LOOKED_AT = Path(__file__).with_name("looked_at.json")
#: Values that are tried for each limit; a factor stands before both limits of brightness.
RADII = (4, 6, 8, 10, 12)
FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0)
CHROMAS = (0.5, 0.75, 1.0, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0)
CONTRASTS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.085, 0.1, 0.12, 0.15, 0.2, 0.3)

# Limits that have no curve of their own.
_OTHERS = ("NEAR_SQUEEZE", "BADGE_REST")
# One of so many copies is also put to the engine as a whole.
_CHECKED = 20
# A limit of contrast that nothing reaches.
_OFF = 1e6

Say = Callable[[str], None]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Recall:
    """How many copies of one kind are found.

    Args:
        pictures: "photos" or "drawn".
        change: name of the change.
        asked: whether .99 is asked for.
        n: copies made.
        brought: copies that the hashes bring together with their picture.
        found: copies for which the engine says what it is asked to say.
        bits: largest distance of the signature's hash from imagehash's own.
        baselines: copies that each simpler way finds.
    """

    pictures: str
    change: str
    asked: bool
    n: int
    brought: int
    found: int
    bits: int
    baselines: dict[str, int]

    @property
    def share(self) -> float:
        """Recall."""
        return self.found / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of recall."""
        return wilson_interval(self.found, self.n)


@dataclass(frozen=True)
class Taken:
    """A pair that the engine takes for one picture.

    Args:
        first: name of one.
        second: name of the other.
        kind: "exact" or "near".
        reason: what was measured.
        removed: whether one of them would go; a chain is not followed.
        known: a person has looked, and it is one picture.
    """

    first: str
    second: str
    kind: str
    reason: str
    removed: bool
    known: bool


@dataclass(frozen=True)
class Removals:
    """What is found among pictures as they are.

    Args:
        pictures: what they are.
        n: how many.
        taken: pairs taken for one picture.
        recolours: pairs told as recolours.
        mirrors: pairs told as mirrored.
        groups: sizes of the groups, largest first.
    """

    pictures: str
    n: int
    taken: tuple[Taken, ...]
    recolours: int
    mirrors: int
    groups: tuple[int, ...]

    @property
    def false(self) -> list[Taken]:
        """Pairs that nobody has found to be one picture."""
        return [pair for pair in self.taken if not pair.known]


@dataclass(frozen=True)
class Curve:
    """What a limit does.

    Args:
        limit: which.
        values: that were tried.
        chosen: the one in use; None where the engine as it is has no such point.
        false: false pairs at each value.
        recall: kind of change to recall at each value.
    """

    limit: str
    values: tuple[float, ...]
    chosen: float | None
    false: tuple[int, ...]
    recall: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Study:
    """Everything but the speed.

    Args:
        recalls: by pictures and change.
        removals: among photos, and among drawn garments with their recolours.
        recolours: recolours made, and how many are told as such, removed, or not linked at all.
        curves: by limit.
        baselines: simpler way to its false pairs.
        pool: pictures among which curves and baselines look for false pairs.
        bits: distance from imagehash's own value to the number of photos (or drawn garments).
        next: pairs that come next when limits are loosened, with what was measured.
    """

    recalls: tuple[Recall, ...]
    removals: tuple[Removals, ...]
    recolours: dict[str, int]
    curves: tuple[Curve, ...]
    baselines: dict[str, int]
    pool: int
    bits: dict[str, int]
    next: tuple[tuple[str, str, str], ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def known_pairs(path: Path = LOOKED_AT) -> set[frozenset[str]]:
    """Read the pairs that were found to be one picture."""
    return {frozenset(pair) for pair in json.loads(path.read_text("utf-8"))["one_picture"]}


def study(
    photos: Sequence[Picture],
    drawn: Sequence[Picture],
    recoloured: Sequence[tuple[int, Picture]],
    samples: Mapping[str, Sequence[Picture]],
    say: Say,
) -> Study:
    """Do all of it.

    Args:
        photos: the catalogue; may be empty.
        drawn: garments that all differ.
        recoloured: some of them in another colour, and which they were.
        samples: "photos" and "drawn" to the pictures of which copies are made.
        say: is told what is done now.
    """
    known = known_pairs()
    recalls: list[Recall] = []
    hard: dict[str, list[Measured]] = {name: [] for name in HARD}
    for kind, pictures in samples.items():
        if pictures:
            _copies(kind, pictures, recalls, hard, say)
    say("pictures as they are")
    dyed = [picture for _, picture in recoloured]
    removals = [_removals("photos", photos, known)] if photos else []
    removals.append(_removals("drawn", [*drawn, *dyed], known))
    say("limits")
    pool = [*photos, *drawn, *dyed]
    one, other = close_pairs([picture.signature for picture in pool], max(RADII))
    measured = measure([pool[i].signature for i in one], [pool[i].signature for i in other])
    different = _unknown(pool, one, other, known)
    looks = Looks.of([picture.data for picture in pool])
    own = np.array([picture.signature.phash for picture in pool], dtype=np.uint64)
    away = np.bitwise_count(own ^ looks.hashes)[: len(photos) or None]
    return Study(
        recalls=tuple(recalls),
        removals=tuple(removals),
        recolours=_recolours(drawn, recoloured),
        curves=tuple(_curves(hard, measured.some(different))),
        baselines={
            way.name: int(_unknown(pool, *way.pairs(looks), known).sum()) for way in BASELINES
        },
        pool=len(pool),
        bits={str(bits): int((away == bits).sum()) for bits in np.unique(away).tolist()},
        next=_next(pool, one[different], other[different], measured.some(different)),
    )


def _copies(
    kind: str,
    pictures: Sequence[Picture],
    recalls: list[Recall],
    hard: dict[str, list[Measured]],
    say: Say,
) -> None:
    decoded = [load_image(picture.data) for picture in pictures]
    looks = Looks.of([picture.data for picture in pictures])
    originals = [picture.signature for picture in pictures]
    for change in CHANGES:
        say(f"{kind}: {change.name}")
        copies = [_copy(change, image) for image in decoded]
        measured = measure(originals, [copy.signature for copy in copies])
        recalls.append(_recall(kind, change, pictures, copies, looks, measured))
        if change.name in hard:
            hard[change.name].append(measured)


def _copy(change: Change, image: Image.Image) -> Picture:
    return Picture.of(change.name, change.apply(image))


def _recall(
    kind: str,
    change: Change,
    pictures: Sequence[Picture],
    copies: Sequence[Picture],
    looks: Looks,
    measured: Measured,
) -> Recall:
    first = [picture.signature for picture in pictures]
    second = [copy.signature for copy in copies]
    told = [None if verdict is None else verdict.kind for verdict in judge(first, second)]
    _check(first[::_CHECKED], second[::_CHECKED], told[::_CHECKED])
    copied = Looks.of([copy.data for copy in copies])
    own = np.array([copy.signature.phash for copy in copies], dtype=np.uint64)
    return Recall(
        pictures=kind,
        change=change.name,
        asked=change.asked,
        n=len(copies),
        brought=_brought(change, first, second, measured),
        found=told.count(change.kind),
        bits=int(np.bitwise_count(own ^ copied.hashes).max()),
        baselines={way.name: int(way.same(looks, copied).sum()) for way in BASELINES},
    )


def _brought(
    change: Change, first: Sequence[Signature], second: Sequence[Signature], measured: Measured
) -> int:
    bits = measured.bits
    if change.kind == "mirror":
        bits = np.bitwise_count(hashes(first, "phash_mirrored") ^ hashes(second, "phash"))
    return int((bits <= likeness.HASH_DISTANCE).sum())


def _check(
    first: Sequence[Signature], second: Sequence[Signature], told: Sequence[Kind | None]
) -> None:
    """Make sure that the engine as a whole says the same as its parts, which are quicker to ask."""
    for one, other, kind in zip(first, second, told, strict=True):
        whole = [pair.kind for pair in match([one, other])]
        expected = [] if kind is None else [kind]
        if whole != expected and (kind != "near" or whole != ["exact"]):
            raise BenchmarkError(f"a pair is {kind} by its parts, but {whole} as a whole")


def _removals(kind: str, pictures: Sequence[Picture], known: set[frozenset[str]]) -> Removals:
    signatures = [picture.signature for picture in pictures]
    pairs = list(match(signatures))
    removed = {pair for _, pair in choose_removals(signatures, pairs).values()}
    roots = connected(len(pictures), ((pair.first, pair.second) for pair in pairs))
    kinds = Counter(pair.kind for pair in pairs)
    taken = [pair for pair in pairs if pair.kind in ("exact", "near")]
    return Removals(
        pictures=kind,
        n=len(pictures),
        taken=tuple(
            _taken(pictures[pair.first].name, pictures[pair.second].name, pair, removed, known)
            for pair in taken
        ),
        recolours=kinds["recolour"],
        mirrors=kinds["mirror"],
        groups=tuple(sorted((n for n in Counter(roots).values() if n > 1), reverse=True)),
    )


def _taken(
    first: str, second: str, pair: Match, removed: set[Match], known: set[frozenset[str]]
) -> Taken:
    one_picture = pair.kind == "exact" or frozenset((first, second)) in known
    return Taken(first, second, pair.kind, pair.reason, pair in removed, one_picture)


def _recolours(
    drawn: Sequence[Picture], recoloured: Sequence[tuple[int, Picture]]
) -> dict[str, int]:
    """How each garment and its recolour are told: by kind, or as different pictures."""
    told = {"made": len(recoloured), "recolour": 0, "near": 0, "mirror": 0, "different": 0}
    for index, picture in recoloured:
        kinds = [pair.kind for pair in match([drawn[index].signature, picture.signature])]
        told[kinds[0] if kinds else "different"] += 1
    return told


def _unknown(
    pool: Sequence[Picture],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    known: set[frozenset[str]],
) -> NDArray[np.bool_]:
    """Which pairs are not known to be one picture."""
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return np.array([frozenset((pool[i].name, pool[j].name)) not in known for i, j in pairs], bool)


def _curves(hard: dict[str, list[Measured]], pool: Measured) -> Iterable[Curve]:
    def removed(radius: int = likeness.HASH_DISTANCE, **values: float) -> _Counts:
        with limits(**values):
            recall = {
                name: float(np.concatenate([part.removed(radius) for part in parts]).mean())
                for name, parts in hard.items()
            }
            return int(pool.removed(radius).sum()), recall

    def brightness(factor: float, contrast: float = likeness.NEAR_CONTRAST) -> _Counts:
        return removed(
            NEAR_LUMA=likeness.NEAR_LUMA * factor,
            NEAR_LUMA_MOVED=likeness.NEAR_LUMA_MOVED * factor,
            NEAR_CONTRAST=contrast,
        )

    yield _curve("hash", RADII, likeness.HASH_DISTANCE, removed)
    yield _curve("luma", FACTORS, 1.0, brightness)
    yield _curve("luma-alone", FACTORS, None, lambda f: brightness(f, _OFF))
    yield _curve("chroma", CHROMAS, likeness.NEAR_CHROMA, lambda v: removed(NEAR_CHROMA=v))
    yield _curve("contrast", CONTRASTS, likeness.NEAR_CONTRAST, lambda v: removed(NEAR_CONTRAST=v))
    yield _curve("contrast-off", (_OFF,), None, lambda v: removed(NEAR_CONTRAST=v))


_Counts = tuple[int, dict[str, float]]


def _curve(
    name: str, values: Sequence[Any], chosen: float | None, count: Callable[[Any], _Counts]
) -> Curve:
    counts = [count(value) for value in values]
    recall = {change: tuple(found[change] for _, found in counts) for change in counts[0][1]}
    return Curve(name, tuple(values), chosen, tuple(false for false, _ in counts), recall)


def _next(
    pool: Sequence[Picture],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    measured: Measured,
    most: int = 40,
) -> tuple[tuple[str, str, str], ...]:
    """Pairs that are not removed, those first that the smallest loosening would remove."""
    needed = np.full(len(first), np.inf)
    inside = measured.removed()
    for factor in (3.0, 2.5, 2.0, 1.75, 1.5, 1.35, 1.2, 1.1, 1.05):
        names = ("NEAR_LUMA", "NEAR_LUMA_MOVED", "NEAR_CONTRAST", "NEAR_CHROMA", *_OTHERS)
        with limits(**{name: getattr(likeness, name) * factor for name in names}):
            needed[measured.removed()] = factor
    needed[inside] = np.inf
    order = np.argsort(needed, kind="stable")[:most]
    return tuple(
        (pool[first[i]].name, pool[second[i]].name, _words(measured, i, needed[i]))
        for i in order
        if np.isfinite(needed[i])
    )


def _words(measured: Measured, index: int, factor: float) -> str:
    left = measured.left
    return (
        f"x{factor:g}: {measured.bits[index]} bits, brightness {left.luma[index]:.2f} "
        f"(contrast {left.contrast[index]:.0f}), colour {left.chroma[index]:.2f}, "
        f"corner {measured.corner[index]:.2f}"
    )
