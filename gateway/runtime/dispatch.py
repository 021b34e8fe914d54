"""From a receive to the deliveries: the intake, and who decides when a delivery begins.

The dispatcher of a FIFO queue is in :mod:`gateway.runtime.fifo`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from gateway.core.events import ReceiveFailed
from gateway.runtime.lease_keeper import STEP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.messages.message import Message
    from gateway.runtime.delivery import Deliverer
    from gateway.runtime.in_flight import InFlight, InFlightMessage
    from gateway.runtime.lease_keeper import LeaseKeeper
    from gateway.runtime.reporter import Reporter
    from gateway.runtime.settler import Settler


class Dispatcher(Protocol):
    """Begins the deliveries of received messages in the order that the source asks for."""

    def dispatch(self, entries: Sequence[InFlightMessage]) -> None:
        """Begin their deliveries, or queue them behind those they must follow."""

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


class Intake:
    """Takes the messages of each receive in flight and has their deliveries begun."""

    def __init__(
        self,
        *,
        route: str,
        in_flight: InFlight,
        lease_keeper: LeaseKeeper,
        dispatcher: Dispatcher,
        late: LateDispatcher,
        reporter: Reporter,
    ) -> None:
        self._route = route
        self._in_flight = in_flight
        self._lease_keeper = lease_keeper
        self._dispatcher: Dispatcher | LateDispatcher = dispatcher
        self._late = late
        self._reporter = reporter

    def stop(self) -> None:
        """Deliver nothing that is received from now on."""
        self._dispatcher = self._late

    def take(self, messages: Sequence[Message], leased_at: float) -> Sequence[InFlightMessage]:
        """Begin the deliveries of one receive; return the messages that were not in flight yet.

        `leased_at` is when their leases began, at the earliest, on the loop's clock.
        """
        now = asyncio.get_running_loop().time()
        lease_seconds = self._lease_keeper.lease_seconds
        late_seconds = now - leased_at
        if late_seconds >= lease_seconds:  # so they are visible again
            why = f"the response came {late_seconds:.0f} s late, when its leases had ended"
            self._reporter.emit(ReceiveFailed(self._route, why))
            return ()
        new = self._in_flight.add(messages, now, leased_at, lease_seconds)
        if late_seconds >= lease_seconds * STEP:
            self._lease_keeper.extend_now(new)
        self._dispatcher.dispatch(new)
        return new
