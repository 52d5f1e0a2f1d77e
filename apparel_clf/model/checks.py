"""Checks of settings, each with a message that says what was expected and what came."""

from __future__ import annotations

import math
import numbers
from typing import Any

from apparel_clf.errors import SettingsError

#: What seeds, sizes and counts may be at most: the largest number that TensorFlow takes for one.
LARGEST = 2**31 - 1


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise SettingsError unless `value` is a whole number of at least `least`.

    Example:
        >>> check_whole("epochs", 0, 1)
        Traceback (most recent call last):
        apparel_clf.errors.SettingsError: Expected epochs to be a whole number of at least 1. ...
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or not least <= value <= LARGEST:
        most = f" and at most {LARGEST}" if whole and value > LARGEST else ""
        raise SettingsError(
            f"Expected {name} to be a whole number of at least {least}{most}. Received: {value!r}"
        )


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raise SettingsError unless `value` is one of `choices`."""
    if value not in choices:
        raise SettingsError(f"Expected {name} to be one of {choices}. Received: {value!r}")


def check_number(name: str, value: Any, *, least: float = 0.0, positive: bool = False) -> None:
    """Raise SettingsError unless `value` is a finite number of at least `least`.

    Args:
        name: what to call it in the message.
        value: what came.
        least: the smallest number that is allowed.
        positive: refuse 0 too.
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < least or (positive and value <= 0):
        bound = "above 0" if positive else f"of at least {least:g}"
        raise SettingsError(f"Expected {name} to be a finite number {bound}. Received: {value!r}")
