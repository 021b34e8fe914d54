"""Compiles `kafka` of a route, with the keys beside it, into the plan of core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config.schema.kafka import BLOCK
from gateway.core.kafka.plan import KafkaPlan, TopicAddress, WhenBehind

if TYPE_CHECKING:
    from gateway.config.schema import routing_file


def compile_kafka(spec: routing_file.Route) -> KafkaPlan | None:
    """Return the plan, or None for a route that reads a queue."""
    kafka = spec.kafka
    if kafka is None:
        return None
    parks = spec.when_behind not in tuple(WhenBehind)
    return KafkaPlan(
        brokers=tuple(kafka.brokers),
        topic=TopicAddress(kafka.topic),
        group=kafka.group,
        start=kafka.start,
        order=kafka.order,
        max_behind=kafka.max_behind,
        protocol=kafka.protocol,
        settings=dict(kafka.settings),
        auth=kafka.auth,
        when_behind=WhenBehind.PAUSE if parks else WhenBehind(spec.when_behind),
        parking=TopicAddress(spec.when_behind) if parks else None,
        max_attempts=spec.max_attempts,
        reject=None if spec.reject in (None, BLOCK) else TopicAddress(spec.reject),
    )
