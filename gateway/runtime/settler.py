"""Settles messages with SQS: deletes, releases and dead-letter copies, in batches, with retries.

A delete is repeated until SQS confirms it, always with the newest receipt of the message. A release
that keeps failing is left to the lease, which gives the message back by itself.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.aiokit.backoff import exponential_backoff
from gateway.aiokit.idle import IdleCounter
from gateway.aiokit.lazy_timer import LazyTimer
from gateway.core.events import Action, AttributesDropped, SettlementFailed
from gateway.core.kafka.release_cause import ReleaseCause
from gateway.core.routing.route import Linger
from gateway.core.sqs_limits import MAX_BATCH_ENTRIES, MAX_VISIBILITY_SECONDS
from gateway.log_port import Release
from gateway.ports import EntryError, SourceError
from gateway.runtime.in_flight import State
from gateway.runtime.permits import WAITING_PART
from gateway.runtime.waiter import Copying

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from gateway.log_port import LogSource
    from gateway.ports import Sending, Source, SourceTraits
    from gateway.runtime.in_flight import InFlight, InFlightMessage
    from gateway.runtime.permits import Permits
    from gateway.runtime.reporter import Reporter

RELEASE_LINGER_SECONDS: Final = 0.04
"""The longest that a batch of releases waits for more entries, for the retries begin with it."""

NO_LINGER_SECONDS: Final = 0.0
"""On a FIFO queue, where the next message of a group waits for the settlement, and on a log."""

RELEASE_ATTEMPTS: Final = 5
FIRST_RETRY_SECONDS: Final = 0.2
LAST_RETRY_SECONDS: Final = 10.0


class Settler:
    """Settles the messages of one route. `log` is the source where that is one.

    A settled message leaves `in_flight` and gives its permit back. A batch is sent early when
    pollers wait for the permits that its messages hold.
    """

    def __init__(
        self,
        *,
        route: str,
        source: Source,
        reporter: Reporter,
        permits: Permits,
        in_flight: InFlight,
        log: LogSource | None = None,
    ) -> None:
        self._route = route
        self._source = source
        self._log = log
        self._reporter = reporter
        self._permits = permits
        self._in_flight = in_flight
        self._linger_seconds = Linger().delete_seconds
        self._batch = MAX_BATCH_ENTRIES
        self._max_delay_seconds = MAX_VISIBILITY_SECONDS
        self._deletes: list[InFlightMessage] = []
        self._releases: list[InFlightMessage] = []
        self._delete_timer = LazyTimer(partial(self._send, Action.DELETE))
        self._release_timer = LazyTimer(partial(self._send, Action.RELEASE))
        self._unsettled = IdleCounter()
        self._calls: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Make calls as children of `tasks`."""
        self._tasks = tasks

    def opened(self, traits: SourceTraits) -> None:
        """Keep to the limits of the source."""
        self._batch = traits.batch
        self._max_delay_seconds = traits.max_delay_seconds

    def linger(self, seconds: float) -> None:
        """Let batches wait so long for more entries, from the next one on (ADR 12)."""
        self._linger_seconds = seconds

    def delete(self, entry: InFlightMessage) -> None:
        """Delete the message."""
        entry.state = _DELETING
        self._unsettled.count += 1
        deletes = self._deletes
        deletes.append(entry)
        held = len(deletes)
        # Most deletes neither start a batch nor complete one.
        if held == 1 or held >= self._batch or held * WAITING_PART > self._permits.limit:
            self._grown(Action.DELETE, deletes, self._delete_timer)

    def release(
        self, entry: InFlightMessage, seconds: int, cause: ReleaseCause | None = None
    ) -> None:
        """Give the message back, visible again after `seconds`.

        Without a cause: it failed where a delivery had begun, else it only waited.
        """
        if cause is None:
            waited = entry.state is State.WAITING
            cause = ReleaseCause.WAITED if waited else ReleaseCause.FAILED
        entry.state = State.RELEASING
        entry.release_seconds = seconds
        entry.release_cause = cause
        self._unsettled.count += 1
        self._put(Action.RELEASE, entry)

    def dead_letter(
        self,
        entry: InFlightMessage,
        attributes: Mapping[str, str],
        done: Callable[[bool], None],
    ) -> Sending | None:
        """Send a copy to the dead-letter queue; `done` is told whether SQS confirmed it."""
        if self._tasks is None:
            return None
        copying = self._send_copy(entry, attributes, done)
        call = self._call_soon(self._tasks, copying, f"dead letter {entry.message.message_id}")
        return None if call is None else Copying(call)

    def drop_lost(self, entry: InFlightMessage) -> None:
        """Drop a message whose lease ended before anything was done with it."""
        why = "its lease ended before its turn came"
        self._failed_to(Action.EXTEND, why, lease_lost=True)
        self._unsettled.count += 1
        self._ended([entry], confirmed=False)

    def flush_early(self) -> None:
        """Send batches that wait for more entries while their permits are wanted."""
        if self._deletes and self._permits.starved(len(self._deletes)):
            self._send(Action.DELETE)
        if self._releases and self._permits.starved(len(self._releases)):
            self._send(Action.RELEASE)

    async def flush(self) -> None:
        """Send what waits and return once everything is settled."""
        self._linger_seconds = 0.0
        self._send(Action.DELETE)
        self._send(Action.RELEASE)
        await self._unsettled.wait()

    def abandon(self) -> None:
        """Stop settling; the leases give the messages back."""
        self._tasks = None
        self._delete_timer.cancel()
        self._release_timer.cancel()
        for call in self._calls:
            call.cancel()

    # ---- batches --------------------------------------------------------------------------

    def _put(self, action: Action, entry: InFlightMessage) -> None:
        if action is Action.DELETE:
            self._deletes.append(entry)
            self._grown(action, self._deletes, self._delete_timer)
        elif entry.superseded:
            # Received again: it did go back, and this receipt must not touch the new lease.
            self._ended([entry], confirmed=True)
        else:
            self._releases.append(entry)
            self._grown(action, self._releases, self._release_timer)

    def _grown(self, action: Action, waiting: list[InFlightMessage], timer: LazyTimer) -> None:
        """Send a batch that is full or holds up pollers; else let it wait for more entries."""
        if len(waiting) >= self._batch or self._permits.starved(len(waiting)):
            self._send(action)
        elif len(waiting) == 1 and self._tasks is not None:
            seconds = self._linger_seconds
            if action is Action.RELEASE:
                seconds = min(seconds, RELEASE_LINGER_SECONDS)
            timer.set(asyncio.get_running_loop().time() + seconds)

    def _send(self, action: Action) -> None:
        waiting = self._deletes if action is Action.DELETE else self._releases
        size = self._batch
        while waiting and self._tasks is not None:
            batch, waiting[:size] = waiting[:size], []
            self._call_soon(self._tasks, self._settle(action, batch), f"{action} {self._route}")

    def _call_soon(
        self, tasks: asyncio.TaskGroup, settling: Coroutine[None, None, None], name: str
    ) -> asyncio.Task[None] | None:
        try:
            call = tasks.create_task(settling, name=name)
        except RuntimeError:  # the task tree comes down by a crash: the leases do the rest
            settling.close()
            self._tasks = None
            return None
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    async def _settle(self, action: Action, batch: list[InFlightMessage]) -> None:
        receipts = [entry.receipt for entry in batch]
        failed = await self._call(action, batch, receipts)
        confirmed = []
        for position, (entry, receipt) in enumerate(zip(batch, receipts, strict=True)):
            if failed and position in failed:
                self._entry_failed(action, entry, receipt, failed[position])
            elif action is Action.DELETE and receipt != entry.receipt:
                self._put(action, entry)  # received again meanwhile: only the newest receipt counts
            else:
                confirmed.append(entry)
        if confirmed:
            self._reporter.settled(action, len(confirmed))
            self._ended(confirmed, confirmed=True)

    async def _call(
        self, action: Action, batch: Sequence[InFlightMessage], receipts: Sequence[str]
    ) -> Mapping[int, EntryError]:
        try:
            if action is Action.DELETE:
                return await self._source.ack(receipts)
            seconds = map(self._seconds_left, batch)
            if self._log is None:
                return await self._source.set_leases(list(zip(receipts, seconds, strict=True)))
            releases = map(_release_of, batch, receipts, seconds)
            return await self._log.release(list(releases))
        except SourceError as error:
            failure = EntryError(error.code, str(error))
            return dict.fromkeys(range(len(batch)), failure)

    async def _send_copy(
        self,
        entry: InFlightMessage,
        attributes: Mapping[str, str],
        done: Callable[[bool], None],
    ) -> None:
        message = entry.message
        try:
            dropped = await self._source.dead_letter(message, attributes)
        except SourceError as error:
            self._failed_to(Action.DEAD_LETTER, str(error))
            done(False)  # noqa: FBT003 - a callback's one flag
            return
        self._reporter.settled(Action.DEAD_LETTER)
        if dropped:
            self._reporter.emit(AttributesDropped(self._route, message.message_id, dropped))
        done(True)  # noqa: FBT003 - as above

    def _seconds_left(self, entry: InFlightMessage) -> int:
        """Return how long to hide it: never more than the source allows since the receive."""
        held_seconds = asyncio.get_running_loop().time() - entry.received_at
        left = self._max_delay_seconds - int(held_seconds) - 1
        return max(0, min(entry.release_seconds, left))

    def _entry_failed(
        self, action: Action, entry: InFlightMessage, receipt: str, error: EntryError
    ) -> None:
        entry.failed_settlements += 1
        renewed = receipt != entry.receipt
        lost = error.lease_lost and not renewed
        self._failed_to(action, error.why or error.code, lease_lost=lost)
        exhausted = entry.failed_settlements >= RELEASE_ATTEMPTS
        if lost or (action is Action.RELEASE and exhausted):
            self._ended([entry], confirmed=False)
            return
        delay = exponential_backoff(
            FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, entry.failed_settlements
        )
        asyncio.get_running_loop().call_later(delay, self._put, action, entry)

    def _failed_to(self, action: Action, why: str, *, lease_lost: bool = False) -> None:
        self._reporter.emit(SettlementFailed(self._route, action, why, lease_lost=lease_lost))

    def _ended(self, entries: Sequence[InFlightMessage], *, confirmed: bool) -> None:
        held_bytes = self._in_flight.remove(entries)
        self._permits.give(len(entries), held_bytes)
        unsettled = self._unsettled
        unsettled.count -= len(entries)
        if unsettled.awaited and not unsettled.count:
            unsettled.notify()
        for entry in entries:
            if entry.settled is not None:
                entry.settled(entry, confirmed)


def _release_of(entry: InFlightMessage, receipt: str, seconds: int) -> Release:
    elsewhere = entry.plan is not None and entry.plan.elsewhere
    return Release(receipt, seconds, entry.release_cause, elsewhere)


_DELETING: Final = State.DELETING  # a member of an enum is slow to find
