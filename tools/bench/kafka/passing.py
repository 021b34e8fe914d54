"""One run of the gateway on a topic: to the services, or to topics."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from tools.bench import machine
from tools.bench.arena import NUMBERED, PINNED_SHARE, body
from tools.bench.names import CANARY_TAG
from tools.bench.peers import CANARY_WEIGHT, running
from tools.bench.throughput import STALL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.channel import Channel
    from tools.bench.kafka.broker import Broker, Watch
    from tools.bench.peers import Peer, Running

    Delivered = Callable[[], Awaitable[tuple[int, int]]]
    """Returns how many records were delivered, and how many of them twice."""

LOOK_SECONDS: Final = 0.05
SESSION_MS: Final = 6_000  # tansu lets a new group wait for half of it

_CONFIG: Final = """\
routes:
  - name: bench
    kafka:
      brokers: ["{broker}"]
      topic: {topic}
      group: {topic}
      start: earliest
      settings: {{session.timeout.ms: "{session}"}}
    reject: block
    versions:
      stable: {{{stable}, tag: v1}}
      canary: {{{canary}, tag: {tag}}}
    split: {{stable: {rest}, canary: {weight}}}
"""


@dataclass(frozen=True, slots=True)
class Passed:
    """What came of one run, from the first look that found a delivery on."""

    records: int
    seconds: float
    cpu_seconds: float
    rss_mib: float
    lost: int
    doubled: int
    uncommitted: int

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of the gateway for a record, in microseconds."""
        return self.cpu_seconds / self.records * 1e6


async def to_services(peer: Peer, arena: Arena, broker: Broker, folder: Path, count: int) -> Passed:
    """Run a gateway once from a topic to the services."""
    await arena.clear()
    topic, sink = f"t-{uuid4()}", arena.services.http

    async def delivered() -> tuple[int, int]:
        found = await arena.arrivals(with_ages=False)
        return found["distinct"], found["doubled"]

    versions = {"stable": f'url: "{sink}/stable"', "canary": f'url: "{sink}/canary"'}
    broker.create(topic)
    broker.fill(topic, count, body(NUMBERED), PINNED_SHARE)
    with running(peer, arena, folder, _routing(broker, topic, versions)) as it:
        return await _watched(it, broker, topic, count, delivered)


async def to_topics(peer: Peer, arena: Arena, broker: Broker, folder: Path, count: int) -> Passed:
    """Run a gateway once from a topic to two others, whose records are read and counted after."""
    topic = f"t-{uuid4()}"
    names = [f"{topic}-{version}" for version in ("stable", "canary")]
    broker.create(topic, *names)
    watch = broker.watch(topic, topic)

    async def delivered() -> tuple[int, int]:
        return await asyncio.to_thread(watch.committed), 0

    versions = dict(zip(("stable", "canary"), (f"topic: {name}" for name in names), strict=True))
    broker.fill(topic, count, body(NUMBERED), PINNED_SHARE)
    with running(peer, arena, folder, _routing(broker, topic, versions)) as it:
        passed = await _watched(it, broker, topic, count, delivered)
    watch.close()
    found = await asyncio.to_thread(broker.values, *names)
    broker.drop(*names)
    distinct = len(set(found))
    return replace(passed, lost=count - distinct, doubled=len(found) - distinct)


async def partitions(admin: Channel) -> dict[str, list[dict[str, Any]]]:
    """Return the partitions of each route of a gateway, as its admin port says."""
    _, response = await admin.request("GET", "/api/routes")
    routes = json.loads(response)["routes"]
    return {each["name"]: each["kafka"]["partitions"] for each in routes}


def _routing(broker: Broker, topic: str, versions: dict[str, str]) -> str:
    return _CONFIG.format(
        broker=broker.address,
        topic=topic,
        session=SESSION_MS,
        tag=CANARY_TAG,
        weight=CANARY_WEIGHT,
        rest=100 - CANARY_WEIGHT,
        **versions,
    )


async def _watched(
    it: Running, broker: Broker, topic: str, count: int, delivered: Delivered
) -> Passed:
    watch = broker.watch(topic, topic)
    before = await _until(it, delivered, 1)
    begun, used = time.monotonic(), machine.usage(it.pid)
    done = await _until(it, delivered, count)
    seconds, after = time.monotonic() - begun, machine.usage(it.pid)
    uncommitted = await _uncommitted(watch, count)
    _, doubled = await delivered()
    watch.close()
    broker.drop(topic)
    cpu = after.cpu_seconds - used.cpu_seconds
    return Passed(done - before, seconds, cpu, after.rss_mib, count - done, doubled, uncommitted)


async def _until(it: Running, delivered: Delivered, wanted: int) -> int:
    """Return how many were delivered once there are so many, or none came for a while."""
    found, moved_at = -1, time.monotonic()
    while found < wanted and time.monotonic() < moved_at + STALL_SECONDS:
        it.check()
        now_found, _ = await delivered()
        if now_found != found:
            found, moved_at = now_found, time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
    return found


async def _uncommitted(watch: Watch, count: int) -> int:
    deadline = time.monotonic() + STALL_SECONDS
    while left := count - await asyncio.to_thread(watch.committed):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOK_SECONDS)
    return left
