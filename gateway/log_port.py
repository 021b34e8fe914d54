"""The port to a source that is a log, such as a Kafka topic, beside that of any source."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.ports import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.ports import EntryError


class ReleaseCause(Enum):
    """Why a message goes back to its source."""

    WAITED = auto()  # it was not sent: it found no slot, or the route stops
    FAILED = auto()
    REJECTED = auto()  # its version will never take it, or it had its last attempt


class Release(NamedTuple):
    """A message that goes back: it is due again after `seconds`, by what `receipt` names."""

    receipt: str
    seconds: int
    cause: ReleaseCause


class LogSource(Source, Protocol):
    """A source of a log: what goes back is kept in memory by the source itself.

    It gives a message again when it is due, and keeps the order that its route asks for: while one
    of a key is out, the later ones of that key are held back.
    """

    async def release(self, releases: Sequence[Release]) -> Mapping[int, EntryError]:
        """Take messages back; returns those that are no longer its own, by position."""

    def on_lost(self, lost: Callable[[Callable[[Message], bool]], None]) -> None:
        """Have `lost` called, on the loop, with a test for messages that are its own no longer."""
