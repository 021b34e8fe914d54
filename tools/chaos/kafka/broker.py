"""What the broker is asked and given: records by a pace, and what is committed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tools.chaos.kafka.arrivals import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from confluent_kafka import KafkaError, Message

_SECONDS: Final = 30.0


class Load:
    """Produces records in an own thread, with the client of librdkafka; `sent` are confirmed."""

    def __init__(self, address: str, topic: str) -> None:
        settings = {"enable.idempotence": True, "partitioner": "murmur2_random", "log_level": 2}
        self._producer = Producer({"bootstrap.servers": address, "linger.ms": 5, **settings})
        self._topic = topic
        self.sent: dict[Place, str] = {}
        self.failed: list[str] = []

    async def run(self, keys: list[str], rate: float) -> None:
        """Produce a record of each of these keys, in this order, so many a second."""
        await asyncio.to_thread(self._run, keys, rate)

    def _run(self, keys: list[str], rate: float) -> None:
        began = time.monotonic()
        for number, key in enumerate(keys):
            self._producer.poll(max(0.0, began + number / rate - time.monotonic()))
            value = b'{"number": %d}' % number
            self._producer.produce(self._topic, value, key.encode(), on_delivery=self._done)
        if self._producer.flush(_SECONDS):
            self.failed.append("not all records were confirmed")

    def _done(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.append(error.str())
        else:
            place = Place(message.partition() or 0, message.offset() or 0)
            self.sent[place] = (message.key() or b"").decode()

    @property
    def ends(self) -> Mapping[int, int]:
        """The offset after the last record of each partition."""
        return {
            number: 1 + max(each.offset for each in self.sent if each.partition == number)
            for number in Counter(each.partition for each in self.sent)
        }


class Commits:
    """Looks at what the group has committed, and holds it against the records that got a 2xx."""

    def __init__(self, address: str, topic: str, group: str, partitions: int) -> None:
        given = {"bootstrap.servers": address, "group.id": group, "log_level": 2}
        self._consumer = Consumer(given)
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._checked = Counter[int]()
        self.looks = 0
        self.wrong: list[Place] = []

    async def look(self, answered: AbstractSet[Place]) -> Mapping[int, int]:
        """Return the committed offsets; note what is below them and was not answered."""
        found = await asyncio.to_thread(self._look)
        self.looks += bool(found)
        for number, offset in found.items():
            passed = [Place(number, each) for each in range(self._checked[number], offset)]
            self.wrong += [each for each in passed if each not in answered]
            self._checked[number] = max(offset, self._checked[number])
        return found

    def _look(self) -> Mapping[int, int]:
        try:
            found = self._consumer.committed(self._places, timeout=_SECONDS)
        except KafkaException:  # as while the group is being balanced: the next look is soon
            return {}
        return {each.partition: each.offset for each in found if each.offset >= 0}

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
