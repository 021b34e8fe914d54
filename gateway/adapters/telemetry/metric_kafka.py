"""What a scrape says of topics: by the partitions of this process at that moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.adapters.telemetry import metric_definitions as names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.adapters.telemetry.metric_definitions import Labels, MetricDefinition
    from gateway.ports import RouteView

    Series = tuple[MetricDefinition, Labels, float]


def series_of_topics(views: Iterable[RouteView]) -> Iterator[Series]:
    """Yield metric, labels and value of each partition that is read, and of each such route."""
    for view in views:
        if view.partitions is None:
            continue
        route, own = view.route.name, view.route.queue.name
        yield names.KAFKA_REBALANCES, (route,), view.rebalances
        if view.route.kafka is not None:
            yield names.KAFKA_MAX_BEHIND, (route,), view.route.kafka.max_behind
        for each in view.partitions:
            number = str(each.partition)
            labels = (route, number if each.topic == own else f"{each.topic}/{number}")
            yield names.KAFKA_BEHIND, labels, each.behind
            yield names.KAFKA_PAUSED, labels, each.paused
            yield names.KAFKA_BLOCKED, labels, each.blocked
            yield names.KAFKA_DETOURS, labels, each.detours
