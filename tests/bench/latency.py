"""How long a message waits between becoming visible and its POST, at a load that is offered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.bench import machine
from tests.bench.arena import body
from tests.bench.peers import running
from tests.bench.throughput import until_it_polls

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.arena import Arena
    from tests.bench.peers import Peer

TICK_SECONDS: Final = 0.005
WARM_UP_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 10.0
STAMPED: Final = '{"sent_at":@now,'


@dataclass(frozen=True, slots=True)
class Ages:
    """Milliseconds from visible to POST, and what the load cost."""

    offered: int
    arrived: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us_per_message: float
    requests_per_1000: float


async def measure(peer: Peer, arena: Arena, folder: Path, rate: float, seconds: float) -> Ages:
    """Offer so many messages a second, evenly; what comes in the first second does not count."""
    await arena.clear()
    with running(peer, arena, folder) as it:
        await until_it_polls(it, arena)
        await _offer(arena, rate, WARM_UP_SECONDS)
        await _until_arrived(arena, round(rate * WARM_UP_SECONDS))
        await arena.sink.request("POST", "/_reset")
        before, asked = machine.usage(it.pid), await arena.ledger()
        offered = await _offer(arena, rate, seconds)
        arrivals = await _until_arrived(arena, offered)
        after, ledger = machine.usage(it.pid), await arena.ledger()
    ages = arrivals["ages_ms"] or [0.0]
    requests = sum(ledger["operations"].values()) - sum(asked["operations"].values())
    return Ages(
        offered=offered,
        arrived=arrivals["distinct"],
        p50_ms=quantile(ages, 0.50),
        p99_ms=quantile(ages, 0.99),
        max_ms=ages[-1],
        cpu_us_per_message=(after.cpu_seconds - before.cpu_seconds) / offered * 1e6,
        requests_per_1000=requests / offered * 1000,
    )


def quantile(ordered: list[float], share: float) -> float:
    """Return the smallest value that at least this share does not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


async def _offer(arena: Arena, rate: float, seconds: float) -> int:
    """Enqueue by the clock, not by the answers: a slow peer does not slow the load."""
    text = body(STAMPED)
    start = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - start) < seconds:
        due = int(elapsed * rate) - sent
        if due:
            await arena.fill(due, text)
            sent += due
        await asyncio.sleep(TICK_SECONDS)
    return sent


async def _until_arrived(arena: Arena, wanted: int) -> dict[str, Any]:
    deadline = time.monotonic() + SETTLE_SECONDS
    arrivals = await arena.arrivals()
    while arrivals["distinct"] < wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        arrivals = await arena.arrivals()
    return arrivals
