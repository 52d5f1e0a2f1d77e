from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.breaker import Breaker, retry_after_seconds


@pytest.fixture
def breaker():
    return Breaker(limit=3, backoff=10.0, longest=60.0)


def test_back_off_doubles_up_to_a_limit(breaker):
    assert [breaker.wait(tries) for tries in (1, 2, 3, 4, 9, 5000)] == [10, 20, 40, 60, 60, 60]


def test_a_shops_own_wish_is_never_undercut(breaker):
    assert breaker.wait(1, 25.0) == 25.0
    assert breaker.wait(3, 5.0) == 40.0
    assert breaker.wait(1, 3600.0) == 3600.0


def test_requests_of_one_moment_count_once(breaker):
    for _ in range(5):
        breaker.refused(sent_at=0)
    assert (breaker.streak, breaker.pauses_all, breaker.is_over) == (1, False, False)
    breaker.refused(sent_at=1)
    assert breaker.pauses_all
    breaker.refused(sent_at=2)
    assert breaker.is_over


def test_a_good_answer_starts_over(breaker):
    breaker.refused(0)
    breaker.good()
    breaker.refused(0)
    assert breaker.streak == 1


def test_the_streak_of_a_shop_lengthens_every_wait(breaker):
    breaker.refused(0)
    breaker.refused(1)
    assert breaker.wait(1) == 20.0


NOW = datetime(2026, 8, 1, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sat, 01 Aug 2026 12:00:30 GMT", 30.0),
        ("Sat, 01 Aug 2026 11:00:00 GMT", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999", 0.0),
        ("Mon, 01 Jan 0001 00:00:00 +1400", 0.0),
        ("-5", 0.0),
        ("1e9", 0.0),
        ("٣", 0.0),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_read(header):
    assert retry_after_seconds(header, NOW) >= 0.0
