"""A message of the in-memory source, and the errors of its deletes and leases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.messages.message import Attribute, Message
from gateway.ports import EntryError
from tools.sqs_model import message as model
from tools.sqs_model.message import Event, Stage
from tools.sqs_model.queue import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ERRORS: Final = {
    Refusal.UNKNOWN_RECEIPT: EntryError(
        "ReceiptHandleIsInvalid", "not a receipt of this queue", lease_lost=True
    ),
    Refusal.EXPIRED_RECEIPT: EntryError(
        "InvalidParameterValue", "the receipt is out of date", lease_lost=True
    ),
    Refusal.NOT_AVAILABLE: EntryError(
        "InvalidParameterValue", "the receipt is out of date", lease_lost=True
    ),
    Refusal.NOT_IN_FLIGHT: EntryError("MessageNotInflight", "not in flight", lease_lost=True),
    Refusal.BEYOND_LIMIT: EntryError(
        "InvalidParameterValue", "more than 12 h in all", lease_lost=True
    ),
}


class Stored(model.Message):
    """A message and its history; times are the loop's seconds."""

    __slots__ = (
        "attributes",
        "body",
        "deduplication_id",
        "events",
        "message_id",
        "sent_at",
    )

    def __init__(
        self,
        message_id: str,
        body: str,
        sent_at: float,
        attributes: Mapping[str, Attribute],
        group: str | None,
        deduplication_id: str | None,
    ) -> None:
        super().__init__(group)
        self.message_id = message_id
        self.body = body
        self.sent_at = sent_at
        self.attributes = attributes
        self.deduplication_id = deduplication_id
        self.events: list[tuple[float, Event, int]] = []

    def record(self, now: float, event: Event, number: int) -> None:
        """Append to the history."""
        self.events.append((now, event, number))

    @property
    def receipt(self) -> str:
        """The newest receipt, readable: "m-1#2" is that of the second receive."""
        return f"{self.message_id}#{self.receive_count}" if self.receive_count else ""

    @property
    def gone_at(self) -> float | None:
        """When it was deleted, or moved by the redrive policy."""
        return next(self._times(Event.DELETED, Event.MOVED), None)

    @property
    def receives(self) -> list[float]:
        """When it was received."""
        return list(self._times(Event.RECEIVED))

    @property
    def deletes(self) -> list[float]:
        """When it was deleted: one time at most."""
        return list(self._times(Event.DELETED))

    @property
    def changes(self) -> list[tuple[float, int]]:
        """When its visibility was changed, and to how many seconds."""
        return [(at, n) for at, event, n in self.events if event is Event.VISIBILITY_CHANGED]

    def in_flight(self, now: float) -> bool:
        """Whether it is leased."""
        return self.stage is Stage.LEASED and self.visible_at > now

    def as_received(self) -> Message:
        """Return it the way a receive does."""
        return Message(
            message_id=self.message_id,
            body=self.body,
            receipt=self.receipt,
            attributes=dict(self.attributes),
            group=self.group,
            deduplication_id=self.deduplication_id,
            receive_count=self.receive_count,
            sent_ms=int(self.sent_at * 1000) or 1,  # virtual time begins at 0, which is "not known"
            first_received_ms=int(self.first_received_at * 1000) or 1,
            sender_id="AIDAFAKE",
        )

    def _times(self, *events: Event) -> Iterator[float]:
        return (at for at, event, _ in self.events if event in events)


class ReadableReceipts:
    """Reads receipts such as "m-1#2"."""

    def __init__(self, by_id: Mapping[str, Stored]) -> None:
        self._by_id = by_id

    def parse(self, receipt: str) -> tuple[int, int] | None:
        """Return sequence and receive count; None where no such receive was."""
        message_id, _, count = receipt.rpartition("#")
        stored = self._by_id.get(message_id)
        if stored is None or int(count) > stored.receive_count:
            return None
        return stored.sequence, int(count)
