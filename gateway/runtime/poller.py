"""Permit -> receive -> hand over. One poll while idle, more of them while each comes back full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.facts import Received, ReceiveFailed
from gateway.ports import QueueError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.message import Message
    from gateway.ports import Observer, Queue
    from gateway.runtime.permits import Permits

BATCH: Final = 10
MAX_PARALLEL_POLLS: Final = 10
FIRST_PAUSE_SECONDS: Final = 0.5
LAST_PAUSE_SECONDS: Final = 20.0
CONGESTION_PAUSE_SECONDS: Final = 0.1
FULL: Final = 1.0
BUSY: Final = 0.5
"""An extra poll goes on while it comes back so full: SQS often gives a few less than asked."""


class Poller:
    """Polls one queue. `hand_over` takes the messages of a receive and returns how many are new."""

    def __init__(
        self,
        *,
        route: str,
        queue: Queue,
        permits: Permits,
        observer: Observer,
        hand_over: Callable[[Sequence[Message]], int],
        congested: Callable[[], bool],
        chance: Callable[[], float],
        wait_seconds: int,
        lease_seconds: int,
    ) -> None:
        self._route, self._queue, self._permits = route, queue, permits
        self._observer, self._hand_over, self._congested = observer, hand_over, congested
        self._chance, self._wait_seconds = chance, wait_seconds
        self._lease_seconds = lease_seconds
        self._stopping = asyncio.Event()
        self._extra_polls = 0
        self.failure: str | None = None
        self.last_return_at = 0.0

    def stop(self) -> None:
        """Begin no new receive; those under way are awaited."""
        self._stopping.set()
        self._permits.close()

    async def run(self) -> None:
        """Poll until stopped. Extra polls come and go with the load."""
        failures = 0
        self.last_return_at = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as polls:
            while not self._stopping.is_set():
                fill = await self._poll()
                if fill == FULL:
                    self._add_poll(polls)
                failures = failures + 1 if fill is None else 0
                if failures:
                    await self._rest(self._backoff(failures))

    def _add_poll(self, polls: asyncio.TaskGroup) -> None:
        if self._extra_polls < MAX_PARALLEL_POLLS - 1 and self._permits.free >= BATCH:
            self._extra_polls += 1
            polls.create_task(self._poll_while_busy(polls), name=f"poll more {self._route}")

    async def _poll_while_busy(self, polls: asyncio.TaskGroup) -> None:
        try:
            while not self._stopping.is_set():
                fill = await self._poll()
                if fill is None or fill < BUSY:
                    return
                if fill == FULL:
                    self._add_poll(polls)
        finally:
            self._extra_polls -= 1

    async def _poll(self) -> float | None:
        """Receive once; return how full the batch was, 0..1, None when the receive failed."""
        while self._congested() and not self._stopping.is_set():
            await self._rest(CONGESTION_PAUSE_SECONDS)
        taken = await self._permits.take(BATCH)
        if not taken:
            return 0.0
        used = 0
        try:
            messages = await self._receive(taken)
            used = self._hand_over(messages) if messages else 0
        finally:
            self._permits.give(taken - used)
        return None if messages is None else len(messages) / taken

    async def _receive(self, limit: int) -> list[Message] | None:
        try:
            messages = await self._queue.receive(limit, self._wait_seconds, self._lease_seconds)
        except QueueError as error:
            self.failure = str(error)
            self._observer.notice(ReceiveFailed(self._route, self.failure))
            return None
        finally:
            self.last_return_at = asyncio.get_running_loop().time()
        self.failure = None
        self._observer.notice(Received(self._route, len(messages)))
        return messages

    def _backoff(self, failures: int) -> float:
        ceiling = min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 16))
        return ceiling * (0.5 + self._chance() / 2)

    async def _rest(self, seconds: float) -> None:
        """Sleep, but not beyond a stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
