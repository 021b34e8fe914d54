"""The model of one queue: what is in it, who may receive it, and when that changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tools.sqs_model.attempts import Attempt
from tools.sqs_model.deadlines import Deadlines
from tools.sqs_model.message import DELAYED, DELETED, LEASED, MOVED, VISIBLE, Event, Message, Stage
from tools.sqs_model.visible import FifoOrder, StandardOrder, Visible
from tools.sqs_model.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.sqs_model.receipts import ReceiptFormat

MAX_VISIBILITY_SECONDS: Final = 43_200
_LATEST: Final = 2_000

M = TypeVar("M", bound=Message)


class Refusal(Enum):
    """Why a delete or a change of visibility has no effect."""

    UNKNOWN_RECEIPT = auto()
    EXPIRED_RECEIPT = auto()
    NOT_AVAILABLE = auto()
    NOT_IN_FLIGHT = auto()
    BEYOND_LIMIT = auto()


@dataclass(slots=True)
class Totals:
    """What happened in a queue, in numbers; times are None until it did.

    `deletes_ignored` counts deletes that succeeded without effect: by an older receipt, or of a
    message that was gone.
    """

    receives: int = 0
    max_receive_count: int = 0
    deletes_ignored: int = 0
    first_received_at: float | None = None
    last_deleted_at: float | None = None


class Queue(Generic[M]):
    """A standard or FIFO queue. Every method takes the time, in seconds, and time never goes back.

    Each step costs O(1), or O(log n) in what is delayed or leased; nothing is ever recounted.
    `counts` has the number of messages by stage. A message that was received `max_receive_count`
    times goes to `dead_letter` at its next receive. `record` is told each event: message, time,
    what happened, and a number (:class:`Event`).
    """

    def __init__(
        self,
        receipts: ReceiptFormat,
        *,
        fifo: bool = False,
        record: Callable[[M, float, Event, int], None] | None = None,
    ) -> None:
        self.fifo = fifo
        self.max_receive_count: int | None = None
        self.dead_letter: Callable[[M, float], None] = lambda _message, _now: None
        self.messages: list[M] = []
        self.counts = [0] * len(Stage)
        self.totals = Totals()
        self._receipts = receipts
        self.deadlines: Deadlines[M] = Deadlines()
        self._record = record
        self._visible = self._no_messages()
        self._sent: Window[M] = Window()
        self._attempts: Window[Attempt[M]] = Window()

    def send(
        self, message: M, now: float, delay_seconds: float = 0, deduplication_key: str = ""
    ) -> M:
        """Add a message and return it; a duplicate within five minutes returns the first one."""
        if deduplication_key:
            first = self._sent.get(deduplication_key, now)
            if first is not None:
                return first
            self._sent.keep(deduplication_key, message, now)
        message.sequence = len(self.messages)
        message.stage = DELAYED if delay_seconds else VISIBLE
        self.messages.append(message)
        self.counts[message.stage] += 1
        self._visible.add(message)
        if delay_seconds:
            self._set_deadline([message], now + delay_seconds)
        return message

    def receive(self, limit: int, seconds: float, now: float, attempt_id: str = "") -> list[M]:
        """Lease up to `limit` messages; an attempt id returns what it returned before.

        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html
        """
        self.advance(now)
        before = self._attempts.get(attempt_id, now) if attempt_id else None
        if before is not None and before.untouched:
            messages = list(before.messages)
        else:
            messages = self._take(limit, now)
        if messages:
            self._set_deadline(messages, now + seconds)
            if attempt_id:
                self._attempts.keep(attempt_id, Attempt.of(messages), now)
        return messages

    def delete(self, receipt: str, now: float) -> Refusal | None:
        """Delete by receipt.

        Deleting twice succeeds. A standard queue accepts the newest receipt even after its lease.
        An older one succeeds there too, but the message stays, as the API page warns. A FIFO queue
        accepts only the receipt of the lease in force.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
        """
        if now >= self.deadlines.first:
            self.advance(now)
        message, newest = self._find(receipt)
        if message is None:
            return Refusal.UNKNOWN_RECEIPT
        stage = message.stage
        if stage is DELETED:
            self._ignore(message, now, Event.DELETED_AGAIN)
        elif self.fifo and not (newest and stage is LEASED):
            return Refusal.EXPIRED_RECEIPT
        elif not newest or stage is MOVED:
            self._ignore(message, now, Event.DELETE_IGNORED)
        else:
            self._delete(message, now)
        return None

    def change_visibility(self, receipt: str, seconds: float, now: float) -> Refusal | None:
        """Set the lease to end `seconds` from now, at most 12 hours after the receive.

        The service is inconsistent about receipts that are out of date. This is its documented,
        stricter side: NOT_IN_FLIGHT once the lease is over, NOT_AVAILABLE for an older receipt or a
        message that is gone.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
        """
        if now >= self.deadlines.first:
            self.advance(now)
        message, newest = self._find(receipt)
        if message is None:
            return Refusal.UNKNOWN_RECEIPT
        if not newest or message.gone:
            return Refusal.NOT_AVAILABLE
        if message.stage is VISIBLE:
            return Refusal.EXPIRED_RECEIPT if self.fifo else Refusal.NOT_IN_FLIGHT
        if now + seconds > message.received_at + MAX_VISIBILITY_SECONDS:
            return Refusal.BEYOND_LIMIT
        self._set_deadline([message], now + seconds)
        self._note(message, now, Event.VISIBILITY_CHANGED, int(seconds))
        self.advance(now)
        return None

    def find(self, receipt: str) -> M | None:
        """Return the message of a receipt."""
        return self._find(receipt)[0]

    def lease_again(self, draw: float, seconds: float, now: float) -> M | None:
        """Lease one of the latest messages that are leased already; None where there is none.

        `draw` is 0..1. A standard queue may deliver a leased message again now and then.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
        """
        latest = self.messages[-_LATEST:]
        leased = [m for m in latest if m.stage is LEASED and m.received_at < now]
        if not leased or self.fifo:
            return None
        message = leased[int(draw * len(leased))]
        self._lease([message], now)
        self._note(message, now, Event.HANDED_OUT_AGAIN)
        self._set_deadline([message], now + seconds)
        return message

    def end_lease(self, message: M, now: float) -> None:
        """Make a leased message visible before its time."""
        self._move(message, VISIBLE)
        self._note(message, now, Event.LEASE_ENDED)
        self._visible.put_back(message)

    def purge(self, now: float) -> None:
        """Delete everything."""
        for message in self.messages:
            if not message.gone:
                self._move(message, DELETED)
                self._note(message, now, Event.PURGED)
        self._visible = self._no_messages()

    def advance(self, now: float) -> None:
        """Make visible what became so since the last call."""
        for message in self.deadlines.due(now):
            if message.stage is LEASED:
                self.end_lease(message, now)
            elif message.stage is DELAYED:
                self._move(message, VISIBLE)
                self._visible.appear(message)

    def next_change_at(self) -> float | None:
        """Return when the next delay or lease ends, or None."""
        return self.deadlines.earliest

    def _no_messages(self) -> Visible[M]:
        return FifoOrder() if self.fifo else StandardOrder()

    def _find(self, receipt: str) -> tuple[M | None, bool]:
        """Return the message, and whether the receipt is its newest."""
        parsed = self._receipts.parse(receipt)
        if parsed is None or parsed[0] >= len(self.messages):
            return None, False
        message = self.messages[parsed[0]]
        return message, message.receive_count == parsed[1]

    def _take(self, limit: int, now: float) -> list[M]:
        taken: list[M] = []
        while len(taken) < limit and (batch := self._visible.take(limit - len(taken))):
            if self.max_receive_count is not None:
                batch = self._without_used_up(batch, self.max_receive_count, now)
            taken += batch
        self.counts[VISIBLE] -= len(taken)
        self.counts[LEASED] += len(taken)
        self._lease(taken, now)
        return taken

    def _without_used_up(self, batch: list[M], most: int, now: float) -> list[M]:
        for message in batch:
            if message.receive_count >= most:
                self._move(message, MOVED)
                self._note(message, now, Event.MOVED)
                self._visible.settle(message)
                self.dead_letter(message, now)
        return [message for message in batch if message.stage is not MOVED]

    def _lease(self, messages: list[M], now: float) -> None:
        totals = self.totals
        for message in messages:
            message.stage = LEASED
            message.received_at = now
            message.receive_count = count = message.receive_count + 1
            if count == 1:
                message.first_received_at = now
            totals.max_receive_count = max(totals.max_receive_count, count)
            if self._record is not None:
                self._record(message, now, Event.RECEIVED, count)
        totals.receives += len(messages)
        if messages and totals.first_received_at is None:
            totals.first_received_at = now

    def _set_deadline(self, messages: list[M], until: float) -> None:
        # To the microsecond: a sum of floats may lie a hair behind the clock that it was added to.
        pending = self.counts[LEASED] + self.counts[DELAYED]
        self.deadlines.add(round(until, 6), messages, pending)

    def _ignore(self, message: M, now: float, event: Event) -> None:
        self.totals.deletes_ignored += 1
        self._note(message, now, event)

    def _delete(self, message: M, now: float) -> None:
        leased = message.stage is LEASED
        self._move(message, DELETED)
        self.totals.last_deleted_at = now
        if self._record is not None:
            self._record(message, now, Event.DELETED, 0)
        if leased and self.fifo:
            self._visible.settle(message)

    def _move(self, message: M, stage: Stage) -> None:
        self.counts[message.stage] -= 1
        self.counts[stage] += 1
        message.stage = stage

    def _note(self, message: M, now: float, event: Event, number: int = 0) -> None:
        if self._record is not None:
            self._record(message, now, event, number)
