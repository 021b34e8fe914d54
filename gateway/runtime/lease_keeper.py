"""Extends the lease of what is in hand, at half-life, ten messages a call.

SQS lets nobody keep a message for more than 12 hours from its receive; one that is still in hand
a minute before that is given back, so that it does not come back by surprise.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import MAX_VISIBILITY_SECONDS
from gateway.core.events import Action, LeaseCapped, Settled, SettlementFailed
from gateway.ports import SourceError
from gateway.runtime.in_flight import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.ports import Observer, Source
    from gateway.runtime.delivery import Delivery
    from gateway.runtime.in_flight import Hand

BATCH: Final = 10
PARALLEL_CALLS: Final = 20
"""What keeps 10,000 leases that are due at once from becoming 1,000 requests at once."""

STEP: Final = 1 / 16
"""Of a lease: how far ahead others join a batch, and how long after a failure it is tried again."""

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
        queue: Source,
        hand: Hand,
        observer: Observer,
        lease_seconds: int,
        give_up: Callable[[Delivery], None],
    ) -> None:
        self._route, self._queue, self._hand, self._observer = route, queue, hand, observer
        self._give_up = give_up
        self.lease_seconds = lease_seconds
        short_seconds = min(1.0, lease_seconds * SHORT_CALL_SHARE)
        self._call_seconds = max(lease_seconds * CALL_SHARE, short_seconds)
        self._turns = asyncio.Semaphore(PARALLEL_CALLS)
        self._calls: asyncio.TaskGroup | None = None

    def due_at(self, now: float) -> float:
        """Return when a lease that begins now is to be extended: at half its life."""
        return now + self.lease_seconds / 2

    def catch_up(self, entries: Sequence[Delivery], late_seconds: float) -> None:
        """Extend at once what came with an answer that was so long on its way."""
        if late_seconds >= self.lease_seconds * STEP and self._calls is not None:
            self._extend_all(self._calls, entries)

    async def run(self) -> None:
        """Extend for ever; cancelled when nothing is in hand any more."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as calls:
            self._calls = calls
            calls.create_task(self._watch_the_cap(), name=f"12 hours {self._route}")
            while True:
                await asyncio.sleep(self._pause(loop.time()))
                self._extend_all(calls, self._extendable(loop.time()))

    def _extend_all(self, calls: asyncio.TaskGroup, entries: Sequence[Delivery]) -> None:
        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            calls.create_task(self._extend(batch), name=f"extend {self._route}")

    def _pause(self, now: float) -> float:
        """Until the first lease is due; whatever comes in meanwhile is due later than that."""
        next_due_at = self._hand.next_due_at()
        return self.due_at(now) - now if next_due_at is None else max(0.0, next_due_at - now)

    def _extendable(self, now: float) -> list[Delivery]:
        """Return what is due, and with it what will be very soon: that saves calls."""
        due = self._hand.due(now + self.lease_seconds * STEP)
        for entry in due:
            self._hand.postpone(entry, self.due_at(now))
        return [entry for entry in due if self._keeps(entry)]

    async def _extend(self, batch: Sequence[Delivery]) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time() + self.lease_seconds * LAST_STEP
        while True:
            async with self._turns:
                batch = await self._extend_once([each for each in batch if self._keeps(each)])
            if not batch:
                return
            if loop.time() + self.lease_seconds * STEP >= last:
                break
            await asyncio.sleep(self.lease_seconds * STEP)
        # If SQS did take one of them after all, the next half-life finds out.
        why = "every try failed, so the lease has run out"
        self._observe_failed(why, len(batch), lease_lost=True)

    async def _extend_once(self, batch: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those that failed, but may not be lost yet."""
        now = asyncio.get_running_loop().time()
        leases = [(entry.receipt, self._seconds_left(entry, now)) for entry in batch]
        try:
            async with asyncio.timeout(self._call_seconds):
                failed = await self._queue.set_leases(leases) if leases else {}
        except (SourceError, TimeoutError) as error:
            why = str(error) or "change_message_visibility_batch: SQS does not answer"
            self._observe_failed(why, len(batch))
            return batch
        for position, entry in enumerate(batch):
            if position not in failed and entry.receipt == leases[position][0]:
                entry.leased_until = now + leases[position][1]
        if len(batch) > len(failed):
            self._observer.observe(Settled(self._route, Action.EXTEND, len(batch) - len(failed)))
        kept = [position for position in failed if self._keeps(batch[position])]
        for position in kept:
            entry, (receipt, _), failure = batch[position], leases[position], failed[position]
            entry.lease_lost = failure.lease_lost and entry.receipt == receipt
            self._observe_failed(failure.why or failure.code, 1, lease_lost=entry.lease_lost)
        return [batch[position] for position in kept]

    async def _watch_the_cap(self) -> None:
        while True:
            await asyncio.sleep(CAP_LOOK_SECONDS)
            now = asyncio.get_running_loop().time()
            too_old = now - MAX_VISIBILITY_SECONDS + CAP_MARGIN_SECONDS
            for entry in self._hand.received_before(too_old):
                if entry.stage in (Stage.WAITING, Stage.DELIVERING):
                    message_id = entry.message.message_id
                    self._observer.observe(LeaseCapped(self._route, message_id))
                    self._give_up(entry)

    def _keeps(self, entry: Delivery) -> bool:
        """Whether its lease is still to be kept: it may have been settled while a call ran."""
        going_back = entry.stage is Stage.RELEASING
        return self._hand.holds(entry) and not going_back and not entry.lease_lost

    def _seconds_left(self, entry: Delivery, now: float) -> int:
        """Never more than SQS's 12 hours, counted from the receive, and never a release."""
        left = MAX_VISIBILITY_SECONDS - int(now - entry.received_at) - 1
        return max(1, min(self.lease_seconds, left))

    def _observe_failed(self, why: str, messages: int, *, lease_lost: bool = False) -> None:
        self._observer.observe(
            SettlementFailed(self._route, Action.EXTEND, why, messages, lease_lost)
        )
