"""Waiting for tasks, but not beyond an event or a deadline."""

from __future__ import annotations

import asyncio

import pytest

from gateway.aiokit.waiting import wait_until_done
from tests.fakes import VIRTUAL_TIME

pytestmark = VIRTUAL_TIME


@pytest.mark.parametrize(("cut_after", "deadline", "ends_after"), [(9, 9, 3), (1, 9, 1), (9, 2, 2)])
async def test_it_ends_with_the_tasks_the_event_or_the_deadline(
    cut_after: float, deadline: float, ends_after: float
) -> None:
    loop = asyncio.get_running_loop()
    began, cut_off = loop.time(), asyncio.Event()
    tasks = [asyncio.create_task(asyncio.sleep(seconds)) for seconds in (2, 3)]
    loop.call_later(cut_after, cut_off.set)
    await wait_until_done(tasks, cut_off, began + deadline)
    assert loop.time() - began == ends_after
    assert not any(task.cancelled() for task in tasks)
    await asyncio.gather(*tasks)


async def test_a_task_that_failed_is_done_and_its_error_is_its_owner_s() -> None:
    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await wait_until_done([task], asyncio.Event())
    assert isinstance(task.exception(), ValueError)
