"""The source alone, in a process of its own: consume, window, settle, and nothing between.

    python -m tools.bench.kafka.source_alone ADDRESS TOPIC GROUP COUNT [SETTING=VALUE ...]

Prints, as JSON, records and seconds from the first receive on, and CPU and memory of the process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import uvloop

from gateway.adapters.kafka.producer import Producers
from gateway.adapters.kafka.source import BATCH, KafkaSource
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress
from tools.bench import machine

if TYPE_CHECKING:
    from collections.abc import Sequence


async def consume(plan: KafkaPlan, count: int) -> dict[str, float]:
    """Receive and settle so many records; what comes first is not counted."""
    source = KafkaSource(plan, Producers(), "bench", print, 5)
    await source.open()
    done = len(first := await _receive(source))
    await source.ack(first)
    skipped, begun, cpu = done, time.monotonic(), time.process_time()
    while done < count:
        receipts = await _receive(source)
        await source.ack(receipts)
        done += len(receipts)
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    rss = machine.usage(os.getpid()).rss_mib
    await source.close()
    return {"records": done - skipped, "seconds": seconds, "cpu_seconds": cpu, "rss_mib": rss}


async def _receive(source: KafkaSource) -> Sequence[str]:
    receipts: list[str] = []
    while not receipts:
        receipts = [each.receipt for each in await source.receive(BATCH, 20, 60)]
    return receipts


def main() -> None:
    address, topic, group, count, *settings = sys.argv[1:]
    given = dict(each.split("=", 1) for each in settings)
    plan = KafkaPlan((address,), TopicAddress(topic), group, Start.EARLIEST, settings=given)
    print(json.dumps(uvloop.run(consume(plan, int(count)))))


if __name__ == "__main__":
    main()
