"""An event loop in a thread of its own: tests block, services go on answering."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

import uvloop

from tests.integration.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class LoopThread:
    """Use as a context manager; what still runs at its end is cancelled.

    On uvloop, as the gateway: a server that is closed leaves no connection half accepted there.
    """

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="services")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(_end_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it in the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_SECONDS)


class Gate:
    """Holds back answers until a test opens it."""

    def __init__(self, thread: LoopThread) -> None:
        self._loop, self._event = thread.loop, asyncio.Event()

    def open(self) -> None:
        """Let all answers pass, from now on."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def passed(self) -> None:
        """Return once it is open."""
        await self._event.wait()


async def _end_tasks() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
