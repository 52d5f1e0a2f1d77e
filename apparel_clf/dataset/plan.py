"""Decides what a version holds: a pure function of journals, the previous version and a policy.

No file, clock or random number is looked at here, and the order of the input makes no
difference. That is what makes an interrupted crawl, several crawlers and the next version simple.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeAlias

from apparel_clf._printable import json_text
from apparel_clf.dataset.decisions import Decision, rulings
from apparel_clf.dataset.duplicates import (
    DuplicateIndex,
    Match,
    choose_removals,
    connected,
    match,
)
from apparel_clf.dataset.records import ImageRecord, Rejection, check_labels
from apparel_clf.dataset.splits import (
    SPLITS,
    SplitUnit,
    assign_splits,
    check_fractions,
    merged_split,
)
from apparel_clf.dataset.staging import Journal
from apparel_clf.dataset.taken_back import still_known, taken_back
from apparel_clf.images import Keep

# An object by its sha256, or a product by its shop and ASIN.
_Identity: TypeAlias = "str | tuple[str, str]"
# A rejection's values by their names: equal for equal rejections only.
_REJECTION_ORDER = attrgetter(*sorted(f.name for f in fields(Rejection)))


@dataclass(frozen=True)
class Policy:
    """The choices that a version is made by.

    Args:
        val: share of each class for val, 0 to 1. Default .15.
        test: share of each class for test. Default .15.
        seed: another seed deals new groups differently. Default 0.

    Raises:
        SettingsError: `val` and `test` leave nothing to train on.
    """

    val: float = 0.15
    test: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        check_fractions(self.val, self.test)


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One image of a version.

    Args:
        record: where it comes from and what identifies it.
        split: train, val or test.
        group: name of the group of images that must share a split.
        duplicates: how many other pictures it stands for.
    """

    record: ImageRecord
    split: str
    group: str
    duplicates: int = 0

    @property
    def path(self) -> str:
        """The image's place in the version, with forward slashes."""
        return f"{self.split}/{self.record.label}/{self.record.sha256}.jpg"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, flat but for the signature, that `from_json` reads back."""
        own = {
            "path": self.path,
            "split": self.split,
            "group": self.group,
            "duplicates": self.duplicates,
        }
        values = self.record.to_json()
        signature: dict[str, Any] = values.pop("signature")
        return own | values | signature

    @classmethod
    def from_json(cls, values: dict[str, Any], keep: Keep = bytes) -> ManifestRow:
        """Build a row from what `to_json` returned.

        Args:
            values: from `to_json`.
            keep: as in `Signature.from_json`.

        Raises:
            DatasetError: the label is not a class name.
            KeyError, TypeError, ValueError: a value is missing or is not what a row holds.
        """
        record = ImageRecord.from_json(values | {"signature": values}, keep)
        row = cls(record, values["split"], str(values["group"]), int(values["duplicates"]))
        # A path that was not made from the row could lead anywhere.
        if row.split not in SPLITS or row.path != values["path"]:
            raise ValueError(f"split {row.split!r} and path {values['path']!r} do not fit")
        return row


@dataclass(frozen=True)
class Plan:
    """What a version will hold, before any file of it is written.

    Args:
        rows: its images, sorted by path.
        removed: pictures that another stands for, by kind (``exact``, ``near``).
        rejections: what was turned away, by the crawl or by this plan, sorted.
        policy: the choices that were applied.
        relabelled: how many of the images have a label that a person gave them. Default 0.
        remembered: splits, by sha256, of images that are not in the version: duplicates, and what
            was in an earlier one. If they come back they keep it. Default none.
    """

    rows: tuple[ManifestRow, ...]
    removed: Mapping[str, int]
    rejections: tuple[Rejection, ...]
    policy: Policy
    relabelled: int = 0
    remembered: Mapping[str, str] = field(default_factory=dict)

    def manifest(self) -> str:
        """Return the manifest: a line of JSON for each image."""
        return "".join(line.decode() for line in self.manifest_lines())

    @property
    def id(self) -> str:
        """The version's id: sha256 of the sorted manifest, in hex."""
        digest = hashlib.sha256()
        for line in self.manifest_lines():
            digest.update(line)
        return digest.hexdigest()

    def manifest_lines(self) -> Iterator[bytes]:
        """Yield the manifest's lines as its file holds them."""
        return _lines(self.rows)

    def rejection_lines(self) -> Iterator[bytes]:
        """Yield a line of JSON for each thing that was turned away, as its file holds them."""
        return _lines(self.rejections)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted."""
        return tuple(sorted({row.record.label for row in self.rows}))

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Number of images, by split and class."""
        counted = Counter((row.split, row.record.label) for row in self.rows)
        return {s: {label: counted[s, label] for label in self.classes} for s in SPLITS}

    def policy_values(self) -> dict[str, Any]:
        """Return the policy as plain values."""
        return asdict(self.policy)


def _lines(records: Iterable[ManifestRow | Rejection]) -> Iterator[bytes]:
    for record in records:
        text = json_text(record.to_json(), sort_keys=True)
        yield f"{text}\n".encode("utf-8", "replace")


def plan_version(
    journals: Iterable[Journal],
    previous: Sequence[ManifestRow] = (),
    policy: Policy = Policy(),
    decisions: Sequence[Decision] = (),
    remembered: Mapping[str, str] | None = None,
) -> Plan:
    """Decide what a person's decisions mean, duplicates, groups and splits.

    Args:
        journals: what crawls recorded, in any order.
        previous: rows of the version before, whose images and splits are kept.
        policy: shares and seed.
        decisions: what people decided about images, oldest first.
        remembered: splits, by sha256, of images that earlier versions held or knew.

    Returns:
        The plan. Equal input, in any order but for the decisions', gives an equal plan.

    Raises:
        DatasetError: two classes have names that some file systems take for one.

    Example:
        >>> plan = plan_version([read_journal(path)])
        >>> plan.counts["train"]
        {'jeans': 210, 'saree': 210, 'trousers': 210}
    """
    crawls = list(journals)
    back = taken_back(crawls, decisions)
    journals = [*crawls, back]
    known = [r.as_found() for r in still_known((row.record for row in previous), journals)]
    ruled = _Ruled.by(decisions, _all_records(known, journals))
    known = ruled.kept(known)
    journals = [replace(journal, images=ruled.kept(journal.images)) for journal in journals]
    disputed = _disputed(_all_records(known, journals), ruled.relabelled)
    records = [record for record in known if not disputed.of(record)]
    records += [record for journal in journals for record in _wanted(journal, disputed)]
    check_labels(record.label for record in records)
    had = dict(remembered or {}) | {row.record.sha256: row.split for row in previous}
    rows, removed, split_of = _rows(_by_object(records), had, policy)
    held = {row.record.sha256 for row in rows}
    crawled = [rejection for journal in crawls for rejection in _final_rejections(journal)]
    taken_in = {record.sha256 for record in back.images}
    crawled = [rejection for rejection in crawled if rejection.sha256 not in taken_in]
    turned_away = {*crawled, *disputed.rejections, *ruled.rejections}
    return Plan(
        rows=tuple(sorted(rows, key=lambda row: row.path)),
        removed=removed,
        rejections=tuple(sorted(turned_away, key=_REJECTION_ORDER)),
        policy=policy,
        relabelled=sum(row.record.sha256 in ruled.relabelled for row in rows),
        remembered={k: split for k, split in (had | split_of).items() if k not in held},
    )


def _all_records(known: Sequence[ImageRecord], journals: Sequence[Journal]) -> list[ImageRecord]:
    return [*known, *(record for journal in journals for record in journal.images)]


def _rows(
    seen_as: Sequence[Sequence[ImageRecord]], had: Mapping[str, str], policy: Policy
) -> tuple[list[ManifestRow], dict[str, int], dict[str, str]]:
    """The images to keep, how many others they stand for by kind, and the split of each image."""
    unique = [found[0] for found in seen_as]
    repeats = Counter({i: _repeats(found) for i, found in enumerate(seen_as) if len(found) > 1})
    signatures = [record.signature for record in unique]
    matches = list(match(signatures))
    removed = choose_removals(signatures, [m for m in matches if _same_label(unique, m)])
    names = _group_names(seen_as, matches)
    splits = _splits_of(seen_as, names, removed, had, policy)
    stands_for = Counter(repeats)
    for index, (kept, _) in removed.items():
        stands_for[kept] += 1 + repeats[index]
    rows = [
        ManifestRow(record, splits[names[i]], names[i], stands_for[i])
        for i, record in enumerate(unique)
        if i not in removed
    ]
    of_all = {record.sha256: splits[name] for record, name in zip(unique, names, strict=True)}
    return rows, {"exact": sum(repeats.values()), "near": len(removed)}, of_all


def _wanted(journal: Journal, disputed: _Disputed) -> list[ImageRecord]:
    """The undisputed images of each class up to the crawl's limit, in the shop's order.

    Pages are fetched side by side, so which images come last is chance; their place in the shop is
    not.
    """
    ordered = [record for record in journal.images if not disputed.of(record)]
    ordered.sort(key=lambda record: record.order)
    if journal.per_class is None:
        return ordered
    seen: dict[str, DuplicateIndex] = defaultdict(DuplicateIndex)
    taken = []
    for record in ordered:
        index = seen[record.label]
        if len(index) < journal.per_class:
            index.add(record.signature)
            taken.append(record)
    return taken


def _final_rejections(journal: Journal) -> list[Rejection]:
    """What stayed rejected: an image that failed at first and was decided on later is no loss, and
    of several failures the last counts.
    """
    asked = {r.place for r in journal.rejections if r.failed}
    decided = {record.place for record in journal.images if record.place in asked}
    decided |= {r.place for r in journal.rejections if not r.failed and r.place in asked}
    failed = {r.place: r for r in journal.rejections if r.failed and r.place not in decided}
    return [*(r for r in journal.rejections if not r.failed), *failed.values()]


@dataclass(frozen=True)
class _Ruled:
    """What people's decisions mean for the images at hand.

    Args:
        rulings: the decision that holds for each image, by sha256.
        rejections: a line for each image that is left out for it.
    """

    rulings: Mapping[str, Decision]
    rejections: tuple[Rejection, ...] = ()

    @classmethod
    def by(cls, decisions: Sequence[Decision], records: Sequence[ImageRecord]) -> _Ruled:
        """Find out for all images found."""
        if not decisions:
            return cls({})
        signatures = {record.sha256: record.signature for record in records}
        ruled = rulings([signatures[sha256] for sha256 in sorted(signatures)], decisions)
        rejections = (
            rejected(record, "rejected_by_hand", ruling.words)
            for record in records
            if (ruling := ruled.get(record.sha256)) and ruling.action == "reject"
        )
        return cls(ruled, tuple(rejections))

    @property
    def relabelled(self) -> frozenset[str]:
        """The sha256 of each image whose class a person has named."""
        return frozenset(s for s, ruling in self.rulings.items() if ruling.action == "relabel")

    def kept(self, records: Iterable[ImageRecord]) -> list[ImageRecord]:
        """Return the records that were not rejected, with the labels that people gave them."""
        kept = []
        for record in records:
            ruling = self.rulings.get(record.sha256)
            if ruling is None:
                kept.append(record)
            elif ruling.action == "relabel":
                kept.append(record.relabelled(ruling.label))
        return kept


@dataclass(frozen=True)
class _Disputed:
    """What was found under two classes: nobody knows which of them is right.

    Args:
        labels: the classes of each object and product that has more than one.
        certain: the sha256 of each image whose class a person has named.
        rejections: a line for each image that is left out for it.
    """

    labels: Mapping[_Identity, frozenset[str]]
    certain: frozenset[str]
    rejections: tuple[Rejection, ...] = ()

    def of(self, record: ImageRecord) -> frozenset[str]:
        """The classes among which an image is disputed; none for most."""
        if record.sha256 in self.certain:
            return frozenset()
        found = (self.labels.get(key, frozenset()) for key in _identities(record))
        return frozenset().union(*found)


def _disputed(records: Sequence[ImageRecord], certain: frozenset[str]) -> _Disputed:
    first: dict[_Identity, str] = {}
    several: dict[_Identity, set[str]] = {}
    for record in records:
        if record.sha256 not in certain:
            for key in _identities(record):
                label = first.setdefault(key, record.label)
                if label != record.label:
                    several.setdefault(key, {label}).add(record.label)
    disputed = _Disputed({key: frozenset(labels) for key, labels in several.items()}, certain)
    conflicts = (
        rejected(
            r, "label_conflict", f"found under {', '.join(sorted(of))}; it goes to none of them"
        )
        for r in records
        if (of := disputed.of(r))
    )
    return replace(disputed, rejections=tuple(conflicts))


def _identities(record: ImageRecord) -> Iterator[_Identity]:
    """What a record shares with others of the same thing: its object, and its product."""
    yield record.sha256
    if record.asin:
        yield record.source, record.asin


def rejected(record: ImageRecord, reason: str, detail: str, *, failed: bool = False) -> Rejection:
    """Turn away an image that had been accepted.

    Args:
        record: the image.
        reason: a stable name.
        detail: a sentence for a person.
        failed: whether nothing was decided, since the image could not be had. Default False.
    """
    return Rejection(
        label=record.label,
        reason=reason,
        detail=detail,
        sha256=record.sha256,
        asin=record.asin,
        image_url=record.image_url,
        source=record.source,
        query=record.query,
        title=record.title,
        page_url=record.page_url,
        page=record.page,
        position=record.position,
        failed=failed,
    )


def _by_object(records: Iterable[ImageRecord]) -> list[tuple[ImageRecord, ...]]:
    """All records of each stored object, by sha256; the first in the shop's order leads."""
    by_sha = sorted(records, key=lambda record: record.sha256)
    return [_in_order(found) for _, found in groupby(by_sha, key=lambda record: record.sha256)]


def _in_order(found: Iterable[ImageRecord]) -> tuple[ImageRecord, ...]:
    """One object's records, each once. Most objects have one, which is not hashed: that takes its
    thumbnail.
    """
    records = tuple(found)
    if len(records) == 1:
        return records
    by_place = sorted(set(records), key=lambda r: (r.order, r.source, r.page_url, r.image_url))
    return tuple(by_place)


def _repeats(found: Iterable[ImageRecord]) -> int:
    """How many products show this very object, beyond the first."""
    return len({record.product for record in found}) - 1


def _same_label(records: Sequence[ImageRecord], pair: Match) -> bool:
    return records[pair.first].label == records[pair.second].label


def _group_names(seen_as: Sequence[Sequence[ImageRecord]], matches: Iterable[Match]) -> list[str]:
    """Name each object's group: duplicates, and photos of one product, belong together."""
    pairs = [(pair.first, pair.second) for pair in matches]
    first_at: dict[str, dict[str, int]] = defaultdict(dict)
    for index, found in enumerate(seen_as):
        for record in found:
            first = first_at[record.source].setdefault(record.asin, index) if record.asin else index
            if first != index:
                pairs.append((first, index))
    # Objects are sorted by sha256, so the smallest index is the smallest hash of the group.
    return [seen_as[root][0].sha256[:16] for root in connected(len(seen_as), pairs)]


def _splits_of(
    seen_as: Sequence[Sequence[ImageRecord]],
    names: Sequence[str],
    removed: Mapping[int, Any],
    before: Mapping[str, str],
    policy: Policy,
) -> dict[str, str]:
    """The split of each group, from every split that any of it has had or came with."""
    had: dict[str, set[str]] = defaultdict(set)
    for found, name in zip(seen_as, names, strict=True):
        if splits := {before.get(found[0].sha256, ""), *(r.given_split for r in found)} - {""}:
            had[name] |= splits
    fixed = {name: split for name, splits in had.items() if (split := merged_split(splits))}
    units, alike = [], dict[tuple[str, ...], tuple[str, ...]]()
    kept = sorted((i for i in range(len(names)) if i not in removed), key=names.__getitem__)
    for name, group in groupby(kept, key=names.__getitem__):
        labels = tuple(sorted(seen_as[index][0].label for index in group))
        units.append(SplitUnit(name, alike.setdefault(labels, labels)))
    return assign_splits(units, val=policy.val, test=policy.test, seed=policy.seed, fixed=fixed)
