"""Extends the lease of what is in hand, at half-life, ten messages a call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.disposition import MAX_VISIBILITY_SECONDS
from gateway.core.facts import Action, Settled, SettlementFailed
from gateway.ports import QueueError
from gateway.runtime.hand import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.ports import Observer, Queue
    from gateway.runtime.hand import Hand, InHand

BATCH: Final = 10
ATTEMPTS: Final = 7
"""One at half-life and one each sixteenth of the lease after it: the last is just in time."""


class LeaseKeeper:
    """Keeps the leases of one route; one sleep serves them all, for all are of one length."""

    def __init__(
        self, *, route: str, queue: Queue, hand: Hand, observer: Observer, lease_seconds: int
    ) -> None:
        self._route, self._queue, self._hand, self._observer = route, queue, hand, observer
        self.lease_seconds = lease_seconds

    def due_at(self, now: float) -> float:
        """Return when a lease that begins now is to be extended: at half its life."""
        return now + self.lease_seconds / 2

    async def run(self) -> None:
        """Extend for ever; cancelled when nothing is in hand any more."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as calls:
            while True:
                await asyncio.sleep(self._pause(loop.time()))
                due = self._extendable(loop.time())
                for start in range(0, len(due), BATCH):
                    batch = due[start : start + BATCH]
                    calls.create_task(self._extend(batch), name=f"extend {self._route}")

    def _pause(self, now: float) -> float:
        """Until the first lease is due; whatever comes in meanwhile is due later than that."""
        next_due_at = self._hand.next_due_at()
        return self.due_at(now) - now if next_due_at is None else max(0.0, next_due_at - now)

    def _extendable(self, now: float) -> list[InHand]:
        due = self._hand.due(now)
        for entry in due:
            self._hand.postpone(entry, self.due_at(now))
        return [entry for entry in due if self._keeps(entry)]

    async def _extend(self, batch: Sequence[InHand]) -> None:
        for _ in range(ATTEMPTS):
            batch = await self._extend_once([entry for entry in batch if self._keeps(entry)])
            if not batch:
                return
            await asyncio.sleep(self.lease_seconds / 16)

    async def _extend_once(self, batch: Sequence[InHand]) -> Sequence[InHand]:
        """Return those that failed, but may not be lost yet."""
        now = asyncio.get_running_loop().time()
        leases = [(entry.receipt, self._seconds_left(entry, now)) for entry in batch]
        try:
            failed = await self._queue.change_visibility(leases) if leases else {}
        except QueueError as error:
            self._notice_failed(str(error), len(batch))
            return batch
        if len(batch) > len(failed):
            self._observer.notice(Settled(self._route, Action.EXTEND, len(batch) - len(failed)))
        kept = [position for position in failed if self._keeps(batch[position])]
        for position in kept:
            entry, (receipt, _), failure = batch[position], leases[position], failed[position]
            entry.lease_lost = failure.lease_lost and entry.receipt == receipt
            self._notice_failed(failure.why or failure.code, 1, lease_lost=entry.lease_lost)
        return [batch[position] for position in kept]

    def _keeps(self, entry: InHand) -> bool:
        """Whether its lease is still to be kept: it may have been settled while a call ran."""
        going_back = entry.stage is Stage.RELEASING
        return self._hand.holds(entry) and not going_back and not entry.lease_lost

    def _seconds_left(self, entry: InHand, now: float) -> int:
        """Never more than SQS's 12 hours, counted from the receive."""
        left = MAX_VISIBILITY_SECONDS - int(now - entry.received_at) - 1
        return max(0, min(self.lease_seconds, left))

    def _notice_failed(self, why: str, messages: int, *, lease_lost: bool = False) -> None:
        self._observer.notice(
            SettlementFailed(self._route, Action.EXTEND, why, messages, lease_lost)
        )
