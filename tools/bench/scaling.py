"""The gateway's throughput and cost by routes, bodies, slow services and processes."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tools.bench import idle, machine
from tools.bench.arena import body
from tools.bench.names import QUEUE
from tools.bench.peers import PEERS, running
from tools.bench.throughput import STALL_SECONDS, until_it_polls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Running

ROUTES: Final = (1, 10, 100, 500)
BODIES: Final = {"1 KiB": 2**10, "10 KiB": 10 * 2**10, "100 KiB": 100 * 2**10, "1 MiB": 2**20}
"""Characters, with the 11 of the JSON object around the text."""

DELAYS_MS: Final = (0, 10, 50, 200)
PROCESSES: Final = (1, 2)
BYTES_A_RUN: Final = 400 * 2**20
WARM_UP: Final = 40  # messages of each route: connections are not to count as cost of a message
_LOOK_SECONDS: Final = 0.05
_SPARE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Load:
    """One run until the queues are empty: its messages and what each cost."""

    what: str
    messages: int
    seconds: float
    cpu_us_per_message: float
    mb_per_second: float
    rss_mib: float
    lost: int
    doubled: int

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds


async def routes(arena: Arena, folder: Path, count: int, messages: int) -> Load:
    """Spread the messages over `count` routes, each with its connections open."""
    queues = idle.names(count)
    what = f"{count} routes"
    return await _run(arena, folder, what, queues, messages, body(), warm_up=WARM_UP)


async def bodies(arena: Arena, folder: Path, name: str, messages: int) -> Load:
    """Send messages of one size, fewer of the large ones."""
    size = BODIES[name]
    count = max(100, min(messages, BYTES_A_RUN // size))
    return await _run(arena, folder, name, [QUEUE], count, body(length=size))


async def delays(arena: Arena, folder: Path, ms: int, messages: int, rate: float) -> Load:
    """Let the service take its time, with as many permits as `rate` then needs."""
    permits = max(200, round(rate * ms / 1000 * _SPARE))
    text = idle.routing(arena, [QUEUE], permits, wait=1)
    text = text.replace("/stable", f"/after-{ms}/stable").replace("/canary", f"/after-{ms}/canary")
    what = f"{ms} ms, {permits:,} permits"
    return await _run(arena, folder, what, [QUEUE], messages, body(), routing=text)


async def processes(arena: Arena, folder: Path, count: int, messages: int) -> Load:
    """Run one gateway on its core, or another beside the harness too."""
    what = f"{count} processes" if count > 1 else "1 process"
    return await _run(arena, folder, what, [QUEUE], messages, body(), count=count)


async def _run(
    arena: Arena,
    folder: Path,
    what: str,
    queues: Sequence[str],
    messages: int,
    text: str,
    *,
    routing: str | None = None,
    count: int = 1,
    warm_up: int = 0,
) -> Load:
    await arena.clear(*queues)
    routing = routing or idle.routing(arena, queues, wait=20 if len(queues) > 1 else 1)
    cores = (machine.as_peer, machine.as_harness)
    with ExitStack() as stack:
        its = [
            stack.enter_context(running(PEERS[0], arena, folder, routing, on_core=core))
            for core in cores[:count]
        ]
        await _until_ready(its, arena, queues)
        for queue in queues if warm_up else ():
            await arena.fill(warm_up, text, 0.0, queue)
        await _until_deleted(its, arena, queues, warm_up)
        before = _cpu(its)
        each = messages // len(queues)
        began = time.monotonic()
        for queue in queues:
            await arena.fill(each, text, 0.0, queue)
        ended = await _until_deleted(its, arena, queues, warm_up + each)
        cpu, rss = _cpu(its) - before, sum(machine.usage(it.pid).rss_mib for it in its)
        counted = [await arena.counts(queue) for queue in queues]
        arrivals = await arena.arrivals(with_ages=False)
    done = sum(counts["deleted"] for counts in counted) - warm_up * len(queues)
    first = min((each["first_received_at"] or 0) for each in counted)
    last = max((each["last_deleted_at"] or 0) for each in counted)
    seconds = last - first if len(queues) == 1 else ended - began
    return Load(
        what=what,
        messages=done,
        seconds=seconds,
        cpu_us_per_message=cpu / max(1, done) * 1e6,
        mb_per_second=done * len(text) / seconds / 1e6,
        rss_mib=rss,
        lost=(warm_up + each) * len(queues) - arrivals["distinct"],
        doubled=arrivals["doubled"],
    )


async def _until_ready(its: Sequence[Running], arena: Arena, queues: Sequence[str]) -> None:
    for it in its:
        await idle.until_ready(it)
        for queue in queues:
            await until_it_polls(it, arena, queue)


async def _until_deleted(
    its: Sequence[Running], arena: Arena, queues: Sequence[str], each: int
) -> float:
    """Return when the last one was; a queue that is empty is not looked at again."""
    left, deleted, moved_at = list(queues), -1, time.monotonic()
    while left and time.monotonic() < moved_at + STALL_SECONDS:
        for it in its:
            it.check()
        now_deleted = (await arena.counts(left[0]))["deleted"]
        if now_deleted >= each:
            left.pop(0)
            deleted = -1
            continue
        if now_deleted != deleted:
            deleted, moved_at = now_deleted, time.monotonic()
        await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic()


def _cpu(its: Sequence[Running]) -> float:
    return sum(machine.usage(it.pid).cpu_seconds for it in its)
