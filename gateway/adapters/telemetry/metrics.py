"""The gateway's metrics: filled from events, rendered at a scrape.

Series are plain numbers in dicts. prometheus_client's own counters and histograms take a lock and
search their buckets one by one, which costs several times as much; it only writes the text format.
A series exists if and only if the routing table in force names its labels: it is 0 from the start,
and no message can create one. A value that only SQS knows is not there until SQS has told it.
"""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, assert_never

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from gateway.adapters.telemetry import metric_definitions as names
from gateway.adapters.telemetry.build import current_build
from gateway.adapters.telemetry.metric_definitions import (
    EDGES,
    METRIC_DEFINITIONS,
    Labels,
    MetricDefinition,
)
from gateway.adapters.telemetry.metric_kafka import series_of_topics
from gateway.adapters.telemetry.metric_rollouts import (
    samples_of_follows,
    samples_of_rollouts,
    samples_of_table,
)
from gateway.adapters.telemetry.metric_series import series_of
from gateway.adapters.telemetry.metric_values import Histogram, Number, unknown
from gateway.core import events
from gateway.core.routing.mesh.events import FollowChanged
from gateway.core.tracing.events import SpanOutcome, SpansEnded, TracingStarted, TracingUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.adapters.telemetry.metric_rollouts import Sample
    from gateway.follow_port import FollowView
    from gateway.ports import RouteView
    from gateway.rollout_port import RolloutView

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Source: https://prometheus.io/docs/instrumenting/exposition_formats/"""

_UNKNOWN_AT_FIRST: Final = frozenset({names.QUEUE_DEPTH, names.FOLLOW_SYNCED})
"""Gauges without a value of their own at the start."""


class Metrics:
    """An Observer, and the collector that a scrape reads. One event loop owns it.

    It counts for the routes and versions of the routing table in force only, so what a removed
    route still does while it drains is not counted. `read_in_flight` returns the messages in flight
    by route name, `read_deliveries` the deliveries by route and version name, `read_limits` how
    many a route may have in flight at this moment, `read_rollouts` the rollouts of the routes in
    force, `read_follows` what they follow and `read_routes` the routes; every scrape calls them.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        read_in_flight: Callable[[], Mapping[str, int]] = dict,
        read_deliveries: Callable[[], Mapping[tuple[str, str], int]] = dict,
        read_rollouts: Callable[[], Sequence[RolloutView]] = tuple,
        read_limits: Callable[[], Mapping[str, int]] = dict,
        read_follows: Callable[[], Sequence[FollowView]] = tuple,
        read_routes: Callable[[], Sequence[RouteView]] = tuple,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._read_in_flight = read_in_flight
        self._read_deliveries = read_deliveries
        self._read_rollouts = read_rollouts
        self._read_follows = read_follows
        self._read_routes = read_routes
        self._of_table: tuple[Sample, ...] = ()
        self._read_limits = read_limits
        self._now = now
        self._numbers: dict[MetricDefinition, dict[Labels, Number]] = {
            metric: {} if metric.labels else {(): Number()}
            for metric in METRIC_DEFINITIONS
            if metric not in EDGES
        }
        self._histograms: dict[MetricDefinition, dict[Labels, Histogram]] = {
            name: {} for name in EDGES
        }
        self._numbers[names.BUILD][current_build()] = Number(1)
        self._numbers[names.SPANS] = {(outcome,): Number() for outcome in SpanOutcome}
        self._deliveries = self._numbers[names.DELIVERIES]
        self._durations = self._histograms[names.DURATION]
        self._ages = self._histograms[names.AGE]
        self._registry = registry or _own_registry()
        self._registry.register(self)

    def observe(self, event: events.Event) -> None:  # noqa: C901, PLR0912 - one case for each event
        """Count an event."""
        match event:
            case events.Acked():
                self._acked(event)
            case events.Decided(route, version, reason, messages):
                self._add(names.DECISIONS, (route, version or "", reason), messages)
            case events.Received(route, messages):
                self._add(names.RECEIVED, (route,), messages)
                self._add(names.RECEIVES, (route, "messages" if messages else "empty"))
            case events.Settled(route, action, messages):
                self._add(names.SETTLEMENTS, (route, action), messages)
            case events.Delivered():
                self._delivered(event)
            case events.Mirrored(route, version, outcome, messages):
                self._add(names.MIRRORED, (route, version, outcome), messages)
            case events.ForwardedUnstamped(route, version):
                self._add(names.FORWARD_UNSTAMPED, (route, version))
            case events.VersionQueueDepth(route, version, messages):
                depth = math.nan if messages is None else messages
                self._set(names.QUEUE_DEPTH, (route, version), depth)
            case events.ReceiveFailed(route):
                self._add(names.RECEIVES, (route, "error"))
            case events.SettlementFailed(route, action, _, messages):
                self._add(names.SETTLEMENT_FAILURES, (route, action), messages)
            case events.TableInForce():
                self._adopt(event)
            case events.Reloaded():
                self._accepted()
            case events.ReloadFailed():
                self._numbers[names.RELOAD_SUCCESSFUL][()].value = 0
            case SpansEnded(outcome, spans):
                self._add(names.SPANS, (outcome,), spans)
            case events.MessageUnreadable(route):
                self._add(names.UNREADABLE, (route,))
            case events.RolloutChanged(route, _, rolled_back, here):
                if rolled_back is not None and here:
                    self._add(names.ROLLBACKS, (route, rolled_back))
            case (
                events.StateProblems()
                | FollowChanged()
                | events.HeaderFileUnusable()
                | events.LeaseCapped()
                | events.AttributesDropped()
                | events.DeliveryCrashed()
                | events.PhaseChanged()
                | events.RouteWarned()
                | TracingStarted()
                | TracingUnavailable()
                | events.Listening()
            ):
                pass
            case _:
                assert_never(event)

    def render(self) -> tuple[bytes, str]:
        """Return the body of a scrape and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE

    def collect(self) -> Iterator[Metric]:
        """Yield every family; the registry calls it at a scrape."""
        in_flight = self._read_in_flight()
        for (route,), number in self._numbers[names.IN_FLIGHT].items():
            number.value = in_flight.get(route, 0)
        for route, limit in self._read_limits().items():
            if (of_route := self._numbers[names.MAX_IN_FLIGHT].get((route,))) is not None:
                of_route.value = limit
        deliveries = self._read_deliveries()
        for (route, version), number in self._numbers[names.DELIVERIES_IN_FLIGHT].items():
            number.value = deliveries.get((route, version), 0)
        follows = self._read_follows()
        for gauge, labels, value in (
            *self._of_table,
            *samples_of_rollouts(self._read_rollouts(), follows),
            *samples_of_follows(follows),
        ):
            self._set(gauge, labels, value)
        topics: dict[MetricDefinition, dict[Labels, Number]] = {}
        for metric, labels, value in series_of_topics(self._read_routes()):
            topics.setdefault(metric, {})[labels] = Number(value)
        for metric in METRIC_DEFINITIONS:
            if metric in EDGES:
                yield _histogram_family(metric, self._histograms[metric])
            else:
                yield _number_family(metric, topics.get(metric) or self._numbers[metric])

    def _adopt(self, event: events.TableInForce) -> None:
        """Take names and weights from the table; series that it does not name are dropped."""
        for metric, wanted in series_of(event.table).items():
            if metric in EDGES:
                _keep(self._histograms[metric], wanted, partial(Histogram, EDGES[metric]))
            else:
                _keep(
                    self._numbers[metric],
                    wanted,
                    unknown if metric in _UNKNOWN_AT_FIRST else Number,
                )
        for route in event.table.routes:
            self._numbers[names.MAX_IN_FLIGHT][route.name,].value = route.max_in_flight
            for each in route.versions:
                stable = each.name == route.stable.name
                self._numbers[names.STABLE][route.name, each.name].value = stable
                if each.max_depth is not None:
                    self._numbers[names.QUEUE_MAX_DEPTH][
                        route.name, each.name
                    ].value = each.max_depth
        self._of_table = tuple(samples_of_table(event.table))
        self._numbers[names.GENERATION][()].value = event.generation
        self._accepted()

    def _acked(self, event: events.Acked) -> None:
        number = self._deliveries.get((event.route, event.version, events.Outcome.ACK))
        if number is None:
            return
        number.value += len(event.seconds)
        version = (event.route, event.version)
        self._durations[version].observe(event.seconds)
        # The sender's clock may be ahead of ours, and a sum that falls looks like a restart.
        self._ages[version].observe([max(0.0, age) for age in event.ages_seconds])

    def _delivered(self, event: events.Delivered) -> None:
        number = self._deliveries.get((event.route, event.version, event.outcome))
        if number is not None:
            number.value += 1
            self._durations[event.route, event.version].observe((event.seconds,))

    def _add(self, metric: MetricDefinition, labels: Labels, amount: float = 1) -> None:
        if number := self._numbers[metric].get(labels):
            number.value += amount

    def _set(self, metric: MetricDefinition, labels: Labels, value: float) -> None:
        if number := self._numbers[metric].get(labels):
            number.value = value

    def _accepted(self) -> None:
        self._numbers[names.RELOAD_SUCCESSFUL][()].value = 1
        self._numbers[names.RELOAD_TIMESTAMP][()].value = self._now()


def _own_registry() -> CollectorRegistry:
    """Return a registry with the usual process_ and python_ metrics."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


_Cell = TypeVar("_Cell")


def _keep(cells: dict[Labels, _Cell], wanted: list[Labels], new: Callable[[], _Cell]) -> None:
    """Make `cells` have the wanted labels and no others; existing values are kept."""
    kept = {labels: cells.get(labels) or new() for labels in wanted}
    cells.clear()
    cells.update(kept)


def _number_family(metric: MetricDefinition, cells: Mapping[Labels, Number]) -> Metric:
    kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, number in cells.items():
        if not math.isnan(number.value):
            family.add_metric(labels, number.value)
    return family


def _histogram_family(metric: MetricDefinition, cells: Mapping[Labels, Histogram]) -> Metric:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, histogram in cells.items():
        family.add_metric(labels, histogram.buckets(), histogram.total)
    return family
