"""Undo works from the file alone, whoever wrote to it in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apparel_clf.dataset import Decision
from apparel_clf.dataset.decisions import in_force
from apparel_clf.images import sign
from apparel_clf.review.undo import last_step, undoing


@pytest.fixture(scope="module")
def signatures(jpeg):
    return [sign(jpeg(seed)) for seed in range(3)]


def undone(decisions):
    """Append what undoes the last step."""
    return [*decisions, *undoing(decisions, last_step(decisions), "Bob", "now")]


def holds(decisions):
    return {d.signature.sha256: (d.action, d.label) for d in in_force(decisions)}


def test_without_steps_there_is_nothing_to_undo(signatures):
    assert last_step([]) is None
    assert last_step([Decision("reject", signatures[0])]) is None


def test_a_step_of_several_images_is_undone_together(signatures):
    decisions = [Decision("reject", s, step="a") for s in signatures]
    after = undone(decisions)
    assert holds(after) == {}
    assert last_step(after) is None
    assert [(d.undoes, d.step, d.who) for d in after[3:]] == [("a", "", "Bob")] * 3


def test_undo_brings_back_what_held_before(signatures):
    one = signatures[0]
    decisions = [
        Decision("relabel", one, "saree", who="Ada", why="by the seam"),
        Decision("reject", one, step="a"),
    ]
    after = undone(decisions)
    assert holds(after) == {one.sha256: ("relabel", "saree")}
    assert after[-1].why == "by the seam"


def test_steps_are_undone_one_after_the_other(signatures):
    one, two, _ = signatures
    decisions = [
        Decision("reject", one, step="a"),
        Decision("relabel", one, "saree", step="b"),
        Decision("reject", two, step="c"),
    ]
    states = []
    while last_step(decisions):
        decisions = undone(decisions)
        states.append(holds(decisions))
    first = {one.sha256: ("relabel", "saree")}
    assert states == [first, {one.sha256: ("reject", "")}, {}]


def test_a_step_after_an_undo_is_undone_to_what_held_then(signatures):
    one = signatures[0]
    decisions = undone([Decision("reject", one, step="a")])
    decisions = undone([*decisions, Decision("relabel", one, "saree", step="b")])
    assert holds(decisions) == {}
    assert last_step(decisions) is None


def test_what_somebody_decided_since_stays(signatures):
    one, two, _ = signatures
    decisions = [
        Decision("reject", one, step="a"),
        Decision("reject", two, step="a"),
        Decision("relabel", one, "saree", who="Bob"),
    ]
    after = undone(decisions)
    assert holds(after) == {one.sha256: ("relabel", "saree")}
    assert last_step(after) is None


def test_an_image_that_is_twice_in_a_step_counts_once(signatures):
    twice = [Decision("reject", signatures[0], step="a")] * 2
    assert len(undoing(twice, "a", "", "")) == 1
    assert holds(undone([replace(twice[0], step=""), *twice])) == {
        signatures[0].sha256: ("reject", "")
    }
