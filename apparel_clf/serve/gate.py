"""How many are let in: work in a few threads, a short queue, a budget of bytes, no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from apparel_clf.serve.limits import Limits
from apparel_clf.serve.problems import busy

T = TypeVar("T")


class Gate:
    """Counts what is inside, and refuses what would be too much; nothing waits without bound.

    All methods are called from one event loop, whose steps never overlap, so counting needs no
    lock.

    Args:
        limits: how much is let in.

    Attributes:
        working: requests that are computed or wait for a thread.
        held: bytes of uploads that are held.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="apparel-serve")
        self.working = 0
        self.held = 0

    def check(self) -> None:
        """Refuse early, before a body is read for which there is no worker.

        Raises:
            RequestError: the queue is full.
        """
        if self.working >= self._limits.workers + self._limits.waiting:
            raise busy()

    @contextmanager
    def budget(self) -> Iterator[Callable[[int], None]]:
        """Give a function that books bytes, and give all of them back at the end.

        Raises:
            RequestError: from the function, when all uploads together would be too large.
        """
        booked = 0

        def book(count: int) -> None:
            nonlocal booked
            if self.held + count > self._limits.memory:
                raise busy()
            self.held += count
            booked += count

        try:
            yield book
        finally:
            self.held -= booked

    async def run(self, work: Callable[[], T]) -> T:
        """Run work in a thread, as soon as one is free.

        Args:
            work: what to compute.

        Returns:
            What it returns.

        Raises:
            RequestError: the queue is full.
        """
        self.check()
        self.working += 1
        future = self._threads.submit(work)
        # Counted until the thread is done, not until somebody stops waiting for it.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        try:
            return await asyncio.wrap_future(future)
        finally:
            # An error leads back to this frame, and the future to the error: what the work was
            # given would stay.
            del future

    def _done(self) -> None:
        self.working -= 1

    def close(self) -> None:
        """Let the threads end once they have done their work; nothing new is taken."""
        self._threads.shutdown(wait=True, cancel_futures=True)
