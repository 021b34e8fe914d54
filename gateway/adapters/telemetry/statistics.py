"""What `/api/routes` shows and the routing table does not know: counts, rates, last errors.

Every fact costs at most one clock reading and a few additions; all else is worked out when
somebody asks (`routes_json`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, assert_never

from gateway.core import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route, RoutingTable

WINDOW_SECONDS: Final = 60


class Meter:
    """A count, and its rate over the last minute in slots of one second."""

    __slots__ = ("_latest", "_slots", "_started", "count")

    def __init__(self, now: float) -> None:
        self.count = 0
        self._started = now
        self._latest = int(now)
        self._slots = [0] * WINDOW_SECONDS

    def add(self, now: float, amount: int = 1) -> None:
        """Count so many at a time of the clock."""
        second = int(now)
        if second != self._latest:
            self._turn_to(second)
        self._slots[second % WINDOW_SECONDS] += amount
        self.count += amount

    def per_second(self, now: float) -> float:
        """Return the mean over the last minute, or since the start where that is less."""
        self._turn_to(int(now))
        covered = min(WINDOW_SECONDS - 1 + now % 1, now - self._started)
        return sum(self._slots) / max(1.0, covered)

    def _turn_to(self, second: int) -> None:
        """Empty the slots of the seconds that have come since, the present one included."""
        for begun in range(max(self._latest, second - WINDOW_SECONDS) + 1, second + 1):
            self._slots[begun % WINDOW_SECONDS] = 0
        self._latest = second


class VersionStatistics:
    """Decisions count from the last change of the route, deliveries from the first one."""

    __slots__ = ("decisions", "last_error", "outcomes")

    def __init__(self, now: float) -> None:
        self.decisions = 0
        self.outcomes = {outcome: Meter(now) for outcome in events.Outcome}
        self.last_error: tuple[DeliveryResult, float] | None = None


class RouteStatistics:
    """What happened on one route; `last_error` is about the queue or ourselves, not a version."""

    __slots__ = ("configured", "last_error", "received", "versions")

    def __init__(self, now: float) -> None:
        self.configured: Route | None = None
        self.received = Meter(now)
        self.versions: dict[str, VersionStatistics] = {}
        self.last_error: tuple[str, float] | None = None


class Statistics:
    """An Observer. `clock` is monotonic and measures rates; `now` is Unix time and dates errors."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.problems: tuple[str, ...] = ()
        self._now = now
        self._routes: dict[str, RouteStatistics] = {}

    def observe(self, event: events.Event) -> None:  # noqa: C901 - one case for each fact
        """Take a fact into account."""
        match event:
            case events.Settled():  # first, as all that comes often: a case costs 30 ns
                pass
            case events.Decided(route, version, _, messages):
                if version is not None:
                    self._version(route, version).decisions += messages
            case events.Acked(route, version, seconds):
                acks = self._version(route, version).outcomes[events.Outcome.ACK]
                acks.add(self.clock(), len(seconds))
            case events.Received(route, messages):
                self.route(route).received.add(self.clock(), messages)
            case events.Delivered():
                self._delivered(event)
            case events.Reloaded():
                self.problems = ()
            case events.ReloadFailed(_, problems):
                self.problems = problems
            case (
                events.ReceiveFailed()
                | events.SettlementFailed()
                | events.DeliveryCrashed()
                | events.PhaseChanged()
            ):
                self._erred(event)
            case events.LeaseCapped() | events.AttributesDropped() | events.Listening():
                pass
            case _:
                assert_never(event)

    def in_force(self, table: RoutingTable, _generation: int) -> None:
        """Forget what a routing table has no more; a changed route's observed shares start anew."""
        names = {route.name for route in table.routes}
        self._routes = {name: kept for name, kept in self._routes.items() if name in names}
        for route in table.routes:
            statistics = self.route(route.name)
            if statistics.configured != route:
                statistics.configured = route
                _start_anew(statistics, {version.name for version in route.versions})

    def route(self, name: str) -> RouteStatistics:
        """Return the tally of a route, an empty one if nothing is known of it."""
        statistics = self._routes.get(name)
        if statistics is None:
            statistics = self._routes[name] = RouteStatistics(self.clock())
        return statistics

    def _version(self, route: str, name: str) -> VersionStatistics:
        versions = self.route(route).versions
        statistics = versions.get(name)
        if statistics is None:
            statistics = versions[name] = VersionStatistics(self.clock())
        return statistics

    def _delivered(self, event: events.Delivered) -> None:
        statistics = self._version(event.route, event.version)
        statistics.outcomes[event.outcome].add(self.clock())
        statistics.last_error = (event.result, self._now())

    def _erred(
        self,
        event: events.ReceiveFailed
        | events.SettlementFailed
        | events.DeliveryCrashed
        | events.PhaseChanged,
    ) -> None:
        match event:
            case events.ReceiveFailed(route, why):
                text = f"receive: {why}"
            case events.SettlementFailed(route, action, why):
                text = f"{action}: {why}"
            case events.DeliveryCrashed(route, _, error):
                text = f"delivery crashed: {error!r}"
            case events.PhaseChanged(route, events.Phase.FAILED, why):
                text = why
            case events.PhaseChanged():
                return
        self.route(route).last_error = (text, self._now())


def _start_anew(statistics: RouteStatistics, names: set[str]) -> None:
    statistics.versions = {
        name: kept for name, kept in statistics.versions.items() if name in names
    }
    for version in statistics.versions.values():
        version.decisions = 0
