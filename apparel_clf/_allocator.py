"""The C library's allocator: what is freed goes back to the system. For programs of our own alone.

The C library of most Linux systems keeps a heap for each thread, and learns from the first large
block that is freed to take large blocks from these heaps. Pictures and pages of all sizes that come
and go then leave holes that are never given back: memory grows for as long as a program runs,
though nothing is held. An application that imports the library decides for itself.
"""

from __future__ import annotations

import ctypes
import gc
import linecache
import os
import sys
from typing import Any

MEGABYTE = 1 << 20
# glibc's number of each setting, by the variable with which a person may have made it.
_NUMBERS = {
    "MALLOC_TRIM_THRESHOLD_": -1,
    "MALLOC_MMAP_THRESHOLD_": -3,
    "MALLOC_ARENA_MAX": -8,
}


def hold_little(*, block: int, heaps: int, unused: int | None = None) -> bool:
    """Have the C library hold little of what is freed. Call it before anything large is loaded.

    What a person has set by an environment variable of the C library, ``MALLOC_…`` or a tunable,
    stays as it is.

    Args:
        block: from so many bytes a block is the system's own pages, gone once it is freed.
        heaps: how many of them threads may have.
        unused: bytes at a heap's end that are kept. Default None: the C library's own choice.

    Returns:
        Whether there is something to set: glibc's allocator. Others have no need.

    Example:
        >>> hold_little(block=8 * MEGABYTE, heaps=2)
        True
    """
    mallopt = _of_c_library("mallopt")
    if mallopt is None or "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    values = {
        "MALLOC_TRIM_THRESHOLD_": unused,
        "MALLOC_MMAP_THRESHOLD_": block,
        "MALLOC_ARENA_MAX": heaps,
    }
    for variable, value in values.items():
        if value is not None and variable not in os.environ:
            mallopt(_NUMBERS[variable], value)
    return True


def give_back() -> None:
    """Free what only circles of objects hold and the sources that Python read for tracebacks, and
    return freed memory to the system.

    What one stage of a program lets go of is then not counted beside what the next one takes.
    """
    linecache.clearcache()
    gc.collect()
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_c_library(name: str) -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return None
