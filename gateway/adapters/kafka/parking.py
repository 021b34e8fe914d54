"""Parks records that wait for another version, in a topic that the same consumer reads."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from gateway.adapters.kafka.errors import source_error
from gateway.core.kafka.dead_letter import parked_headers
from gateway.core.kafka.release_cause import ReleaseCause

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError

    from gateway.adapters.kafka.membership import Membership
    from gateway.adapters.kafka.partitions import Partition
    from gateway.adapters.kafka.producer import KafkaProducer
    from gateway.core.messages.record import Record

AGAIN_SECONDS: Final = 1.0
"""Before a record goes to its version again that could not be parked."""


class Parking:
    """Produces what windows want parked; settled is what all replicas have."""

    def __init__(
        self,
        topic: str,
        producer: KafkaProducer,
        member: Membership,
        warn: Callable[[str, str], None],
    ) -> None:
        self._topic = topic
        self._producer = producer
        self._member = member
        self._warn = warn
        self._warned = False

    def park(self) -> None:
        """Produce what the windows put aside since the last call."""
        for partition in self._member.partitions:
            records, partition.window.to_park = partition.window.to_park, []
            for record in records:
                self._park(partition, record)

    def _park(self, partition: Partition, record: Record) -> None:
        done = partial(self._parked, partition, record)
        headers = parked_headers(record)
        try:
            self._producer.send(self._topic, record.key, record.value, headers, done)
        except (KafkaException, BufferError) as error:
            self._failed(partition, record, error)

    def _parked(self, partition: Partition, record: Record, error: KafkaError | None) -> None:
        if error is not None:
            self._failed(partition, record, error)
        else:
            self._warned = False
            partition.window.detours.count += partition.window.settle(record.offset)
        self._member.moved()

    def _failed(self, partition: Partition, record: Record, error: KafkaError | Exception) -> None:
        due_at = asyncio.get_running_loop().time() + AGAIN_SECONDS
        partition.window.release(record.offset, due_at, ReleaseCause.WAITED)
        if not self._warned:
            self._warned = True
            why = source_error(error, f"topic {self._topic}").why
            then = "they wait for their version, and are tried again each second"
            self._warn(f"records cannot be parked: {why}", then)
