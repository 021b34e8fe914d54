"""The cost of twenty routes without messages, and the time from start to ready."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tools.bench import machine
from tools.bench.channel import Channel
from tools.bench.peers import PEERS, running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Running

ROUTES: Final = 20
WAIT_SECONDS: Final = 20
_LOOK_SECONDS: Final = 0.01
_READY_SECONDS: Final = 60.0
_OK: Final = 200
_ROUTE: Final = """\
  - name: {name}
    queue: {name}
    wait: {wait}s
    visibility: 60s
    max_in_flight: {permits}
    versions:
      stable: {{url: "{sink}/stable", tag: v1, max_in_flight: {permits}}}
      canary: {{url: "{sink}/canary", tag: v2}}
    split: {{stable: 90, canary: 10}}
"""


@dataclass(frozen=True, slots=True)
class Idle:
    """`core` is a share of one; `receives` are those of all routes per 20 s; memory in MiB."""

    routes: int
    ready_seconds: float
    core: float
    receives: float
    rss_mib: float


def names(routes: int) -> list[str]:
    """Return the names of the queues, which are those of the routes."""
    return [f"bench-{number}" for number in range(routes)]


def routing(
    arena: Arena, queues: Sequence[str], permits: int = 200, wait: int = WAIT_SECONDS
) -> str:
    """Return a routing file with a route for each queue."""
    parts = (
        _ROUTE.format(name=name, sink=arena.services.http, permits=permits, wait=wait)
        for name in queues
    )
    return "routes:\n" + "".join(parts)


async def measure(arena: Arena, folder: Path, seconds: float, routes: int = ROUTES) -> Idle:
    """Start, wait until it is ready and has asked everywhere, and look on."""
    queues = names(routes)
    await arena.clear(*queues)
    with running(PEERS[0], arena, folder, routing(arena, queues)) as it:
        ready_at = await until_ready(it)
        while await _receives(arena, queues) < routes:
            it.check()
            await asyncio.sleep(_LOOK_SECONDS)
        before, asked, began = machine.usage(it.pid), await _receives(arena, queues), _now()
        await asyncio.sleep(seconds)
        after, took = machine.usage(it.pid), _now() - began
        receives = await _receives(arena, queues) - asked
    return Idle(
        routes=routes,
        ready_seconds=ready_at - it.began,
        core=(after.cpu_seconds - before.cpu_seconds) / took,
        receives=receives / took * WAIT_SECONDS,
        rss_mib=after.rss_mib,
    )


async def until_ready(it: Running) -> float:
    """Return when /readyz said so; raises PeerFailedError."""
    deadline = _now() + _READY_SECONDS
    while _now() < deadline:
        it.check()
        try:
            channel = await Channel.open(it.admin_port)
            status, _ = await channel.request("GET", "/readyz")
            channel.close()
        except ConnectionError:
            status = 0
        if status == _OK:
            return _now()
        await asyncio.sleep(_LOOK_SECONDS)
    raise it.failed(f"was not ready within {_READY_SECONDS:g} s")


async def _receives(arena: Arena, queues: Sequence[str]) -> int:
    """Return the receives of all queues so far."""
    counted = [await arena.counts(queue) for queue in queues]
    return sum(counts["operations"].get("ReceiveMessage", 0) for counts in counted)


def _now() -> float:
    return time.monotonic()
