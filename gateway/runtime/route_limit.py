"""How many messages a route may hold, and how many of them may wait: a number, or by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.permit_limit import PermitLimit
from gateway.runtime.permits import waiting_share

if TYPE_CHECKING:
    from gateway.core.routing.route import Route
    from gateway.runtime.limiter import WaitQueue
    from gateway.runtime.permits import Permits


class RouteLimit:
    """Sizes the permits of a route and its wait queue. `auto` None: the limit is a number."""

    def __init__(self, route: Route, permits: Permits, wait_queue: WaitQueue) -> None:
        self.auto: PermitLimit | None = None
        self._permits = permits
        self._wait_queue = wait_queue
        if route.least_in_flight is not None:
            self.auto = PermitLimit(route.least_in_flight, route.max_in_flight)
        self._size(route.max_in_flight if self.auto is None else self.auto.limit)

    def adopt(self, route: Route) -> None:
        """Hold to another routing table; a limit that finds itself begins with what is in force."""
        least, most = route.least_in_flight, route.max_in_flight
        if least is None:
            self.auto = None
            self._size(most)
            return
        if self.auto is None:
            self.auto = PermitLimit(least, most, self._permits.limit)
        self.auto.hold_to(least, most)
        self._size(self.auto.limit)

    def look(self, now: float, wanted: int) -> None:
        """Let the limit follow what is held and what more could be used."""
        if self.auto is not None:
            limit = self.auto.look(now, self._permits.held, wanted)
            if limit != self._permits.limit:
                self._size(limit)

    def _size(self, limit: int) -> None:
        self._permits.resize(limit)
        self._wait_queue.size = waiting_share(limit)
