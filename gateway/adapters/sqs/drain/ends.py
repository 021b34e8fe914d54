"""What a drain asks of its two queues, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.ports import Batch, EntryError


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue holds, by what it says of itself: nearly the truth."""

    visible: int = 0
    delayed: int = 0
    in_flight: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.visible + self.delayed + self.in_flight

    def __str__(self) -> str:
        return f"{self.visible:,} visible, {self.delayed:,} delayed, {self.in_flight:,} in flight"


@dataclass(frozen=True, slots=True)
class NotSent:
    """Why an entry was not sent; `refused`: SQS will not take this message at any time."""

    why: str
    refused: bool = False


class From(Protocol):
    """The queue that is drained: a part of `gateway.ports.Source`."""

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """Wait up to `wait_seconds` for 1..`limit` messages; an empty batch when none came."""

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Remove 1..10 messages for good; returns the failed ones by position."""

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Set the lease of 1..10 messages; returns the failed ones by position."""


class To(Protocol):
    """The queue that gets the messages."""

    async def send(self, messages: Sequence[Message]) -> Mapping[int, NotSent]:
        """Send 1..10 messages of 1 MiB together; returns those that were not sent, by position.

        Raises SourceError where the whole call failed; the messages may have been sent then.
        """


class Depths(Protocol):
    """Counts the messages of the queue that is drained."""

    async def depth(self) -> Depth:
        """Return the counts; raises SourceError."""
