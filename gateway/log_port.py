"""The port to a source that is a log, such as a Kafka topic, beside that of any source."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from gateway.core.kafka.partition_view import PartitionView
from gateway.core.kafka.release_cause import ReleaseCause
from gateway.ports import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.ports import EntryError

__all__ = ["LogSource", "PartitionView", "Release", "ReleaseCause"]


class Release(NamedTuple):
    """A message that goes back: it is due again after `seconds`, by what `receipt` names.

    `elsewhere`: it waited for another version than stable, or failed there.
    """

    receipt: str
    seconds: int
    cause: ReleaseCause
    elsewhere: bool = False


@runtime_checkable
class LogSource(Source, Protocol):
    """A source of a log: what goes back is kept in memory by the source itself.

    It gives a message again when it is due, and keeps the order that its route asks for: while one
    of a key is out, the later ones of that key are held back. A receive that is cancelled has taken
    nothing; one that brings nothing has waited for as long as it was asked to.
    """

    async def release(self, releases: Sequence[Release]) -> Mapping[int, EntryError]:
        """Take messages back; returns those that are no longer its own, by position."""

    def on_lost(self, lost: Callable[[Callable[[Message], bool]], None]) -> None:
        """Have `lost` called, on the loop, with a test for messages that it is losing.

        Those whose delivery has not begun are released then, by a later call of `release`; the
        deliveries under way go on, and their messages are settled as all others are.
        """

    def on_behind(self, behind: Callable[[Callable[[Message], bool]], None]) -> None:
        """Have `behind` called, on the loop, with a test for messages that may take a detour.

        Those that wait for a slot of another version than stable are released then.
        """

    async def finish(self) -> None:
        """Give only messages below those that are settled; return once none of them is left.

        What is above an unsettled message would be delivered again by the next reader. A message
        that fails is not waited for.
        """

    @property
    def rebalances(self) -> int:
        """How often partitions came or went since the start."""

    def partitions(self) -> Sequence[PartitionView]:
        """Describe the partitions that it reads at this moment, in order."""
