"""The mode `kafka`: a topic beside a queue, to services and to topics, and the source alone."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from tools.bench import report, throughput
from tools.bench.kafka import passing
from tools.bench.kafka.alone import alone
from tools.bench.kafka.broker import KEYS, PARTITIONS, broker
from tools.bench.modes import REPETITIONS, gateway_of, progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.kafka.broker import Broker
    from tools.bench.kafka.passing import Passed
    from tools.bench.peers import Peer
    from tools.bench.throughput import Run

MESSAGES: Final = 100_000
SQS: Final = "SQS to services"
SERVICES: Final = "topic to services"
TOPICS: Final = "topic to topics"
ALONE: Final = "source alone"
TRAP: Final = "source alone, fetch.queue.backoff.ms 1000"
DEFAULT_BACKOFF: Final = "fetch.queue.backoff.ms=1000"

_NOTES: Final = (
    "of SQS: taken in each turn, then the median",
    "source alone: consume, window, settle, with nothing between; uncompiled where the peer is",
    "1000 is librdkafka's default; the gateway's is 5",
    "the broker is on the core of SQS and the services",
    "above a load average of 2 or 3 rates tell of the other work: compare CPU",
)


async def on_kafka(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns, so that other load on the machine hits all alike."""
    peer = gateway_of(chosen)
    count, turns = arguments.messages or MESSAGES, arguments.repetitions or REPETITIONS
    runs: dict[str, list[Run | Passed]] = {}
    with broker() as running:
        for turn in range(turns):
            async for what, run in _turn(peer, here, running, folder, count):
                runs.setdefault(what, []).append(run)
                progress(f"{turn + 1}: {what} {run.rate:,.0f}/s")
    title = (
        f"{peer.name}: {count:,} messages, {turns} turns; {PARTITIONS} partitions, {KEYS:,} keys"
    )
    made_of = f"{here.made_of}, the broker is tansu in memory"
    return report.header(title, made_of, report.load()) + "\n" + text(runs)


async def _turn(
    peer: Peer, here: Arena, broker: Broker, folder: Path, count: int
) -> AsyncIterator[tuple[str, Run | Passed]]:
    yield SQS, await throughput.measure(peer, here, folder, count)
    yield SERVICES, await passing.to_services(peer, here, broker, folder, count)
    yield TOPICS, await passing.to_topics(peer, here, broker, folder, count)
    yield ALONE, await alone(peer, broker, count)
    yield TRAP, await alone(peer, broker, count, DEFAULT_BACKOFF)


def text(runs: Mapping[str, Sequence[Run | Passed]]) -> str:
    """Return the figures."""
    head = ["what", "records/s", "spread", "of SQS", "CPU us/record", "RSS MiB"]
    head += ["lost", "doubled", "not committed"]
    rows = [[what, *_cells(found, runs[SQS])] for what, found in runs.items()]
    return "\n".join([report.table(head, rows), "", *_NOTES])


def _cells(found: Sequence[Run | Passed], sqs: Sequence[Run | Passed]) -> list[str]:
    rates = [run.rate for run in found]
    ratios = [run.rate / base.rate for run, base in zip(found, sqs, strict=False)]
    return [
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f}-{max(rates):,.0f}",
        f"{median(ratios):.2f}",
        f"{median(map(_cpu_us, found)):.1f}",
        f"{median(map(_rss_mib, found)):.0f}",
        str(sum(run.lost for run in found)),
        str(sum(run.doubled for run in found)),
        str(sum(getattr(run, "uncommitted", 0) for run in found)),
    ]


def _cpu_us(run: Run | Passed) -> float:
    return run.cpu_us_per_message if isinstance(run, throughput.Run) else run.cpu_us


def _rss_mib(run: Run | Passed) -> float:
    return run.rss[-1] if isinstance(run, throughput.Run) else run.rss_mib
