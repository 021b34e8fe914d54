"""The model of one queue: what is in it, who may have it, and when that changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tools.emulator import errors
from tools.emulator.attempts import Attempt
from tools.emulator.ends import Ends
from tools.emulator.lines import FifoLine, StandardLine
from tools.emulator.memory import ShortMemory
from tools.emulator.messages import Message, Stage
from tools.emulator.receipts import Receipts
from tools.emulator.traits import traits_of

if TYPE_CHECKING:
    from tools.emulator.lines import Line
    from tools.emulator.messages import Draft

MAX_VISIBILITY_SECONDS: Final = 43_200
_LATEST: Final = 2_000


@dataclass(slots=True)
class Totals:
    """What happened in a queue, in numbers; times are None until it did."""

    receives: int = 0
    max_receive_count: int = 0
    deletes_ignored: int = 0
    first_received_at: float | None = None
    last_deleted_at: float | None = None

    def receive(self, receive_count: int, now: float) -> None:
        """Count the receive of one message."""
        self.receives += 1
        if self.first_received_at is None:
            self.first_received_at = now
        self.max_receive_count = max(self.max_receive_count, receive_count)


class Queue:
    """A standard or FIFO queue. Every method takes the time, in seconds, and time never goes back.

    Each step costs O(1), or O(log n) in what is delayed or in flight; nothing is ever recounted.
    `counts` has the number of messages by stage; `dead_letters` is where receives beyond the
    redrive policy's number go.
    """

    def __init__(
        self, name: str, arn: str, number: int, attributes: dict[str, str], now: float
    ) -> None:
        self.name = name
        self.arn = arn
        self.created_at = now
        self.configure(attributes, now)
        self.purged_at = float("-inf")
        self.dead_letters: Queue | None = None
        self.messages: list[Message] = []
        self.counts = [0] * len(Stage)
        self.totals = Totals()
        self._receipts = Receipts(number)
        self._line: Line = FifoLine() if self.traits.fifo else StandardLine()
        self._ends = Ends()
        self._sent: ShortMemory[Message] = ShortMemory()
        self._attempts: ShortMemory[Attempt] = ShortMemory()

    def configure(self, attributes: dict[str, str], now: float) -> None:
        """Take over attributes; messages that are already in keep their delay and lease."""
        self.attributes = attributes
        self.traits = traits_of(attributes)
        self.modified_at = now

    def send(
        self, draft: Draft, message_id: str, now: float, delay_seconds: int | None = None
    ) -> Message:
        """Take a message in; on FIFO, a duplicate within five minutes returns the first one."""
        key = self._deduplication_key(draft)
        if key and (first := self._sent.recall(key, now)) is not None:
            return first
        if delay_seconds is None:
            delay_seconds = self.traits.delay_seconds
        message = Message(len(self.messages), message_id, draft, now)
        self._enter(message, now, delay_seconds)
        if key:
            self._sent.keep(key, message, now)
        return message

    def adopt(self, original: Message, source_arn: str, now: float) -> None:
        """Take in a copy of a message whose receives in the source queue are used up."""
        copy = Message(len(self.messages), original.message_id, original.draft, original.sent_at)
        copy.receive_count = original.receive_count
        copy.first_received_at = original.first_received_at
        copy.source_arn = source_arn
        self._enter(copy, now, 0)

    def receive(
        self, limit: int, visibility_seconds: int, now: float, attempt_id: str = ""
    ) -> list[Message]:
        """Lease up to `limit` messages; a FIFO attempt id gets the answer that it got before.

        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html
        """
        self.advance(now)
        before = self._attempts.recall(attempt_id, now) if attempt_id else None
        if before is not None and before.untouched:
            messages = list(before.messages)
        else:
            messages = self._take(limit, now)
        if messages:
            self._set_end(messages, now + visibility_seconds)
        if attempt_id and messages:
            self._attempts.keep(attempt_id, Attempt.of(messages), now)
        return messages

    def delete(self, receipt: str, now: float) -> None:
        """Delete by receipt.

        Deleting twice succeeds. A standard queue takes the newest receipt even after its lease, and
        answers an older one with success but keeps the message, as the API page warns; a FIFO queue
        refuses whatever is not the lease in force.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
        """
        self.advance(now)
        message = self.holder(receipt)
        newest = message.receipt == receipt
        if message.stage is Stage.DELETED:
            message.note(now, "deleted_again")
        elif self.traits.fifo and not (newest and message.stage is Stage.LEASED):
            raise errors.expired_receipt(receipt)
        elif not newest or message.stage is Stage.MOVED:
            self.totals.deletes_ignored += 1
            message.note(now, "delete_ignored")
        else:
            self._delete(message, now)

    def change_visibility(self, receipt: str, seconds: int, now: float) -> None:
        """Let the lease end so many seconds from now, at most 12 hours after the receive.

        The service is not of one mind about receipts that are out of date; this is its documented,
        stricter side: MessageNotInflight once the lease is over, InvalidParameterValue for an older
        receipt or a message that is gone.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
        """
        self.advance(now)
        message = self.holder(receipt)
        if message.receipt != receipt or message.stage in (Stage.DELETED, Stage.MOVED):
            raise errors.not_available(receipt)
        if message.stage is Stage.VISIBLE:
            raise errors.expired_receipt(receipt) if self.traits.fifo else errors.not_in_flight()
        if now + seconds > message.received_at + MAX_VISIBILITY_SECONDS:
            raise errors.beyond_limit(seconds, MAX_VISIBILITY_SECONDS)
        self._set_end([message], now + seconds)
        message.note(now, "visibility_changed", seconds)
        self.advance(now)

    def holder(self, receipt: str) -> Message:
        """Return the message of a receipt; raises SqsError where there is none."""
        sequence = self._receipts.sequence_of(receipt)
        if sequence >= len(self.messages):
            raise errors.no_receipt(receipt)
        return self.messages[sequence]

    def hand_out_again(self, chance: float, visibility_seconds: int, now: float) -> Message | None:
        """Lease one of the latest messages that are leased already; None where there is none.

        A standard queue may do so now and then.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
        """
        latest = self.messages[-_LATEST:]
        leased = [m for m in latest if m.stage is Stage.LEASED and m.received_at < now]
        if not leased or self.traits.fifo:
            return None
        message = leased[int(chance * len(leased))]
        self._lease(message, now)
        message.note(now, "handed_out_again")
        self._set_end([message], now + visibility_seconds)
        return message

    def purge(self, now: float) -> None:
        """Delete everything."""
        for message in self.messages:
            if message.stage not in (Stage.DELETED, Stage.MOVED):
                self._to(message, Stage.DELETED)
                message.note(now, "purged")
        self._line = FifoLine() if self.traits.fifo else StandardLine()
        self.purged_at = now

    def advance(self, now: float) -> None:
        """Make visible what became so since the last call."""
        for message in self._ends.due(now):
            if message.stage is Stage.LEASED:
                self._to(message, Stage.VISIBLE)
                message.note(now, "lease_ended")
                self._line.give_back(message)
            elif message.stage is Stage.DELAYED:
                self._to(message, Stage.VISIBLE)
                self._line.appear(message)

    def next_change_at(self) -> float | None:
        """Return when the next delay or lease ends, or None."""
        return self._ends.next_at

    def _deduplication_key(self, draft: Draft) -> str:
        if self.traits.deduplicates_by_group:
            return f"{draft.group} {draft.deduplication_id}"
        return draft.deduplication_id or ""

    def _enter(self, message: Message, now: float, delay_seconds: int) -> None:
        message.stage = Stage.DELAYED if delay_seconds else Stage.VISIBLE
        self.messages.append(message)
        self.counts[message.stage] += 1
        self._line.enter(message)
        if delay_seconds:
            self._set_end([message], now + delay_seconds)

    def _take(self, limit: int, now: float) -> list[Message]:
        leased: list[Message] = []
        while len(leased) < limit and (batch := self._line.take(limit - len(leased))):
            for message in batch:
                if self._used_up(message):
                    self._move(message, now)
                else:
                    self._lease(message, now)
                    leased.append(message)
        return leased

    def _used_up(self, message: Message) -> bool:
        redrive = self.traits.redrive
        if redrive is None or self.dead_letters is None:
            return False
        return message.receive_count >= redrive.max_receive_count

    def _move(self, message: Message, now: float) -> None:
        assert self.dead_letters is not None
        self._to(message, Stage.MOVED)
        message.note(now, "moved")
        self._line.settle(message)
        self.dead_letters.adopt(message, self.arn, now)

    def _lease(self, message: Message, now: float) -> None:
        message.receive_count += 1
        message.received_at = now
        message.first_received_at = message.first_received_at or now
        message.receipt = self._receipts.make(message.sequence, message.receive_count)
        message.note(now, "received", message.receive_count)
        self._to(message, Stage.LEASED)
        self.totals.receive(message.receive_count, now)

    def _set_end(self, messages: list[Message], until: float) -> None:
        self._ends.add(until, messages, self.counts[Stage.LEASED] + self.counts[Stage.DELAYED])

    def _delete(self, message: Message, now: float) -> None:
        leased = message.stage is Stage.LEASED
        self._to(message, Stage.DELETED)
        self.totals.last_deleted_at = now
        message.note(now, "deleted")
        if leased:
            self._line.settle(message)

    def _to(self, message: Message, stage: Stage) -> None:
        self.counts[message.stage] -= 1
        self.counts[stage] += 1
        message.stage = stage
