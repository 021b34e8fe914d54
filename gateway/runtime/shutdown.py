"""The two-stage stop of a route: what it waits for, what it cuts, and what it gives back.

A soft stop lets polls and deliveries end and settles all; a hard one, or a deadline, cuts that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from gateway.runtime.backoff import CLOCK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.runtime.courier import Courier
    from gateway.runtime.fifo import Groups
    from gateway.runtime.in_flight import Hand, InHand
    from gateway.runtime.limiter import Lanes
    from gateway.runtime.settler import Settler

FLUSH_SECONDS: Final = 5.0
HALT_SECONDS: Final = 1.0


class Stop:
    """The stop of one route. `soft` is set once it is to stop, `hard` once it is to hurry."""

    def __init__(
        self,
        *,
        route: str,
        hand: Hand,
        lanes: Lanes,
        groups: Groups | None,
        courier: Courier,
        settler: Settler,
    ) -> None:
        self._route, self._hand, self._lanes = route, hand, lanes
        self._groups, self._courier, self._settler = groups, courier, settler
        self.soft, self.hard = asyncio.Event(), asyncio.Event()
        self._deadline = 0.0
        self._late: list[InHand] = []  # came in after the stop
        self._polls_ended = False

    def begin(self, drain_seconds: float) -> None:
        """Stop softly; deliveries get so long."""
        self._deadline = asyncio.get_running_loop().time() + drain_seconds
        self.soft.set()

    def came_late(self, entry: InHand) -> None:
        """Give it back once no poll is under way: a poll of our own would receive it again."""
        if self._polls_ended:
            self._settler.release(entry, 0)
        else:
            self._late.append(entry)

    async def until_soft(self, task: asyncio.Task[Any]) -> None:
        """Wait for the task, but not beyond the beginning of a stop."""
        await self._until_done({task}, self.soft)

    async def drain(
        self, polling: asyncio.Task[None], walks: Collection[asyncio.Task[None]]
    ) -> None:
        """Give back what waits, let deliveries end, await the polls."""
        self._lanes.close_room()
        if self._groups is not None:
            self._groups.give_back_waiting()
        polling.add_done_callback(lambda _: self._give_back_late())
        delivering = asyncio.create_task(self._courier.idle(), name=f"deliver {self._route}")
        await self._until_done({delivering, *walks}, self.hard, self._deadline)
        delivering.cancel()
        self._courier.cancel()
        for walk in walks:
            walk.cancel()
        await self._until_done({polling}, self.hard)
        self._give_back_late()
        await asyncio.wait({delivering, *walks})

    async def flush(self, tasks: asyncio.TaskGroup, polling: asyncio.Task[None]) -> None:
        """Settle all, for what is left of the drain and at least a few seconds."""
        flushing = tasks.create_task(self._let_go(polling), name=f"flush {self._route}")
        deadline = max(self._deadline, asyncio.get_running_loop().time() + FLUSH_SECONDS)
        await self._until_done({flushing}, self.hard, deadline)
        if self.hard.is_set():
            await asyncio.wait({flushing}, timeout=HALT_SECONDS)
        polling.cancel()
        if not flushing.done():
            flushing.cancel()
            self._settler.abandon()

    async def _let_go(self, polling: asyncio.Task[None]) -> None:
        """Settle all. After a hard stop a poll is under way still, and SQS may hand it just what
        is being given back: as long as there is time it is awaited, and gives that back too.
        """
        given_back = len(self._hand)
        await self._settler.flush()
        if given_back and not polling.done():
            await asyncio.wait({polling})
            await self._settler.flush()

    def _give_back_late(self) -> None:
        self._polls_ended = True
        while self._late:
            self._settler.release(self._late.pop(), 0)

    async def _until_done(
        self,
        tasks: Collection[asyncio.Task[Any]],
        cut_off: asyncio.Event,
        deadline: float | None = None,
    ) -> None:
        """Wait for the tasks, but not beyond the deadline or the event."""
        loop = asyncio.get_running_loop()
        cut = loop.create_task(cut_off.wait(), name=f"cut off {self._route}")
        try:
            while tasks and not cut.done():
                left = None if deadline is None else deadline - loop.time()
                if left is not None and left <= CLOCK_SECONDS:
                    return
                await asyncio.wait({cut, *tasks}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                tasks = {task for task in tasks if not task.done()}
        finally:
            cut.cancel()
