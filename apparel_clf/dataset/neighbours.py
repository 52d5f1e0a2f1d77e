"""Which hashes are near each other: all pairs within a Hamming distance, exact and streamed.

Multi-index hashing (Norouzi, Punjani, Fleet 2012): the 64 bits are dealt to ``radius + k`` chunks.
Two hashes that differ in at most `radius` bits differ in at most `radius` chunks, so at least `k`
chunks are equal. One table for each choice of `k` chunks, sorted by these (Manku, Jain, Das Sarma
2007), puts every pair that is wanted next to each other at least once. More chunks mean more
tables but fewer strangers in each; how many are best depends on the hashes, and is estimated from
a sample of them. Hashes of photos on white are far from random: some bits hardly vary and others
vary together, so bits are dealt such that all chunks tell about equally many pairs apart.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apparel_clf.errors import SettingsError

#: Indices of the first and of the second hash of each pair, and their distances.
PairBlock = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]
# Left and right positions among the hashes that were given, and the bits that differ.
_Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]

_BITS = 64
# Pairs that are looked at, or given out, at a time. Their hashes stay in a core's cache.
_BLOCK = 1 << 16
# Runs of equal keys in a table are compared together with others of up to the same of these
# lengths; longer ones by themselves.
_WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
# Up to here comparing everything takes milliseconds, and a plan would take longer.
_SMALL = 2048
_MOST_TABLES = 4000
_MOST_EQUAL_CHUNKS = 5
# What steps cost, in comparisons of everything with everything: an entry of a table; a table,
# however short; the comparison of two entries with equal keys; and a near pair, each time that it
# comes up.
_ENTRY_COST = 20.0
_TABLE_COST = 200_000.0
_CANDIDATE_COST = 2.0
_NEAR_COST = 15.0
# Pairs, hashes and tables that a plan is estimated from, at most.
_SAMPLE_PAIRS = 1 << 16
_SAMPLE_HASHES = 4096
_SAMPLE_TABLES = 5


def near_pairs(hashes: NDArray[np.uint64], radius: int) -> Iterator[tuple[int, int, int]]:
    """Find all pairs of hashes that differ in at most `radius` bits.

    Args:
        hashes: 64-bit hashes, shape ``(n,)``, ``uint64``.
        radius: largest number of differing bits, 0 to 64.

    Returns:
        An iterator over ``(i, j, distance)`` with ``i < j``. Exact: every pair comes, and comes
        once. The order is always the same for the same hashes and radius, but it isn't sorted.
        Memory stays in proportion to ``n``, however many pairs there are.

    Raises:
        SettingsError: `hashes` or `radius` is something else.

    Example:
        >>> list(near_pairs(np.array([0, 1, 255], dtype=np.uint64), 1))
        [(0, 1, 1)]
    """
    return (
        pair
        for i, j, distance in near_pair_blocks(hashes, radius)
        for pair in zip(i.tolist(), j.tolist(), distance.tolist(), strict=True)
    )


def near_pair_blocks(hashes: NDArray[np.uint64], radius: int) -> Iterator[PairBlock]:
    """Find all pairs of hashes that differ in at most `radius` bits, many at a time.

    To match hashes with others, such as those of mirrored pictures, concatenate them and keep the
    pairs that have one index in each part.

    Args:
        hashes: 64-bit hashes, shape ``(n,)``, ``uint64``.
        radius: largest number of differing bits, 0 to 64.

    Returns:
        An iterator over blocks ``(i, j, distance)``: three arrays of the same length, one or more,
        with ``i < j``. What `near_pairs` says about pairs holds for these.

    Raises:
        SettingsError: `hashes` or `radius` is something else.
    """
    _check(hashes, radius)
    return _pairs(hashes, int(radius))


def _check(hashes: Any, radius: Any) -> None:
    if not isinstance(hashes, np.ndarray) or hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise SettingsError(
            "Expected hashes to be a one-dimensional numpy array of uint64. "
            f"Received: hashes={_described(hashes)}"
        )
    is_number = isinstance(radius, (int, np.integer)) and not isinstance(radius, bool)
    if not is_number or not 0 <= radius <= _BITS:
        raise SettingsError(
            f"Expected radius to be a whole number from 0 to {_BITS}. Received: radius={radius!r}"
        )


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array of {value.dtype}, shape {value.shape}"
    return f"{type(value).__name__}"


def _pairs(hashes: NDArray[np.uint64], radius: int) -> Iterator[PairBlock]:
    """Search each distinct hash once, and put all that have it in its place."""
    groups = _Groups.of(hashes)
    yield from groups.equal_pairs()
    if radius == 0:
        return
    for left, right, differing in _merged(_distinct_pairs(groups.values, radius)):
        yield from groups.members_of(left, right, np.bitwise_count(differing))


def _merged(found: Iterable[_Found]) -> Iterator[_Found]:
    """Make large blocks of small ones."""
    waiting: list[_Found] = []
    size = 0
    for block in found:
        if not len(block[0]):
            continue
        waiting.append(block)
        size += len(block[0])
        if size >= _BLOCK:
            yield _joined(waiting)
            waiting, size = [], 0
    if size:
        yield _joined(waiting)


def _joined(blocks: Sequence[_Found]) -> _Found:
    left, right, differing = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return left, right, differing


@dataclass(frozen=True)
class _Groups:
    """Hashes by value: equal hashes make a group.

    Args:
        values: the distinct hashes, sorted.
        members: indices of all hashes, group after group, ascending within each.
        starts: where each group begins in `members`.
        counts: how many each group has.
        firsts: the first of each group.
        single: whether a group has but one.
    """

    values: NDArray[np.uint64]
    members: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    firsts: NDArray[np.int64]
    single: NDArray[np.bool_]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> _Groups:
        """Group hashes."""
        members = np.argsort(hashes, kind="stable").astype(np.int64)
        ordered = hashes[members]
        starts, counts = _runs(ordered)
        return cls(ordered[starts], members, starts, counts, members[starts], counts == 1)

    def equal_pairs(self) -> Iterator[PairBlock]:
        """Pair the members of each group with each other."""
        ends = np.repeat(self.starts + self.counts, self.counts)
        later = ends - np.arange(1, len(ends) + 1)
        for first, place in _unrolled(later):
            left, right = self.members[first], self.members[first + 1 + place]
            yield left, right, np.zeros(len(left), dtype=np.uint8)

    def members_of(
        self, left: NDArray[np.int64], right: NDArray[np.int64], distance: NDArray[np.uint8]
    ) -> Iterator[PairBlock]:
        """Pair the members of groups that are near each other."""
        simple = self.single[left] & self.single[right]  # most are, and they need no counting
        if simple.any():
            first, second = self.firsts[left[simple]], self.firsts[right[simple]]
            yield np.minimum(first, second), np.maximum(first, second), distance[simple]
        several = ~simple
        left, right, distance = left[several], right[several], distance[several]
        for pair, place in _unrolled(self.counts[left] * self.counts[right]):
            row, column = np.divmod(place, self.counts[right[pair]])
            first = self.members[self.starts[left[pair]] + row]
            second = self.members[self.starts[right[pair]] + column]
            yield np.minimum(first, second), np.maximum(first, second), distance[pair]


def _runs(ordered: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where runs of equal values start, and how long they are."""
    changes = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    starts = np.flatnonzero(changes)
    return starts, np.diff(starts, append=len(ordered))


def _unrolled(sizes: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Count 0 to ``sizes[k] - 1`` for each k, in blocks: which k, and which number."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    for begin in range(0, total, _BLOCK):
        numbers = np.arange(begin, min(begin + _BLOCK, total))
        low, high = np.searchsorted(ends, numbers[[0, -1]], side="right")
        which = low + np.searchsorted(ends[low : high + 1], numbers, side="right")
        yield which, numbers - (ends[which] - sizes[which])


@dataclass(frozen=True)
class _Wanted:
    """Which of the pairs that are compared are wanted.

    Args:
        radius: largest number of differing bits.
        unequal: bits of chunks of which none may be equal. A pair comes up in several tables and
            belongs to the first, which is that of the first chunks in which it is equal.
    """

    radius: int
    unequal: tuple[np.uint64, ...] = ()

    def among(self, differing: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Return the places of the wanted pairs, and the bits in which they differ."""
        differing = differing.ravel()
        near = np.flatnonzero(np.bitwise_count(differing) <= self.radius)
        bits = differing[near]
        if not self.unequal or not len(near):
            return near, bits
        first = (bits & self.unequal[0]) != 0
        for chunk in self.unequal[1:]:
            first &= (bits & chunk) != 0
        return near[first], bits[first]


def _distinct_pairs(hashes: NDArray[np.uint64], radius: int) -> Iterator[_Found]:
    """Find all pairs of distinct hashes by what is estimated to be the fastest way."""
    plan = _best_plan(hashes, radius)
    if plan is None:
        yield from _all_with_all(hashes, 0, len(hashes), _Wanted(radius))
        return
    hashes = plan.permuted(hashes)
    for table in plan.tables():
        yield from _table_pairs(hashes, table, radius)


@dataclass(frozen=True)
class _Chunk:
    """Bits next to each other.

    Args:
        shift: how many lower bits there are.
        width: how many bits it has.
    """

    shift: int
    width: int

    @property
    def bits(self) -> np.uint64:
        """The bits that are the chunk's."""
        return np.uint64(((1 << self.width) - 1) << self.shift)


@dataclass(frozen=True)
class _Table:
    """What is compared: hashes that are equal in some chunks and in none of others.

    Args:
        equal: chunks that are equal.
        unequal: the other chunks that come before the last of these.
    """

    equal: tuple[_Chunk, ...]
    unequal: tuple[_Chunk, ...]


@dataclass(frozen=True)
class _Plan:
    """How to search.

    Args:
        chunks: bits of each chunk; a bit may be in none.
        equal: how many chunks are equal in the entries of a table that are compared.
    """

    chunks: tuple[tuple[int, ...], ...]
    equal: int

    def permuted(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Move each chunk's bits next to each other, as `tables` has them."""
        return _permuted(hashes, [bit for chunk in self.chunks for bit in chunk])

    def tables(self) -> list[_Table]:
        """Return a table for each choice of chunks."""
        widths = [len(chunk) for chunk in self.chunks]
        shifts = np.cumsum([0, *widths[:-1]]).tolist()
        chunks = [_Chunk(*pair) for pair in zip(shifts, widths, strict=True)]
        return [
            _Table(
                tuple(chunks[c] for c in some),
                tuple(chunks[c] for c in range(some[-1]) if c not in some),
            )
            for some in combinations(range(len(chunks)), self.equal)
        ]


def _permuted(hashes: NDArray[np.uint64], bits: Sequence[int]) -> NDArray[np.uint64]:
    """Move bit ``bits[p]`` to place p; the bits that are left out follow in their order."""
    rest = [bit for bit in range(_BITS) if bit not in set(bits)]
    places = {bit: place for place, bit in enumerate([*bits, *rest])}
    result = np.zeros_like(hashes)
    for low in range(0, _BITS, 8):
        table = np.zeros(1, dtype=np.uint64)
        for bit in range(low, low + 8):
            table = np.concatenate([table, table | np.uint64(1 << places[bit])])
        result |= table[hashes >> np.uint64(low) & np.uint64(0xFF)]
    return result


def _table_pairs(hashes: NDArray[np.uint64], table: _Table, radius: int) -> Iterator[_Found]:
    """Find the near pairs that belong to a table."""
    keys, order = _sorted_by(hashes, table.equal)
    ordered = hashes[order]
    wanted = _Wanted(radius, tuple(chunk.bits for chunk in table.unequal))
    for left, right, differing in _near_in_runs(ordered, *_runs(keys), wanted):
        yield order[left], order[right], differing


def _sorted_by(
    hashes: NDArray[np.uint64], chunks: Sequence[_Chunk]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the chunks' values, sorted, and whose they are.

    Values and positions share a word, because sorting words is several times faster than sorting
    positions by words.
    """
    position = np.uint64(_position_bits(len(hashes)))
    packed = np.zeros_like(hashes)
    for chunk in chunks:
        packed <<= np.uint64(chunk.width)
        packed |= hashes >> np.uint64(chunk.shift) & np.uint64((1 << chunk.width) - 1)
    packed <<= position
    packed |= np.arange(len(hashes), dtype=np.uint64)
    packed.sort()
    order = (packed & np.uint64((1 << int(position)) - 1)).astype(np.int64)
    return packed >> position, order


def _position_bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def _near_in_runs(
    ordered: NDArray[np.uint64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    wanted: _Wanted,
) -> Iterator[_Found]:
    """Find the wanted pairs within each run of a sorted table; positions are the table's."""
    shared = lengths > 1
    starts, lengths = starts[shared], lengths[shared]
    capped = np.minimum(lengths, _WIDTHS[-1] + 1).astype(np.uint8)  # numpy sorts bytes fastest
    by_length = np.argsort(capped, kind="stable")
    starts, lengths, capped = starts[by_length], lengths[by_length], capped[by_length]
    ends = np.searchsorted(capped, _WIDTHS, side="right").tolist()
    begin = 0
    for width, end in zip(_WIDTHS, ends, strict=True):
        for some in range(begin, end, _BLOCK // width):
            upto = min(some + _BLOCK // width, end)
            yield from _near_in_columns(
                ordered, starts[some:upto], lengths[some:upto], width, wanted
            )
        begin = end
    for start, length in zip(starts[begin:].tolist(), lengths[begin:].tolist(), strict=True):
        yield from _all_with_all(ordered, start, start + length, wanted)


def _near_in_columns(
    ordered: NDArray[np.uint64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    width: int,
    wanted: _Wanted,
) -> Iterator[_Found]:
    """Find the wanted pairs within runs of about one length, laid out side by side as columns.

    A run that is shorter than `width` is followed in its column by what is no part of it.
    """
    columns = ordered.take(starts + np.arange(width)[:, None], mode="clip")
    rows = max(1, _BLOCK // columns.size)
    for top in range(0, width - 1, rows):
        near, differing = wanted.among(columns[top : top + rows, None] ^ columns[None, top + 1 :])
        if len(near):
            pair, column = _divided(near, len(starts))
            row, other = _divided(pair, width - top - 1)
            other += 1
            once = (row < other) & (top + other < lengths[column])
            left = starts[column[once]] + top
            yield left + row[once], left + other[once], differing[once]


def _all_with_all(
    hashes: NDArray[np.uint64], start: int, stop: int, wanted: _Wanted
) -> Iterator[_Found]:
    """Find the wanted pairs among ``hashes[start:stop]`` by comparing them all."""
    rows = max(1, _BLOCK // max(1, stop - start))
    for top in range(start, stop, rows):
        near, differing = wanted.among(
            hashes[top : min(top + rows, stop), None] ^ hashes[None, top:stop]
        )
        if len(near):
            row, column = _divided(near, stop - top)
            once = row < column
            yield top + row[once], top + column[once], differing[once]


def _divided(values: NDArray[np.int64], by: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return quotients and remainders, ten times faster than `np.divmod`."""
    quotients = values // by
    return quotients, values - quotients * by


def _best_plan(hashes: NDArray[np.uint64], radius: int) -> _Plan | None:
    """Estimate what plans cost on these hashes; None where comparing all with all costs least."""
    count = len(hashes)
    if count <= _SMALL:
        return None
    best, least = None, count * count / 2
    sample = _Sample.of(hashes)
    for equal in range(1, _MOST_EQUAL_CHUNKS + 1):
        tables = comb(radius + equal, equal)
        sorting = tables * (count * _ENTRY_COST + _TABLE_COST)
        if radius + equal > _BITS or tables > _MOST_TABLES or sorting >= least:
            break
        widest = (_BITS - _position_bits(count)) // equal
        plan = _Plan(sample.dealt(radius + equal, widest), equal)
        cost = sorting + sample.cost(plan, radius, count)
        if cost < least:
            best, least = plan, cost
    return best


@dataclass(frozen=True)
class _Sample:
    """Some of the hashes, and pairs of them, to measure bits and plans on.

    Args:
        hashes: some of the hashes, in random order.
        agreeing: for each bit the sampled pairs that agree in it, 64 pairs to a word.
    """

    hashes: NDArray[np.uint64]
    agreeing: NDArray[np.uint64]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> _Sample:
        """Draw a sample, always the same from the same hashes."""
        # The standard library's: NumPy's generators take five megabytes to import.
        rng = random.Random(0)
        some = hashes[rng.sample(range(len(hashes)), min(len(hashes), _SAMPLE_HASHES))]
        # Few hashes are soon compared, however that is planned: more pairs would take megabytes.
        pairs = max(64, min(_SAMPLE_PAIRS, 1 << len(hashes).bit_length()))
        drawn = np.frombuffer(rng.randbytes(2 * pairs * 8), "<u8") % np.uint64(len(some))
        first, second = some[drawn].reshape(2, pairs)
        agree = ~(first ^ second)
        bits = (agree >> np.uint64(bit) & np.uint64(1) for bit in range(_BITS))
        agreeing = np.array([np.packbits(bit.astype(np.bool_)) for bit in bits])
        return cls(some, agreeing.view(np.uint64))

    def dealt(self, chunks: int, widest: int) -> tuple[tuple[int, ...], ...]:
        """Deal the bits to chunks, such that pairs agree in each chunk about equally seldom.

        The chunk in which most pairs agree takes the bit that leaves the fewest agreeing. So a bit
        that repeats what a chunk's other bits say goes elsewhere, and bits that hardly vary come
        last.

        Args:
            chunks: how many.
            widest: most bits in one; what is too much is left out.
        """
        dealt: list[list[int]] = [[] for _ in range(chunks)]
        agreeing = np.full((chunks, self.agreeing.shape[1]), ~np.uint64(0))
        counts = [64 * self.agreeing.shape[1]] * chunks
        overall = np.bitwise_count(self.agreeing).sum(axis=1)
        bits = list(range(_BITS))
        while bits and min(map(len, dealt)) < widest:
            open_chunks = [c for c in range(chunks) if len(dealt[c]) < widest]
            chunk = min(open_chunks, key=lambda c: (-counts[c], len(dealt[c])))
            left = np.bitwise_count(agreeing[chunk] & self.agreeing[bits]).sum(axis=1)
            best = int(np.lexsort((overall[bits], left))[0])
            bit = bits.pop(best)
            dealt[chunk].append(bit)
            agreeing[chunk] &= self.agreeing[bit]
            counts[chunk] = int(left[best])
        return tuple(map(tuple, dealt))

    def cost(self, plan: _Plan, radius: int, count: int) -> float:
        """Estimate what the comparisons of a plan cost among `count` hashes."""
        hashes = plan.permuted(self.hashes)
        tables = plan.tables()
        some = tables[:: ceil(len(tables) / _SAMPLE_TABLES)]
        candidates = near = 0
        for table in some:
            keys, order = _sorted_by(hashes, table.equal)
            starts, lengths = _runs(keys)
            candidates += int((lengths * (lengths - 1)).sum()) // 2
            found = _near_in_runs(hashes[order], starts, lengths, _Wanted(radius))
            near += sum(len(left) for left, _, _ in found)
        more = len(tables) / len(some) * (count / len(hashes)) ** 2
        return more * (candidates * _CANDIDATE_COST + near * _NEAR_COST)
