"""Gives freed memory back."""

from __future__ import annotations

import ctypes
from typing import Any


def give_back() -> None:
    """Return freed memory to the system, where the C library is one that keeps it: glibc.

    What a crawl lets go of at its end is then not counted beside what publishing takes.
    """
    try:
        trim: Any = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return
    trim(0)
