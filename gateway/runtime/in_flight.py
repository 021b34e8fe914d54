"""The messages in hand: received and not yet settled, each under its lease.

A message that SQS hands out again while it is in hand is the same message: its new receipt
replaces the old one and nothing is delivered twice. One that is on its way back to the queue is
not in hand any more: received again, it is a new message.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from gateway.core.messages.message import Message
    from gateway.runtime.delivery import Delivery


class Stage(Enum):
    """How far a message in hand has come."""

    WAITING = auto()  # received, nothing sent yet: a soft stop gives it back at once
    DELIVERING = auto()
    DELETING = auto()
    RELEASING = auto()


class InHand:
    """One message in hand; a Delivery, which sets all of this, as its keepers see it.

    `received_at`, `leased_until` and `due_at` are the event loop's seconds. `leased_until` is
    what SQS has confirmed; `due_at` is when the lease is to be extended.
    """

    __slots__ = (
        "attempts",
        "back_after_seconds",
        "due_at",
        "held_bytes",
        "lease_lost",
        "leased_until",
        "message",
        "receipt",
        "received_at",
        "settled",
        "stage",
    )

    attempts: int  # to settle it, that failed
    back_after_seconds: int  # once it is being released
    due_at: float
    held_bytes: int
    lease_lost: bool
    leased_until: float
    message: Message
    receipt: str
    received_at: float
    settled: asyncio.Future[bool] | None  # FIFO: whether SQS confirmed
    stage: Stage


class Hand:
    """All messages in hand of one route, the one whose lease is due first in front.

    `new` makes an entry of a message, when its lease began, when it ends and when it is due.
    """

    def __init__(self) -> None:
        self.new: Callable[[Message, float, float, float], Delivery]
        # An OrderedDict: a dict gets slow at its front when entries are taken from there for long.
        self._entries: OrderedDict[str, Delivery] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def take(
        self, messages: Sequence[Message], leased_at: float, lease_seconds: float, due_at: float
    ) -> list[Delivery]:
        """Put messages in hand and return the new ones; of the others keep the newest receipt."""
        until = leased_at + lease_seconds
        fresh = []
        entries, new = self._entries, self.new
        for message in messages:
            message_id = message.message_id
            held = entries.get(message_id)
            if held is None or held.stage is Stage.RELEASING:
                if held is not None:
                    del entries[message_id]  # the new one goes to the end
                entries[message_id] = entry = new(message, leased_at, until, due_at)
                fresh.append(entry)
            else:
                held.receipt, held.lease_lost = message.receipt, False
                held.received_at, held.leased_until = leased_at, until
                self.postpone(held, due_at)
        return fresh

    def holds(self, entry: InHand) -> bool:
        """Whether this very entry is in hand, and not a later receive of the same message."""
        return self._entries.get(entry.message.message_id) is entry

    def drop(self, settled: Sequence[InHand]) -> None:
        """Let go of settled messages, but not of a later receive that took the place of one."""
        entries = self._entries
        for entry in settled:
            message_id = entry.message.message_id
            if entries.get(message_id) is entry:
                del entries[message_id]

    def due(self, now: float) -> list[Delivery]:
        """Return the entries whose lease is to be extended by now, the first due first."""
        found = []
        for entry in self._entries.values():
            if entry.due_at > now:
                break
            found.append(entry)
        return found

    def under_way(self) -> list[Delivery]:
        """Return those that are being delivered, or wait for their turn to be."""
        return [entry for entry in self._entries.values() if entry.under_way]

    def received_before(self, moment: float) -> list[Delivery]:
        """Return what came in before then; looks at everything in hand."""
        return [entry for entry in self._entries.values() if entry.received_at < moment]

    def next_due_at(self) -> float | None:
        """Return when the first lease is due; None with nothing in hand."""
        first = next(iter(self._entries.values()), None)
        return None if first is None else first.due_at

    def postpone(self, entry: InHand, due_at: float) -> None:
        """Set when the lease is due again; all leases are of one length, so that is last."""
        entry.due_at = due_at
        if self.holds(entry):
            self._entries.move_to_end(entry.message.message_id)
