"""Permit -> receive -> hand over. One poll while idle, more of them while each comes back full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.events import Received, ReceiveFailed
from gateway.ports import SourceError
from gateway.runtime.backoff import exponential_backoff
from gateway.runtime.permits import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.messages.message import Message
    from gateway.ports import Observer, Source
    from gateway.runtime.limiter import Lanes
    from gateway.runtime.permits import Grant, Permits
    from gateway.runtime.poll_budget import ExtraPolls

BATCH: Final = 10
FIRST_BACKOFF_SECONDS: Final = 0.5
LAST_BACKOFF_SECONDS: Final = 20.0
CONGESTION_PAUSE_SECONDS: Final = 0.02  # short: the seats must not run empty meanwhile
SHORT_POLL_PAUSE_SECONDS: Final = 0.2  # an empty receive that comes back at once: `wait: 0s`, say
FULL: Final = 1.0
FEW: Final = 5
LONGEST_GATHERING_SECONDS: Final = 0.005
SHORTEST_GATHERING_SECONDS: Final = 0.001
"""After a receive that was not full messages may gather until there are a few, but not for long:
at 1,000 messages a second that makes 5 a receive of 1.7 (docs/explanation/cost.md). Where they come
so fast that a few are there in less than the event loop's timers can tell apart, a receive brings
them anyway: to wait there took the slowest hundredth from 1.5 ms to 2.3 and saved no request."""

RATE_SECONDS: Final = 0.2  # over which arrivals are averaged
BUSY: Final = 0.5
"""An extra poll goes on while it comes back so full: SQS often gives a few less than asked."""


class Poller:
    """Polls one queue. `hand_over` takes the messages of a receive, and when their leases began at
    the latest; it returns the sizes in bytes of those that are new. `hurry` has settlements sent
    that hold permits.

    `moved_at` is when a receive last began or ended, or was put off for want of room: one that
    hangs stays behind.
    """

    def __init__(  # noqa: PLR0913 - the parts that it joins
        self,
        *,
        route: str,
        queue: Source,
        permits: Permits,
        observer: Observer,
        hand_over: Callable[[Sequence[Message], float], Sequence[int]],
        lanes: Lanes,
        hurry: Callable[[], None],
        random: Callable[[], float],
        extra_polls: ExtraPolls,
        wait_seconds: int,
        lease_seconds: int,
    ) -> None:
        self._route, self._queue, self._permits = route, queue, permits
        self._observer, self._hand_over, self._lanes = observer, hand_over, lanes
        self._hurry, self._random, self._wait_seconds = hurry, random, wait_seconds
        self._lease_seconds = lease_seconds
        self._stopping = asyncio.Event()
        self._extra_polls = extra_polls
        self._asked = 0  # messages that receives under way may bring
        self._came_back_at_once = False
        self._per_second, self._counted_at = 0.0, 0.0
        self.failure: str | None = None
        self.moved_at = 0.0

    def stop(self) -> None:
        """Begin no new receive; those under way are awaited."""
        self._stopping.set()
        self._permits.close()

    async def run(self) -> None:
        """Poll until stopped. Extra polls come and go with the load."""
        failures = 0
        self._clock = asyncio.get_running_loop().time
        self._moved()
        async with asyncio.TaskGroup() as polls:
            while not self._stopping.is_set():
                fill = await self._poll()
                if fill == FULL:
                    self._add_poll(polls)
                failures = failures + 1 if fill is None else 0
                if failures:
                    await self._rest(self._backoff(failures))
                elif not fill:
                    if self._came_back_at_once:
                        await self._rest(SHORT_POLL_PAUSE_SECONDS)
                elif fill < FULL:
                    await self._gather()

    async def _gather(self) -> None:
        """Let a few messages gather, for receives are what SQS is paid for."""
        seconds = FEW / self._per_second if self._per_second else LONGEST_GATHERING_SECONDS
        if seconds >= SHORTEST_GATHERING_SECONDS:
            await asyncio.sleep(min(seconds, LONGEST_GATHERING_SECONDS))

    def _add_poll(self, polls: asyncio.TaskGroup) -> None:
        enough = min(self._permits.free, self._room_left()) >= BATCH
        if enough and self._extra_polls.begin(self):
            polls.create_task(self._poll_while_busy(polls), name=f"poll more {self._route}")

    async def _poll_while_busy(self, polls: asyncio.TaskGroup) -> None:
        try:
            while self._room_left() and not self._stopping.is_set():
                fill = await self._poll()
                if fill is None or fill < BUSY or not self._extra_polls.may_go_on(self):
                    return
                if fill == FULL:
                    self._add_poll(polls)
        finally:
            self._extra_polls.end(self)

    async def _poll(self) -> float | None:
        """Receive once; return how full the batch was, 0..1, None when the receive failed."""
        grant = await self._take()
        taken, used = grant.messages, 0
        if not taken:
            return 0.0
        self._asked += taken
        try:
            began = self._moved()
            messages = await self._receive(taken)
            if messages:
                leased_at = min(self.moved_at, began + self._wait_seconds)
                sizes = self._hand_over(messages, leased_at)
                used = len(sizes)
                self._permits.use(grant, sizes)
        finally:
            self._asked -= taken
            self._permits.give_unused(grant, taken - used)
        return None if messages is None else len(messages) / taken

    async def _take(self) -> Grant:
        """Take permits for one receive, for no more than there is room for; none once stopped."""
        while not self._stopping.is_set():
            if not self._permits.free:
                self._hurry()
            grant = await self._permits.take(BATCH)
            spare = max(0, grant.messages - self._room_left())
            self._permits.give_unused(grant, spare)
            if grant.messages > spare:
                return grant._replace(messages=grant.messages - spare) if spare else grant
            self._moved()
            await self._rest(CONGESTION_PAUSE_SECONDS)
        return NOTHING

    def _room_left(self) -> int:
        return max(0, self._lanes.room_for_stable() - self._asked)

    async def _receive(self, limit: int) -> list[Message] | None:
        began = self._moved()
        try:
            messages = await self._queue.receive(limit, self._wait_seconds, self._lease_seconds)
        except SourceError as error:
            self.failure = str(error)
            self._observer.observe(ReceiveFailed(self._route, self.failure))
            return None
        finally:
            self._came_back_at_once = self._moved() - began < SHORT_POLL_PAUSE_SECONDS
        self.failure = None
        self._count(len(messages))
        self._observer.observe(Received(self._route, len(messages)))
        return messages

    def _count(self, messages: int) -> None:
        passed = self.moved_at - self._counted_at
        self._counted_at = self.moved_at
        self._per_second = (self._per_second * RATE_SECONDS + messages) / (RATE_SECONDS + passed)

    def _moved(self) -> float:
        self.moved_at = self._clock()
        return self.moved_at

    def _backoff(self, failures: int) -> float:
        ceiling = exponential_backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, failures)
        return ceiling * (0.5 + self._random() / 2)

    async def _rest(self, seconds: float) -> None:
        """Sleep, but not beyond a stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
