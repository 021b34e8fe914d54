"""The mode `kafka-rates`: the versions of a topic, each held to a `max_rate` of its own.

One gateway has two routes that read one topic, each in a group of its own: the versions of the
first are topics, those of the second are services. The topic has more records than both may pass
on, and the canary's share of them is a little more than its rate.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tools.bench import report
from tools.bench.arena import NUMBERED, body
from tools.bench.channel import Channel
from tools.bench.kafka.broker import broker
from tools.bench.kafka.held import Held, by_tenths, held, text
from tools.bench.kafka.passing import SESSION_MS, partitions
from tools.bench.modes import gateway_of, progress
from tools.bench.names import CANARY_TAG
from tools.bench.peers import CANARY_WEIGHT, running
from tools.bench.throughput import START_SECONDS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.kafka.broker import Broker
    from tools.bench.peers import Peer, Running

RATES: Final = {"stable": 500.0, "canary": 50.0}
SECONDS: Final = 60.0
KEYS: Final = 10_000
"""So many that the canary's share of the keys is near its weight."""

WARM_UP_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.1
TOPICS: Final = "topics"
SERVICES: Final = "services"
_SPARE: Final = 1.3
_ROUTE: Final = """\
  - name: {name}
    kafka:
      brokers: ["{broker}"]
      topic: {topic}
      group: {topic}-{name}
      start: earliest
      settings: {{session.timeout.ms: "{session}"}}
    reject: block
    versions:
      stable: {{{stable}, tag: v1, max_rate: {rates[stable]:g}}}
      canary: {{{canary}, tag: {tag}, max_rate: {rates[canary]:g}}}
    split: {{stable: {rest}, canary: {weight}}}
"""


async def on_rates(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Measure both routes over the same time."""
    peer, seconds = gateway_of(chosen), arguments.seconds
    with broker() as running_broker:
        found, behind = await measure(peer, here, running_broker, folder, seconds)
    title = f"{peer.name}: {seconds:g} s, {KEYS:,} keys, {CANARY_WEIGHT} % of them the canary's"
    made_of = f"{here.made_of}, the broker is tansu in memory"
    return report.header(title, made_of, report.load()) + "\n" + text(found, behind)


async def measure(
    peer: Peer, arena: Arena, broker: Broker, folder: Path, seconds: float
) -> tuple[dict[tuple[str, str], Held], dict[str, int]]:
    """Return how each version kept to its rate, and how far each route is behind at the end."""
    await arena.clear()
    topic = f"t-{uuid4()}"
    names = {version: f"{topic}-{version}" for version in RATES}
    broker.create(topic, *names.values())
    count = sum(RATES.values()) * (WARM_UP_SECONDS + seconds) * _SPARE
    broker.fill(topic, int(count), body(NUMBERED), 0.0, KEYS)
    with running(peer, arena, folder, _routing(arena, broker, topic, names)) as it:
        await _until_all_are_given(it, arena, broker, topic)
        await asyncio.sleep(WARM_UP_SECONDS)
        begun, came = time.time(), await _came(it, arena, seconds)
        behind = await _behind(it)
    found = {}
    for version, rate in RATES.items():
        moments = await asyncio.to_thread(broker.moments, names[version])
        found[TOPICS, version] = held(by_tenths(moments, begun, seconds), rate)
    for version, rate in RATES.items():
        found[SERVICES, version] = held(came[version], rate)
    for what, each in found.items():
        progress(f"{' '.join(what)}: {each.mean:.1f}/s")
    return found, behind


def _routing(arena: Arena, broker: Broker, topic: str, names: dict[str, str]) -> str:
    places = {
        TOPICS: {version: f"topic: {name}" for version, name in names.items()},
        SERVICES: {version: f'url: "{arena.services.http}/{version}"' for version in RATES},
    }
    routes = (
        _ROUTE.format(
            name=name,
            broker=broker.address,
            topic=topic,
            session=SESSION_MS,
            tag=CANARY_TAG,
            rates=RATES,
            weight=CANARY_WEIGHT,
            rest=100 - CANARY_WEIGHT,
            **versions,
        )
        for name, versions in places.items()
    )
    return "routes:\n" + "".join(routes)


async def _until_all_are_given(it: Running, arena: Arena, broker: Broker, topic: str) -> None:
    watch = broker.watch(topic, f"{topic}-{TOPICS}")
    deadline = time.monotonic() + START_SECONDS
    while len(await _by_version(arena)) < len(RATES) or not await asyncio.to_thread(
        watch.committed
    ):
        it.check()
        if time.monotonic() > deadline:
            raise it.failed(f"did not deliver to all versions within {START_SECONDS:g} s")
        await asyncio.sleep(LOOK_SECONDS)
    watch.close()


async def _came(it: Running, arena: Arena, seconds: float) -> dict[str, list[tuple[float, int]]]:
    """Return how many deliveries had come to each service by each look."""
    came: dict[str, list[tuple[float, int]]] = {version: [] for version in RATES}
    begun = time.monotonic()
    while not came["stable"] or came["stable"][-1][0] < seconds:
        it.check()
        found, now = await _by_version(arena), time.monotonic() - begun
        for version, looks in came.items():
            looks.append((now, found[version]))
        await asyncio.sleep(LOOK_SECONDS)
    return came


async def _by_version(arena: Arena) -> dict[str, int]:
    found: dict[str, int] = (await arena.arrivals(with_ages=False))["by_path"]
    return found


async def _behind(it: Running) -> dict[str, int]:
    admin = await Channel.open(it.admin_port)
    found = await partitions(admin)
    admin.close()
    return {route: max(each["behind"] for each in parts) for route, parts in found.items()}
