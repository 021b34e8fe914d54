"""Waiting until nothing is under way."""

from __future__ import annotations

import asyncio

from gateway.aiokit.idle import IdleCounter


async def test_nothing_under_way_is_idle_at_once() -> None:
    await IdleCounter().wait()


async def test_every_waiting_task_goes_on_when_the_last_one_has_ended() -> None:
    counter = IdleCounter()
    counter.count = 2
    waiting = [asyncio.create_task(counter.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert counter.awaited is True
    counter.count -= 1
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    counter.count -= 1
    counter.notify()
    await asyncio.gather(*waiting)
    assert counter.awaited is False


async def test_what_begins_before_the_waiting_task_runs_is_awaited_too() -> None:
    counter = IdleCounter()
    counter.count = 1
    waiting = asyncio.create_task(counter.wait())
    await asyncio.sleep(0)
    counter.count = 0
    counter.notify()
    counter.count = 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    counter.count = 0
    counter.notify()
    await waiting
