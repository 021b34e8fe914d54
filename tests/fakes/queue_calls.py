"""The calls to the queue of a version, in memory and in the running loop's time."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.core.addresses import parse_queue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.messages.message import Attribute, Message
    from gateway.ports import EntryError, SourceError


@dataclass(frozen=True, slots=True)
class Batch:
    """One send: when it began, and what it had."""

    began_at: float
    entries: tuple[tuple[Message, Mapping[str, Attribute]], ...]

    @property
    def bodies(self) -> list[str]:
        """The bodies, in order."""
        return [message.body for message, _ in self.entries]


class FakeQueueCalls:
    """`failures` are raised by the next sends, `entry_errors` fail entries by their body."""

    def __init__(self, queue: str = "b1") -> None:
        self.address = parse_queue(queue)
        self.missing: SourceError | None = None
        self.looked_up_at: list[float] = []
        self.lookup_seconds = 0.0
        self.depth = 0
        self.asked_at: list[float] = []
        self.attributes_error: SourceError | None = None
        self.delay_seconds = 0
        self.failures: deque[SourceError] = deque()
        self.entry_errors: dict[str, EntryError] = {}
        self.takes_seconds = 0.0
        self.sends: list[Batch] = []
        self.cut = 0
        self.confirmed: list[str] = []
        """Bodies of the messages that the queue has, in order."""

    async def find(self) -> str:
        """Find the queue, unless it is missing."""
        self.looked_up_at.append(self._now())
        await asyncio.sleep(self.lookup_seconds)
        if self.missing is not None:
            raise self.missing
        return f"fake {self.address.name}"

    async def attributes(self, *names: str) -> Mapping[str, Any]:
        """Return depth and delay."""
        self.asked_at.append(self._now())
        if self.attributes_error is not None:
            raise self.attributes_error
        counts = {
            "ApproximateNumberOfMessages": str(self.depth),
            "ApproximateNumberOfMessagesNotVisible": "0",
            "DelaySeconds": str(self.delay_seconds),
        }
        return {name: counts[name] for name in names}

    async def send(
        self, entries: Sequence[tuple[Message, Mapping[str, Attribute]]], seconds: float
    ) -> Mapping[int, EntryError]:
        """Confirm what is not to fail."""
        self.sends.append(Batch(self._now(), tuple(entries)))
        try:
            await asyncio.sleep(self.takes_seconds)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        if self.failures:
            raise self.failures.popleft()
        if self.missing is not None:
            raise self.missing
        failed = {
            position: self.entry_errors[message.body]
            for position, (message, _) in enumerate(entries)
            if message.body in self.entry_errors
        }
        self.confirmed += [
            message.body for at, (message, _) in enumerate(entries) if at not in failed
        ]
        return failed

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
