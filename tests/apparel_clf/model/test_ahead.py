import threading
import time

import pytest

from apparel_clf.model.ahead import in_order


def test_results_come_in_the_items_order_whatever_takes_longest():
    def slow_first(number):
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * 10

    assert list(in_order(slow_first, range(20))) == [number * 10 for number in range(20)]


def test_nothing_gives_nothing():
    assert list(in_order(str, [])) == []


def test_two_are_worked_on_at_once():
    # Each waits for the other: one after the other, neither would ever end.
    meeting = threading.Barrier(2, timeout=120)
    assert sorted(in_order(lambda _: meeting.wait(), [1, 2])) == [0, 1]


def test_items_are_taken_only_a_few_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = in_order(lambda number: number, items())
    assert next(results) == 0
    assert len(taken) <= 4
    results.close()
    assert len(taken) <= 4


def test_a_failure_is_raised_in_its_turn():
    results = in_order(lambda number: 1 // number, [2, 1, 0, 5])
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_failure_of_the_items_is_raised_too():
    def items():
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(in_order(str, items()))
