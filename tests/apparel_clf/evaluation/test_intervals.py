from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apparel_clf.errors import SettingsError
from apparel_clf.evaluation import paired_interval, wilson_interval


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # The original project's best epoch.
        (288, 337, 0.8130, 0.8882),
        (20, 20, 0.8389, 1.0000),
    ],
)
def test_agrees_with_published_values(hits, n, low, high):
    assert wilson_interval(hits, n) == pytest.approx((low, high), abs=6e-5)


def test_ends_are_exact_where_all_or_none_are_right():
    assert wilson_interval(0, 7)[0] == 0.0
    assert wilson_interval(7, 7)[1] == 1.0


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_holds_the_share_and_stays_within_0_and_1(pair):
    hits, n = pair
    low, high = wilson_interval(hits, n)
    assert 0 <= low <= hits / n <= high <= 1


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_mistakes_mirror_hits(pair):
    hits, n = pair
    low, high = wilson_interval(hits, n)
    assert wilson_interval(n - hits, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (-1, 5), (6, 5), (0, -1)])
def test_refuses_counts_that_cannot_be(hits, n):
    with pytest.raises(SettingsError, match="Received"):
        wilson_interval(hits, n)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 2635-2650, table III, method 10.
        ((36, 2, 12, 0), 0.0569, 0.3404),
        ((20, 2, 12, 16), 0.0562, 0.3292),
        ((18, 2, 12, 18), 0.0562, 0.3290),
        ((36, 0, 14, 0), 0.1528, 0.4167),
        ((35, 0, 14, 1), 0.1461, 0.4175),
        ((18, 0, 14, 18), 0.1441, 0.3963),
        ((2, 1, 97, 0), 0.8721, 0.9854),
        ((1, 1, 97, 1), 0.8736, 0.9850),
        ((0, 0, 30, 0), 0.8395, 1.0000),
        ((54, 0, 0, 0), -0.0664, 0.0664),
        ((30, 0, 0, 24), -0.0358, 0.0358),
    ],
)
def test_paired_agrees_with_published_values(counts, low, high):
    assert paired_interval(*counts) == pytest.approx((low, high), abs=1e-4)


PAIRS = st.tuples(*[st.integers(0, 300)] * 4).filter(any)


@given(PAIRS)
def test_paired_holds_the_difference_and_stays_within_1(counts):
    low, high = paired_interval(*counts)
    difference = (counts[2] - counts[1]) / sum(counts)
    assert -1 - 1e-9 <= low <= difference + 1e-9
    assert difference - 1e-9 <= high <= 1 + 1e-9


@given(PAIRS)
def test_paired_mirrors_when_the_two_are_exchanged(counts):
    both, first, second, neither = counts
    low, high = paired_interval(both, first, second, neither)
    assert paired_interval(both, second, first, neither) == pytest.approx((-high, -low))


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (-1, 2, 2, 2)])
def test_paired_refuses_counts_that_cannot_be(counts):
    with pytest.raises(SettingsError, match="Received"):
        paired_interval(*counts)
