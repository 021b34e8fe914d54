"""The whole gateway between a Kafka topic and its versions."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.fakes.kafka_brokers import QUICK, WAIT_SECONDS, MockCluster, committed
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.services import Service

PARTITIONS = 4


@pytest.fixture(scope="module")
def mock() -> MockCluster:
    return MockCluster()


class Topics:
    """The topics of one test; what is there from the beginning is no record of it."""

    def __init__(self, mock: MockCluster) -> None:
        self.mock = mock
        self.source, self.canary, self.dead = (f"t-{uuid4()}" for _ in range(3))
        for topic in (self.source, self.canary, self.dead):
            mock.produce(topic, b"before", key=b"before", partition=0)

    def routing(self, stable: Service, **rest: Any) -> dict[str, Any]:
        settings = {
            name: value
            for name, value in QUICK.items()
            if name not in {"session.timeout.ms", "heartbeat.interval.ms"}
        }
        kafka = {
            "brokers": self.mock.address.split(","),
            "topic": self.source,
            "group": f"g-{self.source}",
            "start": "earliest",
            "protocol": "consumer",
            "settings": settings,
        }
        versions = {
            "stable": {"url": stable.url, "tag": "v1"},
            "canary": {"topic": self.canary, "tag": "v2"},
        }
        route = {
            "name": "orders",
            "kafka": kafka,
            "versions": versions,
            "version_from": ["attribute:version"],
            "split": {"stable": 100},
            "retry": {"min": "1s", "max": "1s"},
            "reject": self.dead,
        }
        return {"routes": [route | rest]}

    def in_topic(self, topic: str, count: int) -> list[Any]:
        """Return so many records of a topic."""
        consumer = Consumer(
            {"bootstrap.servers": self.mock.address, "group.id": "look", "log_level": 2}
        )
        consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        found: list[Any] = []
        while len(found) <= count:
            record = consumer.poll(WAIT_SECONDS)
            assert record is not None
            found.append(record)
        consumer.close()
        return [each for each in found if each.key() != b"before"]

    def committed(self) -> dict[int, int]:
        return committed(self.mock, self.mock.plan(self.source, group=f"g-{self.source}"))


def test_records_go_to_a_service_and_to_a_topic_and_are_committed(
    mock: MockCluster, new_service: NewService, tmp_path: Path
) -> None:
    topics, stable = Topics(mock), new_service("stable")
    with GatewayProcess(tmp_path, topics.routing(stable), "http://127.0.0.1:1") as gateway:
        mock.produce(topics.source, b'{"id": 1}', key=b"a", headers=[("x", b"1")], partition=1)
        pinned = [("version", b"v2"), ("x", b"1"), ("x", b"2")]
        mock.produce(topics.source, b'{"id": 2}', key=b"b", headers=pinned, partition=2)
        mock.produce(topics.source, None, key=b"c", partition=3)
        seen = {each.text: each for each in stable.wait_for(3)}
        assert set(seen) == {"before", '{"id": 1}', ""}
        first = dict(seen['{"id": 1}'].headers)
        assert first["x-kafka-topic"] == topics.source
        assert (first["x-kafka-partition"], first["x-kafka-offset"]) == ("1", "0")
        assert first["x-kafka-key"] == "a"
        assert dict(seen[""].headers)["x-kafka-tombstone"] == "true"
        (forwarded,) = topics.in_topic(topics.canary, 1)
        assert (forwarded.key(), forwarded.value()) == (b"b", b'{"id": 2}')
        assert [each for each in forwarded.headers() if each[0] == "x"] == pinned[1:]
        assert dict(forwarded.headers())["version"] == b"v2"
        until(lambda: topics.committed() == {0: 1, 1: 1, 2: 1, 3: 1}, "the commits")
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 0


def test_a_record_that_is_rejected_is_copied_with_its_marks_and_then_committed(
    mock: MockCluster, new_service: NewService, tmp_path: Path
) -> None:
    topics, stable = Topics(mock), new_service("stable")
    stable.on("poison", Answer(status=503))
    routing = topics.routing(stable, max_attempts=2)
    with GatewayProcess(tmp_path, routing, "http://127.0.0.1:1"):
        mock.produce(topics.source, b"poison", b"after", key=b"a", partition=1)
        stable.wait_for(1, "after")
        assert len(stable.seen("poison")) == 2
        (copy,) = topics.in_topic(topics.dead, 1)
        marks = dict(copy.headers())
        assert marks["gateway-status"] == b"503"
        assert marks["gateway-attempts"] == b"2"
        assert marks["gateway-topic"] == topics.source.encode()
        until(lambda: topics.committed().get(1) == 2, "the commit")
