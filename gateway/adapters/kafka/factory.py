"""Makes sources and targets that are topics; the library is imported with the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.kafka.producer import Producers
    from gateway.adapters.kafka.topic_target import TopicTarget
    from gateway.core.events import Event
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.log_port import LogSource


MOST_REVOKE_SECONDS: Final = 120.0
"""Well below `max.poll.interval.ms`, within which a member must have given a partition up."""


class KafkaFactory:
    """What a process has of Kafka; partitions that are taken away are drained for that long."""

    def __init__(self, drain_seconds: float) -> None:
        self._revoke_seconds = min(drain_seconds, MOST_REVOKE_SECONDS)
        self._producers: Producers | None = None

    def source(self, route: Route, observe: Callable[[Event], None]) -> LogSource:
        """Make the source of a route with `kafka`."""
        from gateway.adapters.kafka.source import KafkaSource  # noqa: PLC0415 - the extra

        plan = route.kafka
        if plan is None:
            raise ValueError(f"route {route.name} has no kafka")
        return KafkaSource(plan, self._shared(), route.name, observe, self._revoke_seconds)

    def target(
        self, route: Route, version: Version, observe: Callable[[Event], None]
    ) -> TopicTarget:
        """Make the target of a version that is a topic of the route's cluster."""
        from gateway.adapters.kafka.topic_target import TopicTarget  # noqa: PLC0415 - the extra

        if route.kafka is None:
            raise ValueError(f"route {route.name} has no kafka")
        return TopicTarget(version, route.kafka, self._shared(), route.name, observe)

    def _shared(self) -> Producers:
        from gateway.adapters.kafka.producer import Producers  # noqa: PLC0415 - the extra

        if self._producers is None:
            self._producers = Producers()
        return self._producers
