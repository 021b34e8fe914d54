"""Reads the newest records of a topic; `gateway peek` runs it.

It assigns the partitions to itself and commits nothing: it is no member of the group, so no
rebalance comes of it, and no offset moves.
"""

from __future__ import annotations

import time
from dataclasses import replace
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from gateway.adapters.kafka.clients import make_consumer
from gateway.adapters.kafka.errors import missing_topic, source_error
from gateway.adapters.kafka.received import record_of
from gateway.ports import SourceError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

    from gateway.core.kafka.plan import KafkaPlan, TopicAddress
    from gateway.core.messages.record import Record

SECONDS: Final = 10.0

POLL_SECONDS: Final = 0.2
"""A stop waits for a poll."""

_OWN_SETTINGS: Final = {
    "enable.partition.eof": "true",
    "queued.min.messages": "1",  # a look fetches no more than it must
    "queued.max.messages.kbytes": "1024",
}


class Look(NamedTuple):
    """The newest records, the oldest of them first, and what the topic holds."""

    records: list[Record]
    held: int
    partitions: int


class Peek:
    """One look at the newest `count` records of a topic of a route's cluster.

    `seconds` is how long it waits for a response, and for the next record.
    """

    def __init__(
        self,
        plan: KafkaPlan,
        topic: TopicAddress,
        count: int,
        seconds: float = SECONDS,
    ) -> None:
        self._plan = replace(plan, topic=topic, settings={**plan.settings, **_OWN_SETTINGS})
        self._topic = topic.name
        self._count = count
        self._seconds = seconds
        self._error: KafkaError | None = None
        self._newest: list[tuple[int, int, int, Record]] = []

    def run(self) -> Look:
        """Look; raises SourceError."""
        consumer = make_consumer(self._plan, self._on_error, lambda *_: None)
        try:
            return self._look(consumer)
        except KafkaException as error:
            raise source_error(self._error or error, f"topic {self._topic}") from None
        finally:
            consumer.close()

    def _on_error(self, error: KafkaError) -> None:
        """Keep why there is no connection: what a call fails with is that it took too long."""
        self._error = error

    def _look(self, consumer: Consumer) -> Look:
        starts: dict[int, int] = {}
        held = 0
        partitions = self._partitions(consumer)
        for number in partitions:
            place = TopicPartition(self._topic, number)
            low, high = consumer.get_watermark_offsets(place, timeout=self._seconds) or (0, 0)
            held += high - low
            if high > low:
                starts[number] = max(low, high - self._count)
        self._read(consumer, starts)
        return Look([each[-1] for each in sorted(self._newest)], held, len(partitions))

    def _partitions(self, consumer: Consumer) -> list[int]:
        found = consumer.list_topics(self._topic, timeout=self._seconds).topics.get(self._topic)
        if found is None or (found.error and found.error.name() == "UNKNOWN_TOPIC_OR_PART"):
            raise missing_topic(self._topic, self._plan)
        if found.error:
            raise KafkaException(found.error)
        return sorted(found.partitions)

    def _read(self, consumer: Consumer, starts: dict[int, int]) -> None:
        """Read each partition to its end."""
        places = [TopicPartition(self._topic, *start) for start in starts.items()]
        consumer.assign(places)
        open_ones = set(starts)
        until = time.monotonic() + self._seconds
        while open_ones:
            message = consumer.poll(POLL_SECONDS)
            if message is not None:
                until = time.monotonic() + self._seconds
                self._take(message, open_ones)
            elif time.monotonic() > until:
                raise self._silent()

    def _take(self, message: Message, open_ones: set[int]) -> None:
        error = message.error()
        if error is None:
            self._keep(record_of(message))
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - a constant of the library
            open_ones.discard(message.partition() or 0)
        else:
            raise KafkaException(error)

    def _keep(self, record: Record) -> None:
        """Keep it among the newest, by time, in any order of the partitions."""
        entry = (record.timestamp_ms or 0, record.partition, record.offset, record)
        keep = heappush if len(self._newest) < self._count else heappushpop
        keep(self._newest, entry)

    def _silent(self) -> SourceError:
        if self._error is not None:
            return source_error(self._error, f"topic {self._topic}")
        return SourceError(
            f"topic {self._topic}: no record came within {self._seconds:.0f} s", "TimedOut"
        )
