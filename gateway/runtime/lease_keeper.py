"""Extends the leases of what is in flight, at half-life, a batch a call.

A lease is SQS's visibility timeout. SQS lets no consumer keep a message for more than 12 hours from
its receive; a message that is still in flight a minute before that is given back, so that it does
not come back by surprise.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.events import Action, LeaseCapped, SettlementFailed
from gateway.ports import SourceError
from gateway.runtime.in_flight import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.ports import Source, SourceTraits
    from gateway.runtime.in_flight import InFlight, InFlightMessage
    from gateway.runtime.reporter import Reporter

PARALLEL_CALLS: Final = 20
"""Keeps 10,000 leases that are due at once from becoming 1,000 requests at once."""

STEP: Final = 1 / 16
"""Of a lease: how far ahead others join a batch, how long after a failure it is tried again, and
how late a response makes it due at once."""

LAST_STEP: Final = 7 / 16
"""Of a lease, counted from its half-life: what fails after that has run out."""

CALL_SHARE: Final = 1 / 8
SHORT_CALL_SHARE: Final = 1 / 4
"""Of a lease: how long a call may take, so that one that hangs leaves time for another. Where an
eighth is less than a second, a quarter: a busy machine alone can take that long."""

CAP_MARGIN_SECONDS: Final = 60.0
CAP_LOOK_SECONDS: Final = 20.0


class LeaseKeeper:
    """Keeps the leases of one route; one sleep serves them all, for all are of one length.

    `give_up` ends the delivery of a message, if any, and gives it back.
    """

    def __init__(
        self,
        *,
        route: str,
        source: Source,
        traits: SourceTraits,
        lease_seconds: int,
        in_flight: InFlight,
        reporter: Reporter,
        give_up: Callable[[InFlightMessage], None],
    ) -> None:
        self.lease_seconds = lease_seconds
        self._route = route
        self._source = source
        self._batch = traits.batch
        self._max_delay_seconds = traits.max_delay_seconds
        self._in_flight = in_flight
        self._reporter = reporter
        self._give_up = give_up
        short_seconds = min(1.0, lease_seconds * SHORT_CALL_SHARE)
        self._call_seconds = max(lease_seconds * CALL_SHARE, short_seconds)
        self._slots = asyncio.Semaphore(PARALLEL_CALLS)
        self._calls: asyncio.TaskGroup | None = None

    def extend_now(self, entries: Sequence[InFlightMessage]) -> None:
        """Extend at once what came with a response that took long."""
        if self._calls is not None:
            self._extend_all(self._calls, entries)

    async def run(self) -> None:
        """Extend for ever; cancelled when nothing is in flight any more."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as calls:
            self._calls = calls
            calls.create_task(self._watch_the_cap(), name=f"12 hours {self._route}")
            while True:
                await asyncio.sleep(self._until_next(loop.time()))
                self._extend_all(calls, self._extendable(loop.time()))

    def _extend_all(self, calls: asyncio.TaskGroup, entries: Sequence[InFlightMessage]) -> None:
        for start in range(0, len(entries), self._batch):
            batch = entries[start : start + self._batch]
            calls.create_task(self._extend(batch), name=f"extend {self._route}")

    def _until_next(self, now: float) -> float:
        """Seconds until the first lease is due; what is received meanwhile is due later."""
        next_due_at = self._in_flight.next_due_at()
        return self.lease_seconds / 2 if next_due_at is None else max(0.0, next_due_at - now)

    def _extendable(self, now: float) -> list[InFlightMessage]:
        """Return what is due, and with it what will be very soon: that saves calls."""
        due = self._in_flight.due(now + self.lease_seconds * STEP)
        for entry in due:
            self._in_flight.postpone(entry, now + self.lease_seconds / 2)
        return [entry for entry in due if self._keeps(entry)]

    async def _extend(self, batch: Sequence[InFlightMessage]) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time() + self.lease_seconds * LAST_STEP
        while True:
            async with self._slots:
                batch = await self._extend_once([each for each in batch if self._keeps(each)])
            if not batch:
                return
            if loop.time() + self.lease_seconds * STEP >= last:
                break
            await asyncio.sleep(self.lease_seconds * STEP)
        # If SQS did take one of them after all, the next half-life finds out.
        why = "every try failed, so the lease has run out"
        self._report_failed(why, len(batch), lease_lost=True)

    async def _extend_once(self, batch: Sequence[InFlightMessage]) -> Sequence[InFlightMessage]:
        """Return those that failed, but may not be lost yet."""
        now = asyncio.get_running_loop().time()
        leases = [(entry.receipt, self._seconds_left(entry, now)) for entry in batch]
        try:
            async with asyncio.timeout(self._call_seconds):
                failed = await self._source.set_leases(leases) if leases else {}
        except (SourceError, TimeoutError) as error:
            why = str(error) or "change_message_visibility_batch: SQS does not respond"
            self._report_failed(why, len(batch))
            return batch
        for position, entry in enumerate(batch):
            if position not in failed and entry.receipt == leases[position][0]:
                entry.leased_until = now + leases[position][1]
        if len(batch) > len(failed):
            self._reporter.settled(Action.EXTEND, len(batch) - len(failed))
        kept = [position for position in failed if self._keeps(batch[position])]
        for position in kept:
            entry, (receipt, _), failure = batch[position], leases[position], failed[position]
            entry.lease_lost = failure.lease_lost and entry.receipt == receipt
            self._report_failed(failure.why or failure.code, 1, lease_lost=entry.lease_lost)
        return [batch[position] for position in kept]

    async def _watch_the_cap(self) -> None:
        while True:
            await asyncio.sleep(CAP_LOOK_SECONDS)
            now = asyncio.get_running_loop().time()
            too_old = now - self._max_delay_seconds + CAP_MARGIN_SECONDS
            for entry in self._in_flight.received_before(too_old):
                if entry.state in (State.WAITING, State.DELIVERING):
                    self._reporter.emit(LeaseCapped(self._route, entry.message.message_id))
                    self._give_up(entry)

    def _keeps(self, entry: InFlightMessage) -> bool:
        """Whether its lease is still to be kept: it may have been settled while a call ran."""
        releasing = entry.state is State.RELEASING
        return self._in_flight.holds(entry) and not releasing and not entry.lease_lost

    def _seconds_left(self, entry: InFlightMessage, now: float) -> int:
        """Never more than the source allows since the receive, and never a release."""
        left = self._max_delay_seconds - int(now - entry.received_at) - 1
        return max(1, min(self.lease_seconds, left))

    def _report_failed(self, why: str, messages: int, *, lease_lost: bool = False) -> None:
        self._reporter.emit(SettlementFailed(self._route, Action.EXTEND, why, messages, lease_lost))
