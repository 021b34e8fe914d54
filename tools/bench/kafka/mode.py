"""The mode `kafka`: a topic beside a queue, to services and to topics, and the source alone."""

from __future__ import annotations

from itertools import product
from statistics import median
from typing import TYPE_CHECKING, Final

from tools.bench import report, throughput
from tools.bench.kafka import passing
from tools.bench.kafka.alone import CLIENT, alone
from tools.bench.kafka.broker import KEYS, PARTITIONS, broker
from tools.bench.modes import GATEWAYS, REPETITIONS, gateway_of, progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.kafka.broker import Broker
    from tools.bench.kafka.passing import Passed
    from tools.bench.peers import Peer
    from tools.bench.throughput import Run

    Runs = Mapping[tuple[str, str], Sequence[Run | Passed]]
    """By the name of the gateway, and what it did."""

MESSAGES: Final = 100_000
SQS: Final = "SQS to services"
SERVICES: Final = "topic to services"
TOPICS: Final = "topic to topics"
ALONE: Final = "source alone"
CLIENT_ALONE: Final = "its client alone"
TRAP: Final = "source alone, fetch.queue.backoff.ms 1000"
DEFAULT_BACKOFF: Final = "fetch.queue.backoff.ms=1000"

ASKED: Final = 0.9
"""Of SQS's throughput, what a topic to services is to have at least."""

ASKED_CPU_US: Final = 6.0
"""Of the source alone, for a record, at most."""

ASKED_OF_DEFAULT: Final = 2.0
"""Of the throughput with librdkafka's default, what the source alone is to have at least."""

_NOTES: Final = (
    "of SQS: taken in each turn with the same gateway, then the median; by CPU: of one core",
    "source alone: consume, window, settle, with nothing between; uncompiled where the gateway is",
    "its client alone: confluent-kafka's consume with the same settings, and nothing else",
    "1000 is librdkafka's default; the gateway's is 5",
    "the broker is on the core of SQS and the services",
    "above a load average of 2 or 3 rates tell of the other work: compare CPU",
)


async def on_kafka(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns, so that other load on the machine hits all alike."""
    peers = [each for each in chosen if each.name in GATEWAYS] or [gateway_of(chosen)]
    count, turns = arguments.messages or MESSAGES, arguments.repetitions or REPETITIONS
    runs: dict[tuple[str, str], list[Run | Passed]] = {}
    with broker() as running:
        for turn, peer in product(range(turns), peers):
            async for what, run in _turn(peer, here, running, folder, count):
                runs.setdefault((peer.name, what), []).append(run)
                progress(f"{turn + 1}: {peer.name}, {what} {run.rate:,.0f}/s")
    title = f"{count:,} messages, {turns} turns; {PARTITIONS} partitions, {KEYS:,} keys"
    made_of = f"{here.made_of}, the broker is tansu in memory"
    return report.header(title, made_of, report.load()) + "\n" + text(runs)


async def _turn(
    peer: Peer, here: Arena, broker: Broker, folder: Path, count: int
) -> AsyncIterator[tuple[str, Run | Passed]]:
    yield SQS, await throughput.measure(peer, here, folder, count)
    yield SERVICES, await passing.to_services(peer, here, broker, folder, count)
    yield TOPICS, await passing.to_topics(peer, here, broker, folder, count)
    yield ALONE, await alone(peer, broker, count)
    yield CLIENT_ALONE, await alone(peer, broker, count, what=CLIENT)
    yield TRAP, await alone(peer, broker, count, DEFAULT_BACKOFF)


def text(runs: Runs) -> str:
    """Return the figures: of each gateway and of what it did."""
    head = ["gateway", "what", "records/s", "spread", "of SQS", "CPU us/record", "of SQS by CPU"]
    head += ["RSS MiB", "lost", "doubled", "not committed"]
    rows = [[*who, *_cells(found, runs[who[0], SQS])] for who, found in runs.items()]
    said = [_said(name, runs) for name, what in runs if what == SERVICES]
    said += [_said_alone(name, runs) for name, what in runs if what == TRAP]
    return "\n".join([report.table(head, rows), "", *said, *_NOTES])


def _said(name: str, runs: Runs) -> str:
    """Say in a sentence what was asked for."""
    found, sqs = runs[name, SERVICES], runs[name, SQS]
    by_rate, by_cpu = _of(found, sqs, _rate), 1 / _of(found, sqs, _cpu_us)
    what = f"{SERVICES} has {by_rate:.2f} of the throughput of {SQS}"
    return f"{name}: {what}, by CPU {by_cpu:.2f}; asked for: {ASKED:g}"


def _said_alone(name: str, runs: Runs) -> str:
    source, client = (median(map(_cpu_us, runs[name, what])) for what in (ALONE, CLIENT_ALONE))
    times = _of(runs[name, ALONE], runs[name, TRAP], _rate)
    return (
        f"{name}: {ALONE} takes {source:.1f} us of CPU, {source - client:.1f} of them beside its"
        f" client's; asked for: {ASKED_CPU_US:g}. It has {times:.1f} times the throughput of"
        f" librdkafka's default; asked for: {ASKED_OF_DEFAULT:g}"
    )


def _cells(found: Sequence[Run | Passed], sqs: Sequence[Run | Passed]) -> list[str]:
    rates = [run.rate for run in found]
    return [
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f}-{max(rates):,.0f}",
        f"{_of(found, sqs, _rate):.2f}",
        f"{median(map(_cpu_us, found)):.1f}",
        f"{1 / _of(found, sqs, _cpu_us):.2f}",
        f"{median(map(_rss_mib, found)):.0f}",
        str(sum(run.lost for run in found)),
        str(sum(run.doubled for run in found)),
        str(sum(getattr(run, "uncommitted", 0) for run in found)),
    ]


def _of(
    found: Sequence[Run | Passed],
    sqs: Sequence[Run | Passed],
    figure: Callable[[Run | Passed], float],
) -> float:
    """Return how many times SQS's figure this one is, in the median of the turns."""
    return median(figure(run) / figure(base) for run, base in zip(found, sqs, strict=False))


def _rate(run: Run | Passed) -> float:
    return run.rate


def _cpu_us(run: Run | Passed) -> float:
    return run.cpu_us_per_message if isinstance(run, throughput.Run) else run.cpu_us


def _rss_mib(run: Run | Passed) -> float:
    return run.rss[-1] if isinstance(run, throughput.Run) else run.rss_mib
