"""How many records a second the Kafka source takes that are settled at once, and their CPU.

In turns with a plain loop around the same consumer, on one broker in memory.
"""

from __future__ import annotations

import asyncio
import gc
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from confluent_kafka import Consumer

from gateway.adapters.kafka.producer import Producers
from gateway.adapters.kafka.settings import consumer_settings
from gateway.adapters.kafka.source import KafkaSource
from gateway.app import GARBAGE_THRESHOLD
from tests.fakes.kafka_brokers import tansu

if TYPE_CHECKING:
    from gateway.core.kafka.plan import KafkaPlan
    from tests.fakes.kafka_brokers import Tansu

RECORDS: Final = 100_000
REPETITIONS: Final = 5
PARTITIONS: Final = 4
BATCH: Final = 500
KEYS: Final = 1_000
VALUE: Final = b"y" * 430
HEADERS: Final[list[tuple[str, str | bytes | None]]] = [("a", "1"), ("b", "2"), ("c", "3")]
OTHERS_BACKOFF: Final = {"fetch.queue.backoff.ms": "1000"}
"""librdkafka's own, to show what it costs."""


class Turn(NamedTuple):
    """One turn; times begin with the first record."""

    per_second: float
    cpu_us: float


def measure(records: int = RECORDS, repetitions: int = REPETITIONS) -> str:
    """Return the figures, as text."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 10, 100)
    turns: dict[str, list[Turn]] = {"plain consumer": [], "source": [], "source, backoff 1 s": []}
    with tansu() as broker:
        topic = broker.create(partitions=PARTITIONS)
        _fill(broker, topic, records)
        for _ in range(repetitions):
            turns["plain consumer"].append(_plain(broker.plan(topic), records))
            turns["source"].append(asyncio.run(_source(broker.plan(topic), records)))
            slow = broker.plan(topic, settings=OTHERS_BACKOFF)
            turns["source, backoff 1 s"].append(asyncio.run(_source(slow, records)))
    return "\n".join(_line(name, each) for name, each in turns.items())


def _line(name: str, turns: list[Turn]) -> str:
    rate = median(each.per_second for each in turns)
    cpu_us = median(each.cpu_us for each in turns)
    return f"{name:20} {rate:10,.0f} records/s {cpu_us:6.1f} us of CPU a record"


def _fill(broker: Tansu, topic: str, records: int) -> None:
    for first in range(0, records, KEYS):
        for key in range(min(KEYS, records - first)):
            broker.send(topic, VALUE, key=b"%d" % key, headers=HEADERS)
    broker.flush()


def _plain(plan: KafkaPlan, records: int) -> Turn:
    consumer = Consumer(consumer_settings(plan) | {"auto.offset.reset": "earliest"})
    consumer.subscribe([plan.topic.name])
    clock, seen = _Clock(), 0
    while seen < records:
        seen += clock.first(consumer.consume(BATCH, 0.1))
    turn = clock.turn(records)
    consumer.close()
    return turn


async def _source(plan: KafkaPlan, records: int) -> Turn:
    source = KafkaSource(plan, Producers(), "bench", lambda _: None, 5)
    await source.open()
    clock, seen = _Clock(), 0
    while seen < records:
        messages = await source.receive(BATCH, 1, 30)
        seen += clock.first(messages)
        if messages:
            await source.ack([each.receipt for each in messages])
    turn = clock.turn(records)
    await source.close()
    return turn


class _Clock:
    """Wall time and CPU time since the first records."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None

    def first(self, records: list[Any]) -> int:
        """Begin with the first records; return how many these are."""
        if records and self._began is None:
            self._began = time.monotonic(), time.process_time()
        return len(records)

    def turn(self, records: int) -> Turn:
        """Return the figures of so many records."""
        wall, cpu = self._began or (0.0, 0.0)
        return Turn(
            records / (time.monotonic() - wall), (time.process_time() - cpu) * 1e6 / records
        )
