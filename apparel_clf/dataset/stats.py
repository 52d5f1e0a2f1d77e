"""Figures of a version: how many images of what, from where, how large, what was left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from apparel_clf._columns import columns
from apparel_clf.dataset.plan import ManifestRow
from apparel_clf.dataset.splits import SPLITS
from apparel_clf.dataset.version import Version, open_version


@dataclass(frozen=True)
class Span:
    """Smallest, middle and largest of some numbers.

    Args:
        least: the smallest.
        median: the middle one, or the mean of the two middle ones.
        most: the largest.
    """

    least: int
    median: float
    most: int

    def __str__(self) -> str:
        return f"{self.least:,} to {self.most:,}, median {self.median:,.0f}"


@dataclass(frozen=True)
class QueryCount:
    """How many images of a class a query brought.

    Args:
        label: the class.
        source: the shop's host.
        query: the search.
        images: their number.
    """

    label: str
    source: str
    query: str
    images: int


@dataclass(frozen=True)
class Stats:
    """Figures of a version, from its manifest and its facts. Sizes are those of the originals.

    Args:
        name: dataset and number, for example ``"demo/v1"``.
        id: the version's id.
        images: number of images.
        counts: number of images, by split and class.
        shares: each split's share of a class, 0 to 1, by split and class.
        shorter_side: pixels of the shorter side; None for a version without images.
        size_bytes: bytes of one image; None for a version without images.
        total_bytes: bytes of all images.
        formats: number of images, by format.
        sources: number of images, by the shop's host.
        queries: what each query brought, sorted by class.
        stands_for: number of pictures that were left out because one of these stands for them.
        groups: number of groups.
        largest_group: number of images in the largest.
        removed: pictures that another stands for, by kind (``exact``, ``near``).
        rejected: what was turned away, by reason.
    """

    name: str
    id: str
    images: int
    counts: Mapping[str, Mapping[str, int]]
    shares: Mapping[str, Mapping[str, float]]
    shorter_side: Span | None
    size_bytes: Span | None
    total_bytes: int
    formats: Mapping[str, int]
    sources: Mapping[str, int]
    queries: tuple[QueryCount, ...]
    stands_for: int
    groups: int
    largest_group: int
    removed: Mapping[str, int]
    rejected: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain values under the names of the fields."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.images:,} images", *self._table(), *self._facts()])

    def _table(self) -> list[str]:
        """Number and share of each split by class, in columns."""
        lines = [["class", *(cell for split in SPLITS for cell in (split, "share")), "all"]]
        for label in self.counts[SPLITS[0]]:
            numbers = [self.counts[split][label] for split in SPLITS]
            shares = [f"{self.shares[split][label]:.1%}" for split in SPLITS]
            pairs = zip(map(str, numbers), shares, strict=True)
            lines.append([label, *(cell for pair in pairs for cell in pair), str(sum(numbers))])
        return columns(lines)

    def _facts(self) -> Iterator[str]:
        yield f"shorter side: {self.shorter_side} pixels"
        yield f"file size: {self.size_bytes} bytes; together {self.total_bytes:,}"
        yield f"formats: {_listed(self.formats)}"
        yield f"groups: {self.groups:,}, the largest of {self.largest_group:,} images"
        yield f"stand for {self.stands_for:,} more; removed: {_listed(self.removed)}"
        yield f"rejected: {_listed(self.rejected)}"
        yield f"sources: {_listed(self.sources)}"
        yield "queries:"
        for found in self.queries:
            yield f"  {found.label}: {found.query or 'unknown'} ({found.source}) {found.images:,}"


def stats(version: str | os.PathLike[str] | Version) -> Stats:
    """Count what a version holds. Its manifest and facts are read, no image is.

    Args:
        version: a version, or its folder, for example ``"datasets/demo/latest"``.

    Returns:
        The figures; ``str(...)`` of it is a table.

    Raises:
        DatasetNotFoundError: there is no such folder.
        DatasetError: it is not a version, or its manifest cannot be read.

    Example:
        >>> stats("datasets/demo/latest").formats
        {'JPEG': 180}
    """
    opened = version if isinstance(version, Version) else open_version(version)
    rows = opened.rows
    signatures = [row.record.signature for row in rows]
    counts = _counts(rows)
    groups = Counter(row.group for row in rows)
    return Stats(
        name=opened.name,
        id=opened.id,
        images=len(rows),
        counts=counts,
        shares=_shares(counts),
        shorter_side=_span([min(s.width, s.height) for s in signatures]),
        size_bytes=_span([s.size_bytes for s in signatures]),
        total_bytes=sum(s.size_bytes for s in signatures),
        formats=_ranked(s.format for s in signatures),
        sources=_ranked(row.record.source for row in rows),
        queries=_queries(rows),
        stands_for=sum(row.duplicates for row in rows),
        groups=len(groups),
        largest_group=max(groups.values(), default=0),
        removed=dict(opened.facts.get("removed", {})),
        rejected=dict(opened.facts.get("rejected", {})),
    )


def _counts(rows: Sequence[ManifestRow]) -> dict[str, dict[str, int]]:
    counted = Counter((row.split, row.record.label) for row in rows)
    labels = sorted({row.record.label for row in rows})
    return {split: {label: counted[split, label] for label in labels} for split in SPLITS}


def _shares(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, float]]:
    totals: Counter[str] = Counter()
    for by_class in counts.values():
        totals.update(by_class)
    return {
        split: {label: number / totals[label] for label, number in by_class.items()}
        for split, by_class in counts.items()
    }


def _span(numbers: Sequence[int]) -> Span | None:
    return Span(min(numbers), float(median(numbers)), max(numbers)) if numbers else None


def _ranked(values: Iterable[str]) -> dict[str, int]:
    """Count values, the most frequent first."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _queries(rows: Sequence[ManifestRow]) -> tuple[QueryCount, ...]:
    counted = Counter((r.record.label, r.record.source, r.record.query) for r in rows)
    return tuple(QueryCount(*key, images=number) for key, number in sorted(counted.items()))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name or 'unknown'} {n:,}" for name, n in counts.items()) or "none"
