"""From a receive to the deliveries: what becomes of the messages that a poll brought."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.core.events import ReceiveFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.messages.message import Message
    from gateway.runtime.dispatch import Dispatcher, LateDispatcher
    from gateway.runtime.in_flight import InFlight, InFlightMessage
    from gateway.runtime.lease_keeper import LeaseKeeper
    from gateway.runtime.reporter import Reporter


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
        due_at = self._lease_keeper.due_at(now)
        new = self._in_flight.add(messages, leased_at, lease_seconds, due_at)
        self._lease_keeper.extend_late(new, late_seconds)
        self._dispatcher.dispatch(new)
        return new
