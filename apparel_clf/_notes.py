"""Whether this process is a program of ours, whose standard error holds what we mean to say."""

from __future__ import annotations

_hidden = False


def hide_notes() -> None:
    """Keep TensorFlow's start-up notes, which no user can act on, out of standard error.

    For programs, which own their standard error: a library must leave its user's alone.
    """
    global _hidden
    _hidden = True


def notes_are_hidden() -> bool:
    """Whether `hide_notes` was called."""
    return _hidden
