"""Work on the next batches while the last ones are still being computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# One batch leaves cores idle wherever one of its steps runs in a single thread. A third would
# only need memory.
_AT_ONCE = 2


def in_order(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Apply a function to items in threads, yielding results in the items' order.

    Items are taken only a few ahead of what was yielded, so a long stream needs little memory.

    Args:
        function: safe to call from two threads at once; one that computes in TensorFlow lets
            Python go on meanwhile.
        items: taken in the caller's thread, so making them overlaps with the work on others.

    Yields:
        The result for each item.

    Raises:
        Exception: whatever the function or the items raise, in its turn.

    Example:
        >>> list(in_order(str.upper, ["a", "b"]))
        ['A', 'B']
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > _AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
