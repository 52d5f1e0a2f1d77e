"""Who goes into train, val and test: whole groups, in the right shares, for good."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apparel_clf.errors import SettingsError

#: The splits, in this order everywhere.
SPLITS = ("train", "val", "test")

# Where two groups that already have different splits turn out to be one, the merged group goes to
# the first of these that is among them. What was trained on is thus never tested on: an image may
# leave a held-out split, but none enters one after it has been seen in training.
_MERGE_ORDER = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class SplitUnit:
    """A group of images that must share a split.

    Args:
        key: what identifies the group, the same in every run; decides its place in the shuffle.
        labels: the label of each of its images.
    """

    key: str
    labels: tuple[str, ...]


def check_fractions(val: float, test: float) -> None:
    """Raise SettingsError unless val and test leave something to train on."""
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise SettingsError(
            f"Expected shares val and test from 0 to 1 that leave some to train on. "
            f"Received: val={val}, test={test}"
        )


def merged_split(splits: Iterable[str]) -> str | None:
    """Return the split of a group whose images had these splits before, or None if none had.

    Example:
        >>> merged_split(["test", "train"])
        'train'
    """
    had = set(splits)
    return next((split for split in _MERGE_ORDER if split in had), None)


def assign_splits(
    units: Sequence[SplitUnit],
    *,
    val: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    fixed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Give each group a split: stratified by label, random by `seed`, stable.

    Each group goes where its label lacks most against its share, large groups first. The order of
    `units` makes no difference.

    Args:
        units: the groups.
        val: share of each label's images for val, 0 to 1. Default .15.
        test: share for test. Default .15.
        seed: another seed gives another split.
        fixed: splits that some groups have already, by key; they are kept.

    Returns:
        The split of each group, by key.

    Raises:
        SettingsError: `val` and `test` leave nothing for train.

    Example:
        >>> assign_splits([SplitUnit("a", ("jeans",))])
        {'a': 'train'}
    """
    check_fractions(val, test)
    shares = {"train": 1 - val - test, "val": val, "test": test}
    result = {unit.key: fixed[unit.key] for unit in units if fixed and unit.key in fixed}
    totals = Counter(label for unit in units for label in unit.labels)
    filled = Counter(
        (result[unit.key], label) for unit in units if unit.key in result for label in unit.labels
    )
    free = [unit for unit in units if unit.key not in result]
    free.sort(key=lambda unit: _shuffled(unit.key, seed))
    free.sort(key=lambda unit: -len(unit.labels))
    for unit in free:
        lack = {split: _lack(unit, shares[split], split, totals, filled) for split in SPLITS}
        best = max(SPLITS, key=lambda split: lack[split])
        result[unit.key] = best
        filled.update((best, label) for label in unit.labels)
    return result


def _lack(
    unit: SplitUnit,
    share: float,
    split: str,
    totals: Mapping[str, int],
    filled: Mapping[tuple[str, str], int],
) -> float:
    """How many images of this unit's labels the split is short of; -inf for a split not wanted."""
    if share <= 0:
        return float("-inf")
    wanted = set(unit.labels)
    return sum(share * totals[label] - filled.get((split, label), 0) for label in sorted(wanted))


def _shuffled(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
