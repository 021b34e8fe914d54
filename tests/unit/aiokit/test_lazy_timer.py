"""A timer that is set often: it calls back once, at the moment that was set last."""

from __future__ import annotations

import asyncio

import uvloop

from gateway.aiokit.lazy_timer import LazyTimer
from tests.fakes import VIRTUAL_TIME


def timer() -> tuple[LazyTimer, list[float]]:
    loop = asyncio.get_running_loop()
    called: list[float] = []
    return LazyTimer(lambda: called.append(loop.time())), called


@VIRTUAL_TIME
async def test_it_calls_back_at_the_moment_set_last() -> None:
    lazy, called = timer()
    began = asyncio.get_running_loop().time()
    for seconds in (1, 2, 5):
        lazy.set(began + seconds)
    await asyncio.sleep(20)
    assert called == [began + 5]


@VIRTUAL_TIME
async def test_an_earlier_moment_takes_the_place_of_a_later_one() -> None:
    lazy, called = timer()
    began = asyncio.get_running_loop().time()
    lazy.set(began + 5)
    lazy.set(began + 1)
    await asyncio.sleep(20)
    assert called == [began + 1]


@VIRTUAL_TIME
async def test_it_can_be_set_again_from_its_own_call() -> None:
    loop = asyncio.get_running_loop()
    called: list[float] = []

    def again() -> None:
        called.append(loop.time())
        if len(called) < 3:
            lazy.set(loop.time() + 1)

    lazy = LazyTimer(again)
    began = loop.time()
    lazy.set(began + 1)
    await asyncio.sleep(20)
    assert called == [began + 1, began + 2, began + 3]


@VIRTUAL_TIME
async def test_cleared_or_cancelled_it_does_not_call_until_it_is_set_again() -> None:
    lazy, called = timer()
    began = asyncio.get_running_loop().time()
    lazy.set(began + 1)
    lazy.clear()
    await asyncio.sleep(2)
    lazy.set(began + 3)
    lazy.cancel()
    await asyncio.sleep(2)
    lazy.set(began + 5)
    await asyncio.sleep(2)
    assert called == [began + 5]


def test_uvloop_takes_moments_that_have_come_and_are_set_again() -> None:
    """Its handle of a moment in the past has no `when()`."""

    async def set_twice() -> list[float]:
        lazy, called = timer()
        now = asyncio.get_running_loop().time()
        lazy.set(now)
        lazy.set(now)
        while not called:  # noqa: ASYNC110 - turns of the loop, no time
            await asyncio.sleep(0)
        lazy.set(now)
        while len(called) < 2:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        return called

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert len(runner.run(set_twice())) == 2
