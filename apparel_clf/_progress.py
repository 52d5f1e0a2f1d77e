"""Tells how far work is that takes longer than a second: a bar, or now and then a line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")

# Where nobody watches a bar, in a log: often enough to see that it goes on.
_SECONDS_BETWEEN_LINES = 20.0


def progress(
    items: Iterable[T], *, total: int | None = None, label: str = "", show: bool | None = None
) -> Iterator[T]:
    """Pass items on, telling on standard error how far it is.

    On a terminal a bar is drawn. Elsewhere, as in a log, and without tqdm, a plain line is written
    every 20 seconds, so that what is over sooner writes nothing.

    Args:
        items: what to iterate over.
        total: number of items, where `items` has no length.
        label: what is being done, shown before the bar.
        show: draw a bar (True), tell nothing (False), or a bar on a terminal and lines elsewhere
            (None, the default).

    Yields:
        The items, unchanged.
    """
    if show is False or sys.stderr is None:
        yield from items
        return
    if show or sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ModuleNotFoundError:
            pass
        else:
            # delay: what is over within a second needs no bar.
            yield from tqdm(items, total=total, desc=label, unit="img", delay=1.0)
            return
    if total is None and isinstance(items, Sized):
        total = len(items)
    yield from _with_lines(items, total, label)


def _with_lines(items: Iterable[T], total: int | None, label: str) -> Iterator[T]:
    """Pass items on, with a line now and then: ``train: 120 of 546``."""
    told = time.monotonic()
    of = "" if total is None else f" of {total:,}"
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - told >= _SECONDS_BETWEEN_LINES:
            told = now
            sys.stderr.write(f"{label}: {done:,}{of}\n")
            sys.stderr.flush()
        yield item
