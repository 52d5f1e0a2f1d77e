from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apparel_clf.dataset.splits import SPLITS, SplitUnit, assign_splits, merged_split
from apparel_clf.errors import SettingsError

labels = st.sampled_from(["jeans", "trousers", "saree"])
groups = st.lists(st.lists(labels, min_size=1, max_size=4), min_size=1, max_size=60)


def units_of(members):
    return [SplitUnit(f"g{i}", tuple(m)) for i, m in enumerate(members)]


def test_shares_are_met_by_class():
    units = [SplitUnit(f"{label}{i}", (label,)) for label in ("a", "b") for i in range(200)]
    splits = assign_splits(units, val=0.2, test=0.1)
    counted = Counter((unit.labels[0], splits[unit.key]) for unit in units)
    for label in ("a", "b"):
        assert [counted[label, split] for split in SPLITS] == [140, 40, 20]


@given(groups, st.integers(0, 5), st.randoms())
def test_order_of_input_makes_no_difference(members, seed, random):
    units = units_of(members)
    expected = assign_splits(units, seed=seed)
    random.shuffle(units)
    assert assign_splits(units, seed=seed) == expected


@given(groups, groups)
def test_what_had_a_split_keeps_it(old, new):
    before = assign_splits(units_of(old))
    after = assign_splits(units_of(old + new), fixed=before)
    assert {key: after[key] for key in before} == before


def test_another_seed_is_another_split():
    units = [SplitUnit(str(i), ("a",)) for i in range(100)]
    assert assign_splits(units, seed=0) != assign_splits(units, seed=1)


def test_a_share_of_nothing_gets_nothing():
    units = [SplitUnit(str(i), ("a",)) for i in range(20)]
    assert set(assign_splits(units, val=0, test=0).values()) == {"train"}


def test_three_images_are_trained_on_and_validated():
    splits = assign_splits([SplitUnit(str(i), ("a",)) for i in range(3)])
    assert Counter(splits.values())["train"] >= 2


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.5, 0.5), (1.0, 0.0), (0.2, 1.2)])
def test_shares_that_leave_nothing_are_refused(val, test):
    with pytest.raises(SettingsError, match="leave some to train on"):
        assign_splits([], val=val, test=test)


@pytest.mark.parametrize(
    ("had", "expected"),
    [
        ([], None),
        (["test"], "test"),
        (["test", "val"], "val"),
        (["val", "train", "test"], "train"),
    ],
)
def test_merged_groups_never_test_on_what_was_trained_on(had, expected):
    assert merged_split(had) == expected
