"""Batches deletes and visibility changes, retries failed entries, flushes on stop.

A delete is repeated until SQS confirms it, always with the newest receipt of the message; a
release that keeps failing is left to the lease, which gives the message back by itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import MAX_VISIBILITY_SECONDS
from gateway.core.events import Action, Settled, SettlementFailed
from gateway.ports import EntryError, SourceError
from gateway.runtime.backoff import CLOCK_SECONDS, exponential_backoff
from gateway.runtime.in_flight import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from gateway.ports import Observer, Source
    from gateway.runtime.in_flight import Hand, InHand
    from gateway.runtime.permits import Permits

BATCH: Final = 10
RELEASE_ATTEMPTS: Final = 5
FIRST_RETRY_SECONDS: Final = 0.2
LAST_RETRY_SECONDS: Final = 10.0


class Settler:
    """Settles one route's messages; `linger_seconds` is how long a batch waits for company.

    What waits does not for long where it holds permits that others wait for.
    """

    def __init__(
        self,
        *,
        route: str,
        queue: Source,
        hand: Hand,
        observer: Observer,
        on_settled: Callable[[Sequence[InHand], bool], None],
        permits: Permits,
        linger_seconds: float,
    ) -> None:
        self._route, self._queue, self._hand, self._observer = route, queue, hand, observer
        self._on_settled, self._permits = on_settled, permits
        self._linger_seconds = linger_seconds
        self._waiting_deletes: list[InHand] = []
        self._waiting_releases: list[InHand] = []
        self._waiting = {
            Action.DELETE: self._waiting_deletes,
            Action.RELEASE: self._waiting_releases,
        }
        self._since: dict[Action, float] = {}  # when the first of those that wait began to
        self._timers: dict[Action, asyncio.TimerHandle] = {}
        self._unsettled = 0
        self._idle: asyncio.Event | None = None  # while a flush waits for it
        self._calls: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Make batch calls as children of `tasks`."""
        self._tasks = tasks

    def delete(self, entry: InHand) -> None:
        """Have the message deleted."""
        entry.stage = _DELETING
        self._unsettled += 1
        waiting = self._waiting_deletes
        waiting.append(entry)
        held = len(waiting)
        if held == 1 or held >= BATCH or held * 10 > self._permits.limit:
            self._put_last(Action.DELETE, waiting)

    def release(self, entry: InHand, seconds: int) -> None:
        """Have the message given back, visible again after so many seconds."""
        entry.stage, entry.back_after_seconds = Stage.RELEASING, seconds
        self._unsettled += 1
        self._put(Action.RELEASE, entry)

    def hurry(self) -> None:
        """Send what waits for company where it holds permits that are wanted."""
        for action, waiting in self._waiting.items():
            if waiting and self._permits.crowded(len(waiting)):
                self._send(action)

    def lose(self, entry: InHand) -> None:
        """Let go of a message whose lease ended before anything was done with it."""
        why = "its lease ended before its turn came"
        self._observer.observe(SettlementFailed(self._route, Action.EXTEND, why, lease_lost=True))
        self._unsettled += 1
        self._ended([entry], confirmed=False)

    async def flush(self) -> None:
        """Send what waits and return once everything is settled."""
        self._linger_seconds = 0.0
        for action in self._waiting:
            self._send(action)
        while self._unsettled:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    def abandon(self) -> None:
        """Stop trying; the leases give the messages back."""
        self._tasks = None
        for timer in self._timers.values():
            timer.cancel()
        for call in self._calls:
            call.cancel()

    def _ended(self, entries: Sequence[InHand], *, confirmed: bool) -> None:
        self._hand.drop(entries)
        self._on_settled(entries, confirmed)
        self._unsettled -= len(entries)
        if self._idle is not None and not self._unsettled:
            self._idle.set()
            self._idle = None

    def _put(self, action: Action, entry: InHand) -> None:
        if action is Action.RELEASE and not self._hand.holds(entry):
            # Received again: it did go back, and this receipt must not touch the new lease.
            self._ended([entry], confirmed=True)
            return
        waiting = self._waiting[action]
        waiting.append(entry)
        self._put_last(action, waiting)

    def _put_last(self, action: Action, waiting: list[InHand]) -> None:
        if len(waiting) >= BATCH or self._permits.crowded(len(waiting)):
            self._send(action)
        elif len(waiting) == 1 and self._tasks is not None:
            self._set_timer(action)

    def _set_timer(self, action: Action) -> None:
        """Send in a while. A timer that runs is left to run on: setting one costs 10 us."""
        loop = asyncio.get_running_loop()
        self._since[action] = loop.time()
        if action not in self._timers:
            later = loop.call_later(self._linger_seconds, self._time_has_come, action)
            self._timers[action] = later

    def _time_has_come(self, action: Action) -> None:
        del self._timers[action]
        if not self._waiting[action]:
            return
        loop = asyncio.get_running_loop()
        send_at = self._since[action] + self._linger_seconds
        if send_at > loop.time() + CLOCK_SECONDS:
            self._timers[action] = loop.call_at(send_at, self._time_has_come, action)
        else:
            self._send(action)

    def _send(self, action: Action) -> None:
        waiting = self._waiting[action]
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

    async def _settle(self, action: Action, batch: list[InHand]) -> None:
        receipts = [entry.receipt for entry in batch]
        failed = await self._call(action, batch, receipts)
        confirmed = []
        for position, (entry, receipt) in enumerate(zip(batch, receipts, strict=True)):
            if failed and position in failed:
                self._failed(action, entry, receipt, failed[position])
            elif action is Action.DELETE and receipt != entry.receipt:
                self._put(action, entry)  # received again meanwhile: only the newest receipt counts
            else:
                confirmed.append(entry)
        if confirmed:
            self._ended(confirmed, confirmed=True)
            self._observer.observe(Settled(self._route, action, len(confirmed)))

    async def _call(
        self, action: Action, batch: Sequence[InHand], receipts: Sequence[str]
    ) -> Mapping[int, EntryError]:
        try:
            if action is Action.DELETE:
                return await self._queue.ack(receipts)
            seconds = map(self._seconds_left, batch)
            return await self._queue.set_leases(list(zip(receipts, seconds, strict=True)))
        except SourceError as error:
            failure = EntryError(error.code, str(error))
            return dict.fromkeys(range(len(batch)), failure)

    def _seconds_left(self, entry: InHand) -> int:
        """Never more than what is left of SQS's 12 hours, counted from the receive."""
        held_seconds = asyncio.get_running_loop().time() - entry.received_at
        left = MAX_VISIBILITY_SECONDS - int(held_seconds) - 1
        return max(0, min(entry.back_after_seconds, left))

    def _failed(self, action: Action, entry: InHand, receipt: str, error: EntryError) -> None:
        entry.attempts += 1
        renewed = receipt != entry.receipt
        lost = error.lease_lost and not renewed
        self._observer.observe(
            SettlementFailed(self._route, action, error.why or error.code, lease_lost=lost)
        )
        if lost or (action is Action.RELEASE and entry.attempts >= RELEASE_ATTEMPTS):
            self._ended([entry], confirmed=False)
            return
        delay = exponential_backoff(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, entry.attempts)
        asyncio.get_running_loop().call_later(delay, self._put, action, entry)


_DELETING: Final = Stage.DELETING  # a member of an enum is slow to find
