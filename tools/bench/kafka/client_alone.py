"""The client alone, in a process of its own: confluent-kafka's `consume`, and nothing else.

    python -m tools.bench.kafka.client_alone ADDRESS TOPIC GROUP COUNT [SETTING=VALUE ...]

Prints what `source_alone` does: beside it this tells what is the client's.
"""

from __future__ import annotations

import json
import os
import sys
import time

from confluent_kafka import Consumer

from gateway.adapters.kafka.source import BATCH
from tools.bench import machine

_LIKE_THE_SOURCE = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "queued.max.messages.kbytes": 16384,
    "queued.min.messages": 10000,
    "fetch.queue.backoff.ms": 5,
    "log_level": 2,
}


def consume(settings: dict[str, object], topic: str, count: int) -> dict[str, float]:
    """Take so many records; what comes first is not counted."""
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    done = 0
    while not done:
        done = len(consumer.consume(BATCH, 20))
    skipped, begun, cpu = done, time.monotonic(), time.process_time()
    while done < count:
        done += len(consumer.consume(BATCH, 20))
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    rss = machine.usage(os.getpid()).rss_mib
    consumer.close()
    return {"records": done - skipped, "seconds": seconds, "cpu_seconds": cpu, "rss_mib": rss}


def main() -> None:
    address, topic, group, count, *settings = sys.argv[1:]
    given = dict(each.split("=", 1) for each in settings)
    whole = {"bootstrap.servers": address, "group.id": group, **_LIKE_THE_SOURCE, **given}
    print(json.dumps(consume(whole, topic, int(count))))


if __name__ == "__main__":
    main()
