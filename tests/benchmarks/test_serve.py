"""The load test judges made-up answers rightly, and what it sends is what it says it sends."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.serve.load import Answered, Watch
from benchmarks.serve.tables import Round, by_kind, figures, markdown, statuses, unexpected
from benchmarks.serve.uploads import Case, cases

GOOD = Case("a picture", "good", b"", frozenset({200, 503}))
CUT = Case("cut short", "hostile", b"", frozenset({0}))
ANSWERED = [
    Answered(GOOD, 200, 0.010),
    Answered(GOOD, 200, 0.030),
    Answered(GOOD, 500, 0.020),
    Answered(CUT, 0, 0.001),
]
WATCH = Watch([10_000_000, 90_000_000, 20_000_000, 80_000_000, 30_000_000, 70_000_000, 40_000_000])


@pytest.fixture(scope="module")
def sent() -> list[Case]:
    return cases()


@pytest.fixture
def found() -> Round:
    watch = replace(WATCH, rss=[*WATCH.rss, 60_000_000])
    return Round("Tiny", "onnx", 2.0, 8, ANSWERED, watch)


def test_memory_is_told_by_quarters():
    assert [WATCH.peak(quarter) for quarter in range(4)] == WATCH.rss[:4]
    full = Watch([*WATCH.rss, 60_000_000])
    assert [full.peak(quarter) / 1e6 for quarter in range(4)] == [90, 80, 70, 60]
    assert [full.low(quarter) / 1e6 for quarter in range(4)] == [10, 20, 30, 40]


def test_too_few_looks_at_memory_are_an_error():
    with pytest.raises(BenchmarkError, match="--seconds 1"):
        Watch([1, 2, 3]).low(0)


def test_only_wrong_answers_are_unexpected():
    assert unexpected(ANSWERED) == [ANSWERED[2]]
    assert statuses(ANSWERED) == {"200": 2, "500": 1, "hung up": 1}
    assert {kind: len(rows) for kind, rows in by_kind(ANSWERED).items()} == {
        "good": 3,
        "bad": 0,
        "hostile": 1,
    }


def test_times_are_in_milliseconds_and_none_is_none():
    told = figures(ANSWERED[:3])
    assert (told["requests"], told["unexpected"]) == (3, 1)
    assert told["p50_ms"] == pytest.approx(20)
    assert 29 < told["p99_ms"] <= 30
    assert figures([])["requests"] == 0


def test_a_round_is_told_in_full(found):
    text = markdown([found], {"CPUs": "2"})
    assert "## Tiny (onnx)" in text
    assert "4 requests (2 a second), 1 unexpected" in text
    assert "10–90, 20–80, 30–70, 40–60 MB" in text
    assert "| a picture" in text
    assert "- CPUs: 2" in text
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["low_mb_by_quarter"] == [10, 20, 30, 40]
    assert plain["peak_mb_by_quarter"] == [90, 80, 70, 60]
    assert plain["cases"]["a picture"]["statuses"] == {"200": 2, "500": 1}


def test_every_kind_of_request_is_there_once_and_whole(sent):
    assert {case.kind for case in sent} == {"good", "bad", "hostile"}
    assert len({case.name for case in sent}) == len(sent)
    for case in sent:
        head, _, body = case.raw.partition(b"\r\n\r\n")
        if head.startswith((b"POST", b"GET")):
            assert b"Content-Length: %d" % len(body) in head
        else:
            assert case.name == "no HTTP at all"
        assert case.cut is None or len(head) < case.cut < len(case.raw)


def test_a_busy_service_may_say_so_and_none_may_fail(sent):
    for case in sent:
        assert 500 not in case.expected
        assert (503 in case.expected) == (case.raw[:4] == b"POST" and case.cut is None)
