"""Who decides when the delivery of a received message begins: the standard queue's dispatcher.

The FIFO queue's is in :mod:`gateway.runtime.fifo`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.runtime.delivery import Deliverer
    from gateway.runtime.in_flight import InFlightMessage
    from gateway.runtime.settler import Settler


class Dispatcher(Protocol):
    """Begins the deliveries of received messages in the order that the source asks for."""

    def dispatch(self, entries: Sequence[InFlightMessage]) -> None:
        """Begin their deliveries, or queue them behind those they must follow."""

    def settled(self, entries: Sequence[InFlightMessage], confirmed: bool) -> None:  # noqa: FBT001 - as the settler's callback
        """Hear of settled messages; `confirmed` is False where SQS may hand them out again."""

    def release_waiting(self) -> None:
        """Release at once every message whose delivery has not begun (soft stop)."""

    def give_up(self, entry: InFlightMessage) -> None:
        """End the delivery of a message that cannot be held any longer, and release it."""

    async def run(self) -> None:
        """Do what has to be done from time to time; cancelled when the route stops."""


class StandardDispatcher:
    """Every message at once, in any order."""

    def __init__(self, deliverer: Deliverer) -> None:
        self._deliverer = deliverer

    def dispatch(self, entries: Sequence[InFlightMessage]) -> None:
        """Begin every delivery."""
        begin = self._deliverer.begin
        for entry in entries:
            begin(entry)

    def settled(self, entries: Sequence[InFlightMessage], confirmed: bool) -> None:  # noqa: FBT001 - as the settler's callback
        """Nothing waits for a settlement."""

    def release_waiting(self) -> None:
        """Nothing waits here: what waits for a slot is the limiters'."""

    def give_up(self, entry: InFlightMessage) -> None:
        """Cancel the delivery, if it is under way."""
        if entry.under_way:
            self._deliverer.cancel(entry)

    async def run(self) -> None:
        """Nothing has to be done from time to time."""


class LateDispatcher:
    """After a soft stop: messages that polls still bring are released once the last has returned.

    Earlier, a poll of this route would receive them again.
    """

    def __init__(self, settler: Settler) -> None:
        self._settler = settler
        self._late: list[InFlightMessage] = []
        self._polls_ended = False

    def dispatch(self, entries: Sequence[InFlightMessage]) -> None:
        """Keep them, or release them at once where no poll is under way."""
        self._late += entries
        if self._polls_ended:
            self.release()

    def release(self) -> None:
        """Release them: no poll is under way any more."""
        self._polls_ended = True
        while self._late:
            self._settler.release(self._late.pop(), 0)
