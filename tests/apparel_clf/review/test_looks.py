"""The order without a model: whose look-alikes are of another class comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apparel_clf.dataset import open_version
from apparel_clf.review import Looks, Order, order_by_looks
from apparel_clf.review.looks import features


@pytest.fixture
def rows(dataset, named):
    return open_version(dataset / "latest").rows


def test_the_wrong_one_is_first_flagged_and_explained(rows, named):
    order = order_by_looks(rows)
    assert order.ranked()[0] == named["wrong"]
    found = order.of(named["wrong"])
    assert (found.suggested, found.flagged) == ("saree", True)
    assert found.why.startswith("looks like saree: so are ")
    assert sorted(order.ranked()) == sorted(row.record.sha256 for row in rows)
    assert all(0 <= s.score <= 1 for s in order.suspicions.values())


def test_few_of_the_others_are_flagged(rows):
    flagged = [s for s in order_by_looks(rows).suspicions.values() if s.flagged]
    assert len(flagged) <= 4
    assert all(
        s.suggested is None for s in order_by_looks(rows).suspicions.values() if not s.flagged
    )


def test_doubles_do_not_vouch_for_each_other(rows, named):
    """Copies of a wrong image with the same wrong label leave it as suspicious as it was."""
    wrong = next(row for row in rows if row.record.sha256 == named["wrong"])
    doubles = [
        replace(
            wrong,
            record=replace(
                wrong.record, signature=replace(wrong.record.signature, sha256=f"{n:064x}")
            ),
        )
        for n in range(8)
    ]
    order = order_by_looks([*rows, *doubles])
    assert {order.of(sha256).suggested for sha256 in (named["wrong"], f"{3:064x}")} == {"saree"}


def test_order_of_the_rows_makes_no_difference_worth_the_name(rows):
    one, other = order_by_looks(rows), order_by_looks(rows[::-1])
    assert one.ranked()[:3] == other.ranked()[:3]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_versions_of_next_to_nothing(rows, count):
    order = order_by_looks(rows[:count])
    assert len(order.ranked()) == count
    assert not any(s.flagged for s in order.suspicions.values())


def test_equal_pictures_have_no_distance_and_no_trouble(rows):
    same = rows[0].record.signature
    equal = [
        replace(row, record=replace(row.record, signature=replace(same, sha256=row.record.sha256)))
        for row in rows
    ]
    assert np.isfinite(features([row.record.signature for row in equal])).all()
    scores = [s.score for s in Order.by(Looks(), equal).suspicions.values()]
    assert np.isfinite(scores).all()


def test_features_are_few_and_of_one_kind(rows):
    found = features([row.record.signature for row in rows])
    assert found.dtype == np.float32
    assert found.shape[0] == len(rows)
    assert found.shape[1] <= 64
    spread = np.square(found).sum(0)
    assert (np.diff(spread) <= 1e-3 * spread[0]).all()
