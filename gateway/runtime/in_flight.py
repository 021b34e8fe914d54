"""The messages in flight: received and not yet settled, each under its lease.

A lease is SQS's visibility timeout. A message that SQS hands out again while it is in flight is the
same message: its new receipt replaces the old one and nothing is delivered twice. A message that is
on its way back to the queue is different: received again, it is a new message.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, auto
from sys import getsizeof
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.kafka.release_cause import ReleaseCause
    from gateway.core.messages.message import Attribute, Message
    from gateway.ports import Sending
    from gateway.runtime.plans import ActivePlan, DeliveryPlans


class State(Enum):
    """How far a message in flight has come."""

    WAITING = auto()  # received, nothing sent yet: a soft stop gives it back at once
    DELIVERING = auto()
    DELETING = auto()
    RELEASING = auto()


class InFlightMessage:
    """One message in flight, from its receive until SQS has confirmed its settlement.

    All times are seconds of the event loop's clock. `leased_until` is what SQS has confirmed,
    `due_at` when the lease is to be extended. The dispatcher, the deliverer, the settler and the
    lease keeper each use their own part of it; it has no logic.
    """

    __slots__ = (
        "began_at",
        "counted",
        "due_at",
        "ended",
        "failed_settlements",
        "group",
        "has_slot",
        "held_bytes",
        "lease_lost",
        "leased_until",
        "message",
        "plan",
        "plans",
        "receipt",
        "received_at",
        "release_cause",
        "release_seconds",
        "seconds",
        "settled",
        "state",
        "superseded",
        "under_way",
        "waits_for",
    )
    release_cause: ReleaseCause

    def __init__(
        self, message: Message, received_at: float, leased_until: float, due_at: float
    ) -> None:
        self.message = message
        self.receipt = message.receipt
        self.state = _WAITING
        self.held_bytes = getsizeof(message.body)
        if message.attributes:
            self.held_bytes += held_bytes(message.attributes)

        # The lease keeper's.
        self.received_at = received_at
        self.leased_until = leased_until
        self.due_at = due_at
        self.lease_lost = False
        self.superseded = False  # received again while it was being released

        # The deliverer's.
        self.plans: DeliveryPlans | None = None  # of the generation that decided on it
        self.plan: ActivePlan | None = None
        self.under_way = False
        self.has_slot = False
        self.waits_for: Sending | None = None
        self.began_at = 0.0
        self.seconds = 0.0  # how long the delivery took
        self.ended: Callable[[int | None], None] | None = None
        self.counted = False  # its delivery is in the evidence, though it is still in flight

        # The settler's. `release_cause` is there once it is released.
        self.release_seconds = 0
        self.failed_settlements = 0

        # The dispatcher's, on a FIFO queue: hears whether SQS confirmed the settlement.
        self.group: object = None
        self.settled: Callable[[InFlightMessage, bool], None] | None = None


class InFlight:
    """All messages in flight of one route, the one whose lease is due first in front."""

    def __init__(self) -> None:
        # An OrderedDict: a dict gets slow at its front when entries are taken from there for long.
        self._entries: OrderedDict[str, InFlightMessage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def add(
        self, messages: Sequence[Message], now: float, leased_at: float, lease_seconds: float
    ) -> list[InFlightMessage]:
        """Take messages in and return the new ones; of the others keep the newest receipt.

        Their leases began at `leased_at` and are due at half their life from now.
        """
        until = leased_at + lease_seconds
        due_at = now + lease_seconds / 2
        new = []
        entries = self._entries
        for message in messages:
            message_id = message.message_id
            held = entries.get(message_id)
            if held is None or held.state is State.RELEASING:
                if held is not None:
                    held.superseded = True
                    del entries[message_id]  # the new one goes to the end
                entries[message_id] = entry = InFlightMessage(message, leased_at, until, due_at)
                new.append(entry)
            else:
                held.receipt = message.receipt
                held.lease_lost = False
                held.received_at = leased_at
                held.leased_until = until
                self.postpone(held, due_at)
        return new

    def holds(self, entry: InFlightMessage) -> bool:
        """Whether this very entry is in flight, and not a later receive of the same message."""
        return self._entries.get(entry.message.message_id) is entry

    def remove(self, settled: Sequence[InFlightMessage]) -> int:
        """Remove settled messages, but not a later receive that took the place of one.

        Returns how many bytes of memory they held together.
        """
        entries = self._entries
        size = 0
        for entry in settled:
            size += entry.held_bytes
            message_id = entry.message.message_id
            if entries.get(message_id) is entry:
                del entries[message_id]
        return size

    def due(self, now: float) -> list[InFlightMessage]:
        """Return the entries whose lease is to be extended by now, the first due first."""
        found = []
        for entry in self._entries.values():
            if entry.due_at > now:
                break
            found.append(entry)
        return found

    def under_way(self) -> list[InFlightMessage]:
        """Return those that are being delivered, or wait for a slot."""
        return [entry for entry in self._entries.values() if entry.under_way]

    def received_before(self, moment: float) -> list[InFlightMessage]:
        """Return what was received before then; looks at every entry."""
        return [entry for entry in self._entries.values() if entry.received_at < moment]

    def next_due_at(self) -> float | None:
        """Return when the first lease is due; None with nothing in flight."""
        first = next(iter(self._entries.values()), None)
        return None if first is None else first.due_at

    def postpone(self, entry: InFlightMessage, due_at: float) -> None:
        """Set when the lease is due again; all leases are of one length, so that is last."""
        entry.due_at = due_at
        if self.holds(entry):
            self._entries.move_to_end(entry.message.message_id)


def held_bytes(attributes: Mapping[str, Attribute]) -> int:
    """Return the memory that the texts take: up to four times their bytes, for rare characters."""
    size = 0
    for _, text in attributes.values():
        size += getsizeof(text)
    return size


_WAITING: Final = State.WAITING  # a member of an enum is slow to find
