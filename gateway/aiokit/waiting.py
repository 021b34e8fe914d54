"""Waiting for tasks, with an event and a deadline that end the wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from gateway.aiokit.lazy_timer import CLOCK_RESOLUTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection


async def wait_until_done(
    tasks: Collection[asyncio.Task[Any]],
    cut_off: asyncio.Event,
    deadline: float | None = None,
) -> None:
    """Return when all tasks are done, the event is set, or the loop's clock is at `deadline`.

    It cancels none of them and raises nothing of theirs.
    """
    loop = asyncio.get_running_loop()
    cut = loop.create_task(cut_off.wait(), name="cut off")
    try:
        while tasks and not cut.done():
            left = None if deadline is None else deadline - loop.time()
            if left is not None and left <= CLOCK_RESOLUTION_SECONDS:
                return
            await asyncio.wait({cut, *tasks}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            tasks = {task for task in tasks if not task.done()}
    finally:
        cut.cancel()
