"""The topics of one test, and a gateway's route between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from tests.fakes.kafka_brokers import QUICK, WAIT_SECONDS, MockCluster, committed

if TYPE_CHECKING:
    from tests.integration.services import Service

PARTITIONS: Final = 4
NOWHERE: Final = "http://127.0.0.1:1"
"""Of SQS, which these routes do not use."""


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

    def commit(self, partition: int, offset: int) -> None:
        """Commit as the consumer that the gateway replaces did."""
        group = {"bootstrap.servers": self.mock.address, "group.id": f"g-{self.source}"}
        consumer = Consumer({**group, "log_level": 2})
        place = TopicPartition(self.source, partition, offset)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()
