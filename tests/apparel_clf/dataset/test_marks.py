import random

import pytest

from apparel_clf.dataset import MarkedNumbers, Marks


def test_marks_tell_what_is_new_as_a_set_does():
    drawn = random.Random(0)
    things = [f"B{drawn.randrange(500):09d}" for _ in range(2000)]
    marks, known = Marks(), set()
    for thing in things:
        assert (thing in marks) == (thing in known)
        assert marks.add(thing) == (thing not in known)
        known.add(thing)
    assert len(marks) == len(known)
    assert "never seen" not in marks
    marks.clear()
    assert not len(marks)
    assert things[0] not in marks


def test_marks_take_texts_and_several_at_once():
    marks = Marks()
    things = ["a", "b", "", ("a", "b"), ("b", "a"), ("a",), b"bytes"]
    assert all(marks.add(thing) for thing in things)
    assert not any(marks.add(thing) for thing in things)


def test_marked_numbers_are_those_of_a_dictionary():
    drawn = random.Random(1)
    numbers, known = MarkedNumbers(), {}
    for number in range(2000):
        key = str(drawn.randrange(800)).encode()
        numbers[key] = known[key] = number
    assert len(numbers) == len(known)
    assert all(key in numbers and numbers[key] == number for key, number in known.items())
    with pytest.raises(KeyError):
        numbers[b"never seen"]
    numbers.clear()
    assert not len(numbers)
    assert b"1" not in numbers
