"""Undo, by the decisions file alone: it holds after a reload, a crash and a restart.

Nothing is ever removed from the file. A step is what was decided with one key; undoing it appends,
for each of its images, what held of the image before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from apparel_clf.dataset import Decision


def last_step(decisions: Sequence[Decision]) -> str | None:
    """Return the last step that has not been undone, or None.

    Args:
        decisions: all of a dataset's, oldest first. Those without a step are passed over.

    Example:
        >>> last_step([Decision("reject", signature, step="a")])
        'a'
    """
    steps: dict[str, None] = {}
    for decision in decisions:
        if decision.undoes:
            steps.pop(decision.undoes, None)
        elif decision.step:
            steps[decision.step] = None
    return next(reversed(steps), None)


def undoing(decisions: Sequence[Decision], step: str, who: str, when: str) -> list[Decision]:
    """Return the decisions that undo a step.

    Args:
        decisions: all of a dataset's, oldest first.
        step: which one is undone.
        who: who undoes it.
        when: date and time, ISO 8601.

    Returns:
        What held before of each of the step's images. An image that somebody decided on since
        keeps that decision.

    Example:
        >>> undoing([Decision("reject", signature, step="a")], "a", "Ada", "")[0].action
        'restore'
    """
    undone = []
    for held in _standing(decisions).values():
        left = [decision for decision in held if decision.step != step]
        if len(left) < len(held):
            now = left[-1] if left else Decision("restore", held[-1].signature)
            undone.append(replace(now, step="", undoes=step, who=who, when=when))
    return undone


def _standing(decisions: Sequence[Decision]) -> dict[str, list[Decision]]:
    """What was decided of each image and not undone, oldest first, by sha256."""
    standing: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        held = standing[decision.signature.sha256]
        if decision.undoes:
            held[:] = [earlier for earlier in held if earlier.step != decision.undoes]
        else:
            held.append(decision)
    return standing
