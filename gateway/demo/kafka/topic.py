"""The topic as its group has read it, by a client that is no member."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, TopicPartition

from gateway.demo.processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTITIONS: Final = 4
LOOK_SECONDS: Final = 10.0
COMMIT_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.1


class Topic:
    """The topic `name` at `brokers`."""

    def __init__(self, brokers: str, name: str, group: str) -> None:
        self._places = [TopicPartition(name, number) for number in range(PARTITIONS)]
        self._client = Consumer({"bootstrap.servers": brokers, "group.id": group, "log_level": 2})

    async def left(self, within_seconds: float = COMMIT_SECONDS) -> int:
        """Return how many records are not committed, 0 as soon as all are."""
        deadline = asyncio.get_running_loop().time() + within_seconds
        while left := await asyncio.to_thread(self._left):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
        return left

    def close(self) -> None:
        """Look no more."""
        self._client.close()

    def _left(self) -> int:
        committed = self._committed()
        return sum(end - committed[number] for number, end in self._ends().items())

    def _committed(self) -> Mapping[int, int]:
        found = self._client.committed(self._places, LOOK_SECONDS)
        return {each.partition: max(0, each.offset) for each in found}

    def _ends(self) -> Mapping[int, int]:
        ends = {}
        for place in self._places:
            marks = self._client.get_watermark_offsets(place, LOOK_SECONDS)
            if marks is None:
                raise DemoError(f"the broker does not say how long partition {place.partition} is")
            ends[place.partition] = marks[1]
        return ends
