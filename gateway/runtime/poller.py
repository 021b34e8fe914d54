"""Permit -> receive -> intake. One poll while idle, more of them while each comes back full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.aiokit.backoff import exponential_backoff
from gateway.core.events import MessageUnreadable, ReceiveFailed
from gateway.core.routing.route import Linger
from gateway.ports import SourceError
from gateway.runtime.permits import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.ports import Batch, Source
    from gateway.runtime.dispatch import Intake
    from gateway.runtime.limiter import Limiters
    from gateway.runtime.permits import Grant, Permits
    from gateway.runtime.poll_budget import PollBudget
    from gateway.runtime.reporter import Reporter
    from gateway.runtime.route_limit import RouteLimit
    from gateway.runtime.settler import Settler

FIRST_BACKOFF_SECONDS: Final = 0.5
LAST_BACKOFF_SECONDS: Final = 20.0
CAPACITY_WAIT_SECONDS: Final = 0.02  # short: the wait queue must not run empty meanwhile
SHORT_POLL_WAIT_SECONDS: Final = 0.2  # an empty receive that comes back at once: `wait: 0s`, say
FULL: Final = 1.0
FEW: Final = 0.5
MOST: Final = 0.8
SHORTEST_LINGER_SECONDS: Final = 0.001
"""After a receive that was not full the next one lingers until such a part of a batch should be
there, but no longer than `linger.receive`. It does not linger where messages come so fast that the
event loop's timers cannot tell it apart (ADR 12). Where the route gives it more time than usual it
waits for more of them, but not for a full batch, which looks like a backlog: more polls begin."""

USUAL_LINGER_SECONDS: Final = Linger().receive_seconds

RATE_SECONDS: Final = 0.2  # over which arrivals are averaged
BUSY: Final = 0.5
"""An extra poll goes on while it comes back so full: SQS often gives a few less than asked."""


class Poller:
    """Polls one queue; without a `poll_budget` never more than once at a time.

    `moved_at` is when a receive last began or ended, or was put off for lack of capacity: one that
    hangs stays behind. `failure` says why the last receive failed. `short` says whether the process
    is short of descriptors. `linger_seconds` is how long a receive may wait for messages before it
    begins.
    """

    def __init__(  # noqa: PLR0913 - the parts that it joins
        self,
        *,
        route: str,
        source: Source,
        batch: int,
        wait_seconds: int,
        lease_seconds: int,
        permits: Permits,
        limiters: Limiters,
        route_limit: RouteLimit,
        poll_budget: PollBudget | None,
        intake: Intake,
        settler: Settler,
        reporter: Reporter,
        random: Callable[[], float],
        short: Callable[[], bool] | None = None,
    ) -> None:
        self.failure: str | None = None
        self.linger_seconds = USUAL_LINGER_SECONDS
        self.moved_at = 0.0
        self._route = route
        self._source = source
        self._batch = batch
        self._wait_seconds = wait_seconds
        self._lease_seconds = lease_seconds
        self._permits = permits
        self._limiters = limiters
        self._route_limit = route_limit
        self._poll_budget = poll_budget
        self._intake = intake
        self._settler = settler
        self._reporter = reporter
        self._random = random
        self._short = short
        self._stopping = asyncio.Event()
        self._asked = 0  # messages that receives under way may bring
        self._came_back_at_once = False
        self._per_second = 0.0
        self._counted_at = 0.0

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
                    await self._sleep(self._backoff(failures))
                elif not fill:
                    if self._came_back_at_once:
                        await self._sleep(SHORT_POLL_WAIT_SECONDS)
                elif fill < FULL:
                    await self._linger()

    async def _linger(self) -> None:
        """Wait for some messages, for receives are what SQS is paid for."""
        longest = self.linger_seconds
        wanted = self._batch * (FEW if longest <= USUAL_LINGER_SECONDS else MOST)
        seconds = min(longest, wanted / self._per_second if self._per_second else longest)
        if seconds > USUAL_LINGER_SECONDS:
            await self._sleep(seconds)
        elif seconds >= SHORTEST_LINGER_SECONDS:
            await asyncio.sleep(seconds)  # cheaper, and no stop waits for it in earnest

    def _add_poll(self, polls: asyncio.TaskGroup) -> None:
        budget = self._poll_budget
        enough = min(self._permits.free, self._capacity()) >= self._batch
        if enough and budget is not None and budget.acquire(self):
            more = self._poll_while_busy(polls, budget)
            polls.create_task(more, name=f"poll more {self._route}")

    async def _poll_while_busy(self, polls: asyncio.TaskGroup, budget: PollBudget) -> None:
        try:
            while self._capacity() and not self._stopping.is_set():
                fill = await self._poll()
                if fill is None or fill < BUSY or not budget.may_keep(self):
                    return
                if fill == FULL:
                    self._add_poll(polls)
        finally:
            budget.release(self)

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
                new = self._intake.take(messages, leased_at)
                used = len(new)
                self._permits.use(grant, [entry.held_bytes for entry in new])
        finally:
            self._asked -= taken
            self._permits.give_unused(grant, taken - used)
        return None if messages is None else len(messages) / taken

    async def _take(self) -> Grant:
        """Take permits for one receive, for no more than stable has capacity; none once stopped.

        Capacity comes back with a delivery that ends, with time (`max_rate`, an open circuit
        breaker) or with a reload, so the poller looks again after a pause (ADR 16).
        """
        while not self._stopping.is_set():
            self._expect()
            if not self._permits.free:
                self._settler.flush_early()
            grant = await self._permits.take(self._batch)
            spare = max(0, grant.messages - self._capacity())
            self._permits.give_unused(grant, spare)
            if grant.messages > spare:
                return grant._replace(messages=grant.messages - spare) if spare else grant
            self._moved()
            await self._sleep(CAPACITY_WAIT_SECONDS)
        return NOTHING

    def _expect(self) -> None:
        """Let limits that find themselves rise for this receive and another poll's."""
        more = 2 * self._batch
        if self._limiters.autos:
            self._limiters.expect(self._asked + more)
        if self._route_limit.auto is not None:
            self._route_limit.look(self._clock(), min(more, self._capacity()))

    def _capacity(self) -> int:
        """How many more messages may be asked for: more than stable can take would go back.

        None while deliveries wait for a descriptor.
        """
        if self._short is not None and self._short():
            return 0
        if self._limiters.autos and self._limit_is_rising():
            return 0
        return max(0, self._limiters.stable_capacity() - self._asked)

    def _limit_is_rising(self) -> bool:
        """Whether messages wait for a version that will have room for them in a moment.

        More of them would go back. For a version that is slow or hangs nothing is put off.
        """
        wait_queue, now = self._limiters.wait_queue, self._clock()
        crowded = 2 * wait_queue.waiting >= wait_queue.size
        return crowded and any(each.rising(now) for each in self._limiters.autos)

    async def _receive(self, limit: int) -> Batch | None:
        began = self._moved()
        try:
            messages = await self._source.receive(limit, self._wait_seconds, self._lease_seconds)
        except SourceError as error:
            self.failure = str(error)
            self._reporter.emit(ReceiveFailed(self._route, self.failure))
            return None
        finally:
            self._came_back_at_once = self._moved() - began < SHORT_POLL_WAIT_SECONDS
        self.failure = None
        self._count(len(messages))
        self._reporter.received(len(messages) + len(messages.unreadable))
        for each in messages.unreadable:
            self._reporter.emit(MessageUnreadable(self._route, each.message_id, each.why))
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

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond a stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
