from __future__ import annotations

import asyncio
import random

import pytest

from crawler.order import InOrder
from crawler.streams import side_by_side


def test_things_pass_in_the_order_in_which_they_began():
    async def run(seed):
        order, passed = InOrder(), []
        rng = random.Random(seed)

        async def one(number):
            await asyncio.sleep(rng.random() / 500)
            if number % 3 == 0:  # turned away on the way
                order.through(number)
                return
            await order.turn(number)
            passed.append(number)
            order.through(number)
            order.through(number)

        await asyncio.gather(*(one(number) for number in range(1, 40)))
        return passed

    wanted = [number for number in range(1, 40) if number % 3]
    assert all(asyncio.run(run(seed)) == wanted for seed in range(5))


def test_streams_are_read_side_by_side():
    async def stream(name, gate, other):
        yield f"{name}1"
        other.set()
        await gate.wait()  # a stream that waits for another must not hold it up
        yield f"{name}2"

    async def run():
        a, b = asyncio.Event(), asyncio.Event()
        return [value async for value in side_by_side([stream("a", a, b), stream("b", b, a)])]

    assert sorted(asyncio.run(run())) == ["a1", "a2", "b1", "b2"]


def test_a_streams_error_is_raised():
    async def broken():
        yield 1
        raise ValueError("broken")

    async def run():
        return [value async for value in side_by_side([broken()])]

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(run())
