"""What is in a queue and who may have it: SQS's rules, with the time coming in by each call.

Sources: the pages of ReceiveMessage, DeleteMessage and ChangeMessageVisibility at
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.core.messages.message import Attribute, Message
from gateway.ports import EntryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_VISIBILITY_SECONDS: Final = 43_200
DEDUPLICATION_SECONDS: Final = 300

BOGUS: Final = EntryError("ReceiptHandleIsInvalid", "not a receipt of this queue", lease_lost=True)
STALE: Final = EntryError("InvalidParameterValue", "the receipt is out of date", lease_lost=True)
NOT_IN_FLIGHT: Final = EntryError("MessageNotInflight", "not in flight", lease_lost=True)
BEYOND_LIMIT: Final = EntryError("InvalidParameterValue", "more than 12 h in all", lease_lost=True)


@dataclass(slots=True, eq=False)
class Stored:
    """A message and its ledger; times are the loop's seconds."""

    message_id: str
    body: str
    sent_at: float
    visible_at: float
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    group: str | None = None
    deduplication_id: str | None = None
    receive_count: int = 0
    receipt: str = ""
    gone_at: float | None = None
    receives: list[float] = field(default_factory=list)
    deletes: list[float] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)

    @property
    def gone(self) -> bool:
        """Whether it was deleted, or moved by the redrive policy."""
        return self.gone_at is not None

    def in_flight(self, now: float) -> bool:
        """Whether somebody holds it under a lease."""
        return not self.gone and self.receive_count > 0 and self.visible_at > now

    def view(self) -> Message:
        """Return it the way a receive does."""
        return Message(
            message_id=self.message_id,
            body=self.body,
            receipt=self.receipt,
            attributes=dict(self.attributes),
            group=self.group,
            deduplication_id=self.deduplication_id,
            receive_count=self.receive_count,
            sent_ms=int(self.sent_at * 1000),
            first_received_ms=int(self.receives[0] * 1000) if self.receives else 0,
            sender_id="AIDAFAKE",
        )


def later(now: float, seconds: float) -> float:
    """Return a moment to the microsecond: a sum of floats may lie a hair behind the clock's own."""
    return round(now + seconds, 6)


class Store:
    """Messages in the order they were sent; `moved` has those that the redrive policy took."""

    def __init__(self, *, fifo: bool, max_receive_count: int | None) -> None:
        self._fifo, self._max_receive_count = fifo, max_receive_count
        self.messages: dict[str, Stored] = {}
        self.moved: list[Stored] = []
        self._present: dict[str, Stored] = {}
        self._by_receipt: dict[str, Stored] = {}

    def send(self, message: Stored) -> str:
        """Take a message in; on FIFO a duplicate within five minutes is the first one again."""
        for earlier in self.messages.values() if message.deduplication_id else ():
            recent = message.sent_at - earlier.sent_at < DEDUPLICATION_SECONDS
            if recent and earlier.deduplication_id == message.deduplication_id:
                return earlier.message_id
        self.messages[message.message_id] = self._present[message.message_id] = message
        return message.message_id

    def receive(self, limit: int, visibility_seconds: int, now: float) -> list[Message]:
        """Lease up to `limit` visible messages; a group with one in flight is blocked."""
        taken: list[Message] = []
        until = later(now, visibility_seconds)
        for stored in self._available(now):
            if len(taken) == limit:
                break
            if self._used_up(stored):
                self._remove(stored, now)
                self.moved.append(stored)
            else:
                taken.append(self._lease(stored, now, until))
        return taken

    def delete(self, receipt: str, now: float) -> EntryError | None:
        """Delete by receipt; deleting twice succeeds, and so does an old receipt, to no effect."""
        stored = self._by_receipt.get(receipt)
        if stored is None:
            return BOGUS
        if stored.gone:
            return None
        newest = stored.receipt == receipt
        if self._fifo and not (newest and stored.in_flight(now)):
            return STALE
        if newest:
            self._remove(stored, now)
            stored.deletes.append(now)
        return None

    def change_visibility(self, receipt: str, seconds: int, now: float) -> EntryError | None:
        """Let the lease end so many seconds from now."""
        stored = self._by_receipt.get(receipt)
        if stored is None:
            return BOGUS
        if stored.gone or stored.receipt != receipt:
            return STALE
        if not stored.in_flight(now):
            return STALE if self._fifo else NOT_IN_FLIGHT
        if now + seconds > stored.receives[-1] + MAX_VISIBILITY_SECONDS:
            return BEYOND_LIMIT
        stored.visible_at = later(now, seconds)
        stored.changes.append((now, seconds))
        return None

    def next_visible_at(self, now: float) -> float | None:
        """Return when the next lease or delay ends."""
        return min(
            (each.visible_at for each in self._present.values() if each.visible_at > now),
            default=None,
        )

    def _available(self, now: float) -> Iterator[Stored]:
        present = tuple(self._present.values())
        blocked = {each.group for each in present if each.visible_at > now} if self._fifo else set()
        for stored in present:
            if stored.visible_at <= now and not (self._fifo and stored.group in blocked):
                yield stored

    def _used_up(self, stored: Stored) -> bool:
        limit = self._max_receive_count
        return limit is not None and stored.receive_count >= limit

    def _lease(self, stored: Stored, now: float, until: float) -> Message:
        stored.receive_count += 1
        stored.receives.append(now)
        stored.visible_at = until
        stored.receipt = f"{stored.message_id}#{stored.receive_count}"
        self._by_receipt[stored.receipt] = stored
        return stored.view()

    def _remove(self, stored: Stored, now: float) -> None:
        stored.gone_at = now
        del self._present[stored.message_id]
