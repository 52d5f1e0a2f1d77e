"""Several asynchronous generators read as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(streams: Sequence[AsyncIterator[T]]) -> AsyncIterator[T]:
    """Yield from all streams at once, each value as it comes.

    Args:
        streams: asynchronous generators; none waits for another.

    Raises:
        Exception: whatever a stream raises; the others are stopped then.
    """
    queue: asyncio.Queue[Any] = asyncio.Queue()
    end = object()

    async def drain(stream: AsyncIterator[T]) -> None:
        async for value in stream:
            queue.put_nowait(value)

    async def drain_all() -> None:
        try:
            await asyncio.gather(*(drain(stream) for stream in streams))
        finally:
            queue.put_nowait(end)

    task = asyncio.ensure_future(drain_all())
    try:
        while (value := await queue.get()) is not end:
            yield value
        await task
    finally:
        task.cancel()
