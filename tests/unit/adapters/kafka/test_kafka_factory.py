"""The extra is imported with the first source or target that needs it, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.adapters.kafka.factory import MOST_REVOKE_SECONDS, KafkaFactory
from gateway.adapters.kafka.source import KafkaSource
from gateway.adapters.kafka.topic_target import TopicTarget
from gateway.core.kafka.plan import TopicAddress
from gateway.core.routing.version import Version
from tests.builders import route
from tests.unit.adapters.kafka.test_kafka_settings import plan

CANARY = Version("canary", "v2", topic=TopicAddress("orders.b1"))


def test_the_gateway_itself_imports_nothing_of_the_extra() -> None:
    look = "import gateway.app, sys; sys.exit('confluent_kafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


async def test_a_route_with_kafka_has_a_source_and_targets_that_are_topics() -> None:
    factory, reads = KafkaFactory(25), route(kafka=plan())
    assert isinstance(factory.source(reads, lambda _: None), KafkaSource)
    assert isinstance(factory.target(reads, CANARY, lambda _: None), TopicTarget)


async def test_a_partition_is_drained_well_within_the_interval_of_polls() -> None:
    """Of librdkafka's max.poll.interval.ms, 300 s, after which the group goes on without it."""
    assert MOST_REVOKE_SECONDS < 300 / 2
    assert KafkaFactory(1000)._revoke_seconds == MOST_REVOKE_SECONDS
    assert KafkaFactory(25)._revoke_seconds == 25


async def test_a_route_without_kafka_has_neither() -> None:
    factory = KafkaFactory(25)
    with pytest.raises(ValueError, match="has no kafka"):
        factory.source(route(), lambda _: None)
    with pytest.raises(ValueError, match="has no kafka"):
        factory.target(route(), CANARY, lambda _: None)
