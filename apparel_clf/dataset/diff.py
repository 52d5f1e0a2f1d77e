"""What differs between two versions: images, labels, splits and groups."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from apparel_clf.dataset.plan import ManifestRow
from apparel_clf.dataset.version import Version, open_version

# Names that a summary shows of each kind of change.
_SHOWN = 10


@dataclass(frozen=True)
class Change:
    """An image that is in both versions, but not in the same place.

    Args:
        sha256: the image.
        before: its label, or its split, in the first version.
        after: the same in the second.
        path: its path in the second version.
    """

    sha256: str
    before: str
    after: str
    path: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} → {self.after}"


@dataclass(frozen=True)
class Diff:
    """What differs between two versions. Images are the same if their bytes are.

    Args:
        before: name of the first version, for example ``"demo/v1"``.
        after: name of the second.
        same_id: whether both have one id: then nothing differs.
        added: rows that are in the second alone, sorted by path.
        removed: rows that are in the first alone, sorted by path.
        relabelled: images with another class, sorted by path.
        moved: images in another split, sorted by path.
        regrouped: number of images in both that must share a split with others of both than
            before. A group that only gained new images counts as unchanged.
        counts_before: number of images of each class in the first version.
        counts_after: the same for the second.
    """

    before: str
    after: str
    same_id: bool
    added: tuple[ManifestRow, ...]
    removed: tuple[ManifestRow, ...]
    relabelled: tuple[Change, ...]
    moved: tuple[Change, ...]
    regrouped: int
    counts_before: Mapping[str, int]
    counts_after: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain values; added and removed images by their paths."""
        return {
            "before": self.before,
            "after": self.after,
            "same_id": self.same_id,
            "added": [row.path for row in self.added],
            "removed": [row.path for row in self.removed],
            "relabelled": [asdict(change) for change in self.relabelled],
            "moved": [asdict(change) for change in self.moved],
            "regrouped": self.regrouped,
            "counts_before": dict(self.counts_before),
            "counts_after": dict(self.counts_after),
        }

    def summary(self, limit: int | None = _SHOWN) -> str:
        """Write the differences as text: counts by class, then names.

        Args:
            limit: names to show of each kind of change. Default 10; None shows all.

        Example:
            >>> print(diff("datasets/demo/v1", "datasets/demo/v2").summary(limit=1))
            demo/v1 → demo/v2: 12 added, 0 removed, 0 relabelled, 0 moved, 0 regrouped
              jeans 60 → 72
              saree 60 → 60
            added
              test/jeans/0a4f….jpg
              … and 11 more
        """
        return "\n".join(self._lines(limit))

    def __str__(self) -> str:
        return self.summary()

    def _lines(self, limit: int | None) -> Iterator[str]:
        yield f"{self.before} → {self.after}: {self._headline()}"
        for label in sorted({*self.counts_before, *self.counts_after}):
            numbers = self.counts_before.get(label, 0), self.counts_after.get(label, 0)
            yield f"  {label} {numbers[0]} → {numbers[1]}"
        yield from _names("added", [row.path for row in self.added], limit)
        yield from _names("removed", [row.path for row in self.removed], limit)
        yield from _names("relabelled", self.relabelled, limit)
        yield from _names("moved", self.moved, limit)

    def _headline(self) -> str:
        if self.same_id:
            return "equal, both have the same id"
        counts = {
            "added": len(self.added),
            "removed": len(self.removed),
            "relabelled": len(self.relabelled),
            "moved": len(self.moved),
            "regrouped": self.regrouped,
        }
        if not any(counts.values()):
            return "the same images, labels, splits and groups; other facts of them differ"
        return ", ".join(f"{n} {what}" for what, n in counts.items())


def _names(title: str, items: Sequence[object], limit: int | None) -> Iterator[str]:
    if not items:
        return
    yield title
    shown = items[:limit]
    for item in shown:
        yield f"  {item}"
    if len(shown) < len(items):
        yield f"  … and {len(items) - len(shown)} more"


def diff(before: str | os.PathLike[str] | Version, after: str | os.PathLike[str] | Version) -> Diff:
    """Tell what differs between two versions. Only their manifests are read.

    Args:
        before: a version, or its folder, for example ``"datasets/demo/v1"``.
        after: the version to compare it with.

    Returns:
        The differences; ``str(...)`` of it is a summary.

    Raises:
        DatasetNotFoundError: there is no such folder.
        DatasetError: one is not a version, or its manifest cannot be read.

    Example:
        >>> changes = diff("datasets/demo/v1", "datasets/demo/v2")
        >>> len(changes.added), len(changes.removed)
        (12, 0)
    """
    old, new = _opened(before), _opened(after)
    old_rows = {row.record.sha256: row for row in old.rows}
    new_rows = {row.record.sha256: row for row in new.rows}
    both = [(old_rows[row.record.sha256], row) for row in new.rows if row.record.sha256 in old_rows]
    return Diff(
        before=old.name,
        after=new.name,
        same_id=old.id == new.id,
        added=tuple(row for row in new.rows if row.record.sha256 not in old_rows),
        removed=tuple(row for row in old.rows if row.record.sha256 not in new_rows),
        relabelled=tuple(
            _change(new, old.record.label, new.record.label)
            for old, new in both
            if old.record.label != new.record.label
        ),
        moved=tuple(
            _change(new, old.split, new.split) for old, new in both if old.split != new.split
        ),
        regrouped=_regrouped(both),
        counts_before=_counts(old.rows),
        counts_after=_counts(new.rows),
    )


def _opened(version: str | os.PathLike[str] | Version) -> Version:
    return version if isinstance(version, Version) else open_version(version)


def _change(row: ManifestRow, before: str, after: str) -> Change:
    return Change(row.record.sha256, before, after, row.path)


def _regrouped(both: Sequence[tuple[ManifestRow, ManifestRow]]) -> int:
    """How many images have other companions. A group's name tells nothing: it is the smallest
    hash in it, so that a new image can change it.
    """
    old_groups, new_groups = defaultdict(set), defaultdict(set)
    for old, new in both:
        old_groups[old.group].add(new.record.sha256)
        new_groups[new.group].add(new.record.sha256)
    return sum(old_groups[old.group] != new_groups[new.group] for old, new in both)


def _counts(rows: Sequence[ManifestRow]) -> dict[str, int]:
    return dict(sorted(Counter(row.record.label for row in rows).items()))
