"""A progress bar for work that takes longer than a second."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(
    items: Iterable[T], *, total: int | None = None, label: str = "", show: bool | None = None
) -> Iterator[T]:
    """Pass items on, drawing a bar on standard error if that is a terminal.

    Args:
        items: what to iterate over.
        total: number of items, where `items` has no length.
        label: what is being done, shown before the bar.
        show: draw (True), don't (False), or draw on a terminal only (None, the default).

    Yields:
        The items, unchanged. Without tqdm installed nothing is drawn.
    """
    if show is None:
        show = sys.stderr.isatty()
    if show:
        try:
            from tqdm import tqdm
        except ModuleNotFoundError:
            pass
        else:
            # delay: what is over within a second needs no bar.
            yield from tqdm(items, total=total, desc=label, unit="img", delay=1.0)
            return
    yield from items
