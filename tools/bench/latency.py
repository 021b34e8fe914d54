"""The time from visible to POST, at an offered load."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.bench import machine
from tools.bench.arena import NUMBERED, body
from tools.bench.peers import running
from tools.bench.throughput import until_it_polls

if TYPE_CHECKING:
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer

WARM_UP_SECONDS: Final = 2.0
SETTLE_SECONDS: Final = 20.0
STAMPED: Final = '{"sent_at":@now,' + NUMBERED.removeprefix("{")


@dataclass(frozen=True, slots=True)
class Ages:
    """Milliseconds from visible to POST, and what the load cost."""

    offered: int
    arrived: int
    doubled: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us_per_message: float
    requests_per_1000: float
    harness_busy: float


async def measure(
    peer: Peer, arena: Arena, folder: Path, rate: float, seconds: float, routing: str | None = None
) -> Ages:
    """Offer `rate` messages a second, evenly; those of the warm-up do not count.

    The fast SQS makes them by its own clock: a slow peer does not slow the load down.
    """
    await arena.clear()
    with running(peer, arena, folder, routing) as it:
        await until_it_polls(it, arena)
        await _until_arrived(arena, await arena.flow(rate, WARM_UP_SECONDS, body(STAMPED)))
        await _until_deleted(arena)
        await arena.to_services.request("POST", "/_reset")
        before, asked, harness = machine.usage(it.pid), await arena.counts(), arena.cpu_seconds()
        began = time.monotonic()
        offered = await arena.flow(rate, seconds, body(STAMPED))
        await _until_arrived(arena, offered)
        took, harness = time.monotonic() - began, arena.cpu_seconds() - harness
        await _until_deleted(arena)
        after, counts = machine.usage(it.pid), await arena.counts()
        arrivals = await arena.arrivals()
    ages = arrivals["ages_ms"] or [0.0]
    requests = sum(counts["operations"].values()) - sum(asked["operations"].values())
    return Ages(
        offered=offered,
        arrived=arrivals["distinct"],
        doubled=arrivals["doubled"],
        p50_ms=quantile(ages, 0.50),
        p99_ms=quantile(ages, 0.99),
        max_ms=ages[-1],
        cpu_us_per_message=(after.cpu_seconds - before.cpu_seconds) / offered * 1e6,
        requests_per_1000=requests / offered * 1000,
        harness_busy=harness / took,
    )


def quantile(ordered: list[float], share: float) -> float:
    """Return the smallest value that at least this share does not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


async def _until_arrived(arena: Arena, wanted: int) -> None:
    """Wait until all have arrived, or none has for a while."""
    arrived, moved_at = -1, time.monotonic()
    while arrived < wanted and time.monotonic() < moved_at + SETTLE_SECONDS:
        counts: dict[str, Any] = await arena.arrivals(with_ages=False)
        if counts["distinct"] != arrived:
            arrived, moved_at = counts["distinct"], time.monotonic()
        await asyncio.sleep(0.1)


async def _until_deleted(arena: Arena) -> None:
    """Wait for the last deletes, which come a little after the last POST."""
    deadline = time.monotonic() + SETTLE_SECONDS
    counts = await arena.counts()
    while counts["deleted"] < counts["sent"] and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        counts = await arena.counts()
