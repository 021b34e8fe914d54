"""Batches deletes and visibility changes, retries failed entries, flushes on stop.

A delete is repeated until SQS confirms it, always with the newest receipt of the message; a
release that keeps failing is left to the lease, which gives the message back by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.core.disposition import MAX_VISIBILITY_SECONDS
from gateway.core.facts import Action, Settled, SettlementFailed
from gateway.ports import EntryError, QueueError
from gateway.runtime.hand import Stage
from gateway.runtime.pauses import doubling

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from gateway.ports import Observer, Queue
    from gateway.runtime.hand import Hand, InHand

BATCH: Final = 10
RELEASE_ATTEMPTS: Final = 5
FIRST_RETRY_SECONDS: Final = 0.2
LAST_RETRY_SECONDS: Final = 10.0


@dataclass(slots=True)
class _Order:
    entry: InHand
    seconds: int = 0
    attempts: int = 0
    receipt: str = ""  # the one that the call in flight was made with


class Settler:
    """Settles one route's messages; `linger_seconds` is how long a batch waits for company."""

    def __init__(
        self,
        *,
        route: str,
        queue: Queue,
        hand: Hand,
        observer: Observer,
        on_settled: Callable[[InHand, bool], None],
        linger_seconds: float,
    ) -> None:
        self._route, self._queue, self._hand, self._observer = route, queue, hand, observer
        self._on_settled = on_settled
        self._linger_seconds = linger_seconds
        self._deletes: list[_Order] = []
        self._releases: list[_Order] = []
        self._timers: dict[Action, asyncio.TimerHandle] = {}
        self._unsettled = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._calls: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Make batch calls as children of `tasks`."""
        self._tasks = tasks

    def delete(self, entry: InHand) -> None:
        """Have the message deleted."""
        entry.stage = Stage.DELETING
        self._began()
        self._put(Action.DELETE, _Order(entry))

    def release(self, entry: InHand, seconds: int) -> None:
        """Have the message given back, visible again after so many seconds."""
        entry.stage = Stage.RELEASING
        self._began()
        self._put(Action.RELEASE, _Order(entry, seconds))

    def lose(self, entry: InHand) -> None:
        """Let go of a message whose lease ended before anything was done with it."""
        why = "its lease ended before its turn came"
        self._observer.notice(SettlementFailed(self._route, Action.EXTEND, why, lease_lost=True))
        self._began()
        self._ended(entry, confirmed=False)

    async def flush(self) -> None:
        """Send what waits and return once everything is settled."""
        for action in (Action.DELETE, Action.RELEASE):
            self._send(action)
        self._linger_seconds = 0.0
        await self._idle.wait()

    def abandon(self) -> None:
        """Stop trying; the leases give the messages back."""
        self._tasks = None
        for timer in self._timers.values():
            timer.cancel()
        for call in self._calls:
            call.cancel()

    def _began(self) -> None:
        self._unsettled += 1
        self._idle.clear()

    def _ended(self, entry: InHand, *, confirmed: bool) -> None:
        self._hand.drop(entry)
        self._on_settled(entry, confirmed)
        self._unsettled -= 1
        if not self._unsettled:
            self._idle.set()

    def _waiting(self, action: Action) -> list[_Order]:
        return self._deletes if action is Action.DELETE else self._releases

    def _put(self, action: Action, order: _Order) -> None:
        if action is Action.RELEASE and not self._hand.holds(order.entry):
            # Received again: it did go back, and this receipt must not touch the new lease.
            self._ended(order.entry, confirmed=True)
            return
        waiting = self._waiting(action)
        waiting.append(order)
        if len(waiting) >= BATCH:
            self._send(action)
        elif action not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[action] = loop.call_later(self._linger_seconds, self._send, action)

    def _send(self, action: Action) -> None:
        timer = self._timers.pop(action, None)
        if timer is not None:
            timer.cancel()
        waiting = self._waiting(action)
        while waiting and self._tasks is not None:
            batch, waiting[:BATCH] = waiting[:BATCH], []
            self._begin(self._tasks, self._settle(action, batch), f"{action} {self._route}")

    def _begin(
        self, tasks: asyncio.TaskGroup, settling: Coroutine[None, None, None], name: str
    ) -> None:
        try:
            call = tasks.create_task(settling, name=name)
        except RuntimeError:  # the task tree is coming down by a crash: the leases see to the rest
            settling.close()
            self._tasks = None
        else:
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _settle(self, action: Action, batch: list[_Order]) -> None:
        for order in batch:
            order.receipt = order.entry.receipt
        failed = await self._call(action, batch)
        confirmed = 0
        for position, order in enumerate(batch):
            if position in failed:
                self._failed(action, order, failed[position])
            elif action is Action.DELETE and order.receipt != order.entry.receipt:
                self._put(action, order)  # received again meanwhile: only the newest receipt counts
            else:
                confirmed += 1
                self._ended(order.entry, confirmed=True)
        if confirmed:
            self._observer.notice(Settled(self._route, action, confirmed))

    async def _call(self, action: Action, batch: list[_Order]) -> Mapping[int, EntryError]:
        try:
            if action is Action.DELETE:
                return await self._queue.delete([order.receipt for order in batch])
            return await self._queue.change_visibility([self._lease(order) for order in batch])
        except QueueError as error:
            failure = EntryError(error.code, str(error))
            return dict.fromkeys(range(len(batch)), failure)

    def _lease(self, order: _Order) -> tuple[str, int]:
        """Never more than what is left of SQS's 12 hours, counted from the receive."""
        held_seconds = asyncio.get_running_loop().time() - order.entry.received_at
        left = MAX_VISIBILITY_SECONDS - int(held_seconds) - 1
        return order.receipt, max(0, min(order.seconds, left))

    def _failed(self, action: Action, order: _Order, error: EntryError) -> None:
        order.attempts += 1
        renewed = order.receipt != order.entry.receipt
        lost = error.lease_lost and not renewed
        self._observer.notice(
            SettlementFailed(self._route, action, error.why or error.code, lease_lost=lost)
        )
        if lost or (action is Action.RELEASE and order.attempts >= RELEASE_ATTEMPTS):
            self._ended(order.entry, confirmed=False)
            return
        delay = doubling(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, order.attempts)
        asyncio.get_running_loop().call_later(delay, self._put, action, order)
