"""Counts, rates and last errors of routes and versions, as the admin API shows them.

An event costs at most one clock reading and a few additions; rates are computed when they are read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, assert_never

from gateway.adapters.telemetry.timeline import Timeline
from gateway.core import events
from gateway.core.delivery.disposition import describe
from gateway.core.routing.mesh.events import FollowChanged
from gateway.core.tracing.events import SpansEnded, TracingStarted, TracingUnavailable
from gateway.ports import RouteMeasurements, VersionMeasurements

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.history import History
    from gateway.core.routing.route import Route

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
        """Count this amount at this time of the clock."""
        second = int(now)
        if second != self._latest:
            self._turn_to(second)
        self._slots[second % WINDOW_SECONDS] += amount
        self.count += amount

    def per_second(self, now: float) -> float:
        """Return the mean over the last minute, or since the start of the meter if that is less."""
        self._turn_to(int(now))
        covered = min(WINDOW_SECONDS - 1 + now % 1, now - self._started)
        return sum(self._slots) / max(1.0, covered)

    def _turn_to(self, second: int) -> None:
        """Empty the slots of the seconds since the latest one, the current second included."""
        for begun in range(max(self._latest, second - WINDOW_SECONDS) + 1, second + 1):
            self._slots[begun % WINDOW_SECONDS] = 0
        self._latest = second


class VersionStatistics:
    """Decisions count since the route or its weights changed, deliveries since the first one."""

    __slots__ = ("decisions", "depth", "last_error", "outcomes", "timeline")

    def __init__(self, now: float) -> None:
        self.decisions = 0
        self.depth: int | None = None
        self.timeline = Timeline()
        self.outcomes = {outcome: Meter(now) for outcome in events.Outcome}
        self.last_error: tuple[DeliveryResult, float] | None = None

    def measure(self, now: float) -> VersionMeasurements:
        """Return the counts, and the rates at this time of the clock."""
        error = self.last_error
        return VersionMeasurements(
            decisions=self.decisions,
            deliveries={outcome: meter.count for outcome, meter in self.outcomes.items()},
            per_second={outcome: meter.per_second(now) for outcome, meter in self.outcomes.items()},
            last_error=None if error is None else (describe(error[0]), error[1]),
            depth=self.depth,
        )


class RouteStatistics:
    """The counts of one route; `last_error` is about the queue or the gateway, not a version."""

    __slots__ = ("configured", "last_error", "received", "versions")

    def __init__(self, now: float) -> None:
        self.configured: Route | None = None
        self.received = Meter(now)
        self.versions: dict[str, VersionStatistics] = {}
        self.last_error: tuple[str, float] | None = None

    def measure(self, now: float) -> RouteMeasurements:
        """Return the counts, and the rates at this time of the clock."""
        return RouteMeasurements(
            received=self.received.count,
            received_per_second=self.received.per_second(now),
            last_error=self.last_error,
            versions={name: version.measure(now) for name, version in self.versions.items()},
        )


class Statistics:
    """An Observer that serves as Measurements.

    `clock` is monotonic and measures rates; `now` is Unix time and dates errors.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.problems: tuple[str, ...] = ()
        self._clock = clock
        self._now = now
        self._routes: dict[str, RouteStatistics] = {}

    def observe(self, event: events.Event) -> None:  # noqa: C901, PLR0912 - one case for each event
        """Count an event. The cases of frequent events come first, since each one takes time."""
        match event:
            case events.Settled():
                pass
            case events.Decided(route, version, _, messages):
                if version is not None:
                    self._version(route, version).decisions += messages
            case events.Acked(route, version, seconds):
                now, acking = self._clock(), self._version(route, version)
                acking.outcomes[events.Outcome.ACK].add(now, len(seconds))
                acking.timeline.add(now, seconds, acked=True)
            case events.Received(route, messages):
                self.route(route).received.add(self._clock(), messages)
            case events.Delivered():
                self._delivered(event)
            case events.VersionQueueDepth(route, version, messages):
                self._version(route, version).depth = messages
            case events.TableInForce():
                self._adopt(event)
            case events.RolloutChanged(route, entry):
                if entry.weight_before != entry.weight_after:
                    _count_decisions_anew(self.route(route), set(self.route(route).versions))
            case events.Reloaded():
                self.problems = ()
            case events.ReloadFailed(_, problems):
                self.problems = problems
            case (
                events.ReceiveFailed()
                | events.MessageUnreadable()
                | events.SettlementFailed()
                | events.DeliveryCrashed()
                | events.PhaseChanged()
            ):
                self._erred(event)
            case (
                events.Mirrored()
                | events.LeaseCapped()
                | events.AttributesDropped()
                | events.ForwardedUnstamped()
                | events.RouteWarned()
                | events.HeaderFileUnusable()
                | events.Listening()
                | events.StateProblems()
                | FollowChanged()
                | TracingStarted()
                | TracingUnavailable()
                | SpansEnded()
            ):
                pass
            case _:
                assert_never(event)

    def measure(self, route: str) -> RouteMeasurements:
        """Return the measurements of a route, zeros if nothing has happened on it."""
        return self.route(route).measure(self._clock())

    def history(self, route: str, since: float = 0.0) -> dict[str, History]:
        """Return what each version did in the spans that ended after `since` (Unix time)."""
        now = self._clock()
        ahead = self._now() - now
        versions = self.route(route).versions
        return {name: each.timeline.read(now, since, ahead) for name, each in versions.items()}

    def route(self, name: str) -> RouteStatistics:
        """Return the statistics of a route, empty ones if nothing has happened on it."""
        statistics = self._routes.get(name)
        if statistics is None:
            statistics = self._routes[name] = RouteStatistics(self._clock())
        return statistics

    def _adopt(self, event: events.TableInForce) -> None:
        """Drop what the table does not have; decisions of a changed route count from 0 again."""
        names = {route.name for route in event.table.routes}
        self._routes = {name: kept for name, kept in self._routes.items() if name in names}
        for route in event.table.routes:
            statistics = self.route(route.name)
            if statistics.configured != route:
                statistics.configured = route
                _count_decisions_anew(statistics, {version.name for version in route.versions})

    def _version(self, route: str, name: str) -> VersionStatistics:
        versions = self.route(route).versions
        statistics = versions.get(name)
        if statistics is None:
            statistics = versions[name] = VersionStatistics(self._clock())
        return statistics

    def _delivered(self, event: events.Delivered) -> None:
        statistics = self._version(event.route, event.version)
        now = self._clock()
        statistics.outcomes[event.outcome].add(now)
        statistics.timeline.add(now, (event.seconds,), acked=False)
        statistics.last_error = (event.result, self._now())

    def _erred(
        self,
        event: events.ReceiveFailed
        | events.MessageUnreadable
        | events.SettlementFailed
        | events.DeliveryCrashed
        | events.PhaseChanged,
    ) -> None:
        match event:
            case events.ReceiveFailed(route, why):
                text = f"receive: {why}"
            case events.MessageUnreadable(route, message_id, why):
                text = f"receive: message {message_id} cannot be read: {why}"
            case events.SettlementFailed(route, action, why):
                text = f"{action}: {why}"
            case events.DeliveryCrashed(route, _, error):
                text = f"delivery crashed: {error!r}"
            case events.PhaseChanged(route, events.Phase.FAILED, why):
                text = why
            case events.PhaseChanged():
                return
        self.route(route).last_error = (text, self._now())


def _count_decisions_anew(statistics: RouteStatistics, names: set[str]) -> None:
    statistics.versions = {
        name: kept for name, kept in statistics.versions.items() if name in names
    }
    for version in statistics.versions.values():
        version.decisions = 0
