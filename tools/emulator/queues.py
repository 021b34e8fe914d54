"""A queue of the emulator: the model, with queue attributes, drafts, histories and SQS's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from gateway.demo.senders import UNSIGNED
from tools.emulator import errors
from tools.emulator.messages import Message
from tools.emulator.traits import parse_traits
from tools.sqs_model import queue as model
from tools.sqs_model.queue import MAX_VISIBILITY_SECONDS, Refusal
from tools.sqs_model.receipts import Receipts

if TYPE_CHECKING:
    from tools.emulator.errors import SqsError
    from tools.emulator.messages import Draft


class Queue:
    """A standard or FIFO queue. Every method takes the time, in seconds, and time never goes back.

    `model` has the messages and the rules; `dead_letters` is where receives beyond the redrive
    policy's number go.
    """

    def __init__(
        self, name: str, arn: str, number: int, attributes: dict[str, str], now: float
    ) -> None:
        self.name = name
        self.arn = arn
        self.created_at = now
        self.purged_at = float("-inf")
        self._receipts = Receipts(number)
        self.model: model.Queue[Message] = model.Queue(
            self._receipts, fifo=attributes.get("FifoQueue") == "true", record=Message.note
        )
        self.model.dead_letter = self._dead_letter
        self._dead_letters: Queue | None = None
        self.configure(attributes, now)

    @property
    def messages(self) -> list[Message]:
        """Every message that ever was in the queue, in the order of sending."""
        return self.model.messages

    @property
    def counts(self) -> list[int]:
        """The number of messages by stage."""
        return self.model.counts

    @property
    def totals(self) -> model.Totals:
        """What happened, in numbers."""
        return self.model.totals

    @property
    def dead_letters(self) -> Queue | None:
        """Where messages go that were received too often; None keeps them."""
        return self._dead_letters

    @dead_letters.setter
    def dead_letters(self, queue: Queue | None) -> None:
        self._dead_letters = queue
        self._set_redrive()

    def configure(self, attributes: dict[str, str], now: float) -> None:
        """Replace the attributes; messages that are already in keep their delay and lease."""
        self.attributes = attributes
        self.traits = parse_traits(attributes)
        self.modified_at = now
        self._set_redrive()

    def send(
        self,
        draft: Draft,
        message_id: str,
        now: float,
        delay_seconds: int | None = None,
        sender_id: str = UNSIGNED,
    ) -> Message:
        """Add a message; on FIFO, a duplicate within five minutes returns the first one."""
        delay = self.traits.delay_seconds if delay_seconds is None else delay_seconds
        message = Message(message_id, draft, now, sender_id)
        return self.model.send(message, now, delay, self._deduplication_key(draft))

    def adopt(self, original: Message, source_arn: str, now: float) -> None:
        """Add a copy of a message whose receives in the source queue are used up."""
        copy = Message(original.message_id, original.draft, original.sent_at, original.sender_id)
        copy.receive_count = original.receive_count
        copy.first_received_at = original.first_received_at
        copy.source_arn = source_arn
        self.model.send(copy, now)

    def receive(
        self, limit: int, visibility_seconds: int, now: float, attempt_id: str = ""
    ) -> list[Message]:
        """Lease up to `limit` messages; a FIFO attempt id returns what it returned before."""
        messages = self.model.receive(limit, visibility_seconds, now, attempt_id)
        for message in messages:
            self._renew_receipt(message)
        return messages

    def receive_again(self, draw: float, visibility_seconds: int, now: float) -> Message | None:
        """Lease one of the latest messages that are leased already; None where there is none."""
        message = self.model.lease_again(draw, visibility_seconds, now)
        if message is not None:
            self._renew_receipt(message)
        return message

    def delete(self, receipt: str, now: float) -> None:
        """Delete by receipt; raises SqsError."""
        refusal = self.model.delete(receipt, now)
        if refusal is not None:
            raise error_for(refusal, receipt)

    def change_visibility(self, receipt: str, seconds: int, now: float) -> None:
        """Set the lease to end `seconds` from now; raises SqsError."""
        refusal = self.model.change_visibility(receipt, seconds, now)
        if refusal is not None:
            raise error_for(refusal, receipt, seconds)

    def holder(self, receipt: str) -> Message:
        """Return the message of a receipt; raises SqsError where there is none."""
        message = self.model.find(receipt)
        if message is None:
            raise errors.no_receipt(receipt)
        return message

    def purge(self, now: float) -> None:
        """Delete everything."""
        self.model.purge(now)
        self.purged_at = now

    def advance(self, now: float) -> None:
        """Make visible what became so since the last call."""
        self.model.advance(now)

    def next_change_at(self) -> float | None:
        """Return when the next delay or lease ends, or None."""
        return self.model.next_change_at()

    def _renew_receipt(self, message: Message) -> None:
        message.receipt = self._receipts.make(message.sequence, message.receive_count)

    def _set_redrive(self) -> None:
        redrive = self.traits.redrive if self._dead_letters is not None else None
        self.model.max_receive_count = None if redrive is None else redrive.max_receive_count

    def _dead_letter(self, message: Message, now: float) -> None:
        assert self._dead_letters is not None
        self._dead_letters.adopt(message, self.arn, now)

    def _deduplication_key(self, draft: Draft) -> str:
        if self.traits.deduplicates_by_group:
            return f"{draft.group} {draft.deduplication_id}"
        return draft.deduplication_id or ""


def error_for(refusal: Refusal, receipt: str, seconds: float = 0) -> SqsError:
    """Return SQS's error for a delete or change of visibility that has no effect."""
    match refusal:
        case Refusal.UNKNOWN_RECEIPT:
            return errors.no_receipt(receipt)
        case Refusal.EXPIRED_RECEIPT:
            return errors.expired_receipt(receipt)
        case Refusal.NOT_AVAILABLE:
            return errors.not_available(receipt)
        case Refusal.NOT_IN_FLIGHT:
            return errors.not_in_flight()
        case Refusal.BEYOND_LIMIT:
            return errors.beyond_limit(seconds, MAX_VISIBILITY_SECONDS)
        case _:
            assert_never(refusal)
