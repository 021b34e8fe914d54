"""The drain of a queue: receives until nothing is left, in the running loop's time."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.adapters.sqs.drain.mover import Mover, RefusedError
from gateway.adapters.sqs.send_results import is_unreachable
from gateway.core.sqs_limits import MAX_BATCH_ENTRIES
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.sqs.drain.ends import Depth, Depths, From, To
    from gateway.ports import Batch

LEASE_SECONDS: Final = 120
"""Far more than a batch takes, so that no message is received again meanwhile."""

WAIT_SECONDS: Final = 2
"""A poll is never cut off, so a stop waits for it."""

SIDE_BY_SIDE: Final = 8
"""Batches that are moved at the same time."""

MAX_BACKOFF_SECONDS: Final = 30.0
TICK_SECONDS: Final = 5.0
ZEROS: Final = 3
"""How often the queue has to be empty: its counts are approximate."""


class DrainError(Exception):
    """What ends a drain early; `what_to_do` may be empty."""

    def __init__(self, why: str, what_to_do: str = "") -> None:
        super().__init__(why)
        self.what_to_do = what_to_do


class Drain:
    """One drain. `lease_seconds` is the visibility timeout of the queue that is drained.

    `rate` is messages a second, None without a limit. `report` gets the messages moved so far and
    the depth, every few seconds; `warn` gets sentences.
    """

    def __init__(
        self,
        source: From,
        target: To,
        depths: Depths,
        *,
        fifo: bool,
        lease_seconds: int,
        rate: float | None = None,
        report: Callable[[int, Depth], None],
        warn: Callable[[str], None],
    ) -> None:
        self._source = source
        self._depths = depths
        self._mover = Mover(source, target, warn, fifo=fifo)
        self._lease_seconds = lease_seconds
        self._rate = rate
        self._report = report
        self._warn = warn
        self._ending = asyncio.Event()
        self._stopped = False
        self._error: DrainError | None = None
        self._slots = asyncio.Semaphore(SIDE_BY_SIDE)
        self._next_at = 0.0
        self._backoff = 0.0
        self._zeros: list[float] = []  # when the queue was seen empty, since the last message

    @property
    def moved(self) -> int:
        """Messages that are with the other queue."""
        return self._mover.moved

    def stop(self) -> None:
        """Receive no more; what was received is still moved."""
        self._stopped = True
        self._ending.set()

    async def run(self) -> bool:
        """Return whether the queue is empty; false once it was stopped. Raises DrainError."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch(), name="depth")
            while not self._ending.is_set():
                await self._slots.acquire()
                batch = await self._receive()
                if batch:
                    tasks.create_task(self._move(batch), name="move")
                else:
                    self._slots.release()
        if self._error is not None:
            raise self._error
        return not self._stopped

    async def _receive(self) -> Batch | None:
        """Return a batch, None where there is nothing to move."""
        await self._sleep(max(self._next_at - _now(), self._backoff))
        if self._ending.is_set():
            return None
        try:
            batch = await self._source.receive(self._limit(), WAIT_SECONDS, LEASE_SECONDS)
        except SourceError as error:
            self._failed(error)
            return None
        for unreadable in batch.unreadable:
            self._end(f"message {unreadable.message_id} cannot be read: {unreadable.why}")
        if batch or batch.unreadable:
            self._zeros.clear()
        else:
            self._backoff = 0.0
        if self._rate is not None:
            self._next_at = max(self._next_at, _now()) + len(batch) / self._rate
        return batch

    def _limit(self) -> int:
        """Return how many to receive: what was received does not wait for the rate."""
        if self._rate is None:
            return MAX_BATCH_ENTRIES
        return min(MAX_BATCH_ENTRIES, max(1, math.floor(self._rate)))

    async def _move(self, batch: Batch) -> None:
        try:
            if await self._mover.move(batch):
                self._backoff = 0.0
            else:
                self._back_off()
        except SourceError as error:
            self._failed(error)
        except RefusedError as error:
            self._end(str(error))
        finally:
            self._slots.release()

    async def _watch(self) -> None:
        """End the drain once the queue was empty three times over more than its lease."""
        tick = min(TICK_SECONDS, max(self._lease_seconds / ZEROS, 0.5))
        while not self._ending.is_set():
            try:
                depth = await self._depths.depth()
            except SourceError as error:
                self._zeros.clear()
                self._failed(error)
            else:
                self._report(self.moved, depth)
                self._look_at(depth)
            await self._sleep(tick)

    def _look_at(self, depth: Depth) -> None:
        if depth.total:
            self._zeros.clear()
            return
        self._zeros.append(_now())
        if len(self._zeros) >= ZEROS and _now() - self._zeros[0] > self._lease_seconds:
            self._ending.set()

    def _failed(self, error: SourceError) -> None:
        if is_unreachable(error.code):  # which does not change by itself
            self._end(error.why, error.what_to_do)
            return
        self._warn(f"{error.why}; it is tried again")
        self._back_off()

    def _back_off(self) -> None:
        self._backoff = min(MAX_BACKOFF_SECONDS, max(1.0, self._backoff * 2))

    def _end(self, why: str, what_to_do: str = "") -> None:
        self._error = self._error or DrainError(why, what_to_do)
        self._ending.set()

    async def _sleep(self, seconds: float) -> None:
        """Sleep, at most until the drain ends."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
