"""Why nothing comes: told once, and once more when it is over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from gateway.adapters.kafka.troubles import PROBE_SECONDS, Troubles
from gateway.ports import SourceError
from tests.unit.adapters.fakes import Clock
from tests.unit.adapters.kafka.test_kafka_settings import plan

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN)
GONE = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
DENIED = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)


class FakeConsumer:
    """Answers the looks of a probe: `failure` of all, else that of the topic or of the group."""

    def __init__(self) -> None:
        self.failure: KafkaError | None = None
        self.topic: KafkaError | None = None
        self.group: KafkaError | None = None
        self.looks = 0

    def list_topics(self, topic: str, timeout: float) -> Any:
        self.looks += 1
        if self.failure is not None:
            raise KafkaException(self.failure)
        partitions = {} if self.topic else {0: object()}
        found = SimpleNamespace(error=self.topic, partitions=partitions)
        return SimpleNamespace(topics={topic: found})

    def committed(self, places: Any, timeout: float) -> Any:
        return [SimpleNamespace(error=self.group)]


class Told:
    """Troubles by a clock that stands, and what was told of them."""

    def __init__(self) -> None:
        self.said: list[str | None] = []
        self.clock = Clock()
        self.consumer: Any = FakeConsumer()
        self.troubles = Troubles(
            plan(), lambda trouble: self.said.append(trouble and trouble.code), self.clock
        )

    def later(self) -> None:
        self.clock.now += PROBE_SECONDS
        self.troubles.probe(self.consumer)


def test_brokers_that_are_away_are_told_once_and_once_more_when_they_are_back() -> None:
    told = Told()
    told.consumer.failure = DOWN
    for _ in range(3):
        told.troubles.on_error(DOWN)
        told.later()
    assert told.said == ["_ALL_BROKERS_DOWN"]
    told.consumer.failure = None
    told.later()
    told.later()
    assert told.said == ["_ALL_BROKERS_DOWN", None]


def test_a_topic_that_is_deleted_is_told_until_it_is_there_again() -> None:
    told = Told()
    told.consumer.topic = GONE
    told.troubles.on_error(GONE, "orders")
    told.later()
    assert told.said == ["UNKNOWN_TOPIC_OR_PART"]
    told.consumer.topic = None
    told.later()
    assert told.said == ["UNKNOWN_TOPIC_OR_PART", None]


def test_records_that_come_end_a_trouble() -> None:
    told = Told()
    told.troubles.on_error(DOWN)
    told.troubles.over()
    told.troubles.over()
    assert told.said == ["_ALL_BROKERS_DOWN", None]


def test_nothing_is_looked_for_without_a_trouble_or_at_once() -> None:
    told = Told()
    told.later()
    told.troubles.on_error(DOWN)
    told.troubles.probe(told.consumer)
    assert told.consumer.looks == 0


def test_one_connection_of_several_is_no_trouble() -> None:
    told = Told()
    told.troubles.on_error(KafkaError(KafkaError._TRANSPORT))
    assert told.said == []


def test_another_way_of_assigning_in_the_group_is_not_over_because_the_topic_is_there() -> None:
    told = Told()
    told.troubles.on_error(KafkaError(KafkaError.INCONSISTENT_GROUP_PROTOCOL))
    told.later()
    assert told.said == ["INCONSISTENT_GROUP_PROTOCOL"]
    told.troubles.over()  # as the group's next assignment does
    assert told.said == ["INCONSISTENT_GROUP_PROTOCOL", None]


@pytest.mark.parametrize(
    ("field", "error", "where"),
    [
        ("failure", DOWN, "_ALL_BROKERS_DOWN"),
        ("topic", DENIED, "GROUP_AUTHORIZATION_FAILED"),
        ("group", DENIED, "group"),
    ],
)
def test_a_check_says_what_it_is_about(field: str, error: KafkaError, where: str) -> None:
    told = Told()
    setattr(told.consumer, field, error)
    with pytest.raises(SourceError, match=f"^{where}") as refused:
        told.troubles.check(told.consumer)
    assert refused.value.what_to_do
