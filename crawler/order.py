"""Things that finish in any order, passed on in the order in which they began."""

from __future__ import annotations

import asyncio


class InOrder:
    """A queue of numbered things: each waits until all before it are through.

    Downloads finish in any order. Which of two equal pictures counts as the duplicate, and when a
    class has enough, must not depend on that.

    Example:
        >>> order = InOrder()
        >>> await order.turn(1)     # returns at once: it is the first
        >>> order.through(1)        # now number 2 may go
    """

    def __init__(self) -> None:
        self._next = 1
        self._through: set[int] = set()
        self._waiting: dict[int, asyncio.Event] = {}

    async def turn(self, number: int) -> None:
        """Wait until everything with a lower number is through.

        Args:
            number: from 1, without gaps.
        """
        if number > self._next:
            await self._waiting.setdefault(number, asyncio.Event()).wait()

    def through(self, number: int) -> None:
        """Say that one is through, whether it was accepted or turned away. Twice does no harm."""
        if number >= self._next:
            self._through.add(number)
        while self._next in self._through:
            self._through.remove(self._next)
            self._next += 1
        event = self._waiting.pop(self._next, None)
        if event is not None:
            event.set()
