"""One run of one peer: fill the queue, wait until it is empty, and read what that cost."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.bench import machine
from tools.bench.arena import NUMBERED, PINNED_SHARE, body
from tools.bench.names import QUEUE
from tools.bench.peers import CANARY_WEIGHT, GROUPS, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer, Running

START_SECONDS: Final = 90.0
STALL_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one run; memory in MiB."""

    messages: int
    seconds: float
    cpu_us_per_message: float
    harness_busy: float
    harness_us_per_message: float
    requests_per_1000: float
    rss: tuple[float, ...]
    lost: int
    doubled: int
    canary_share: float | None

    @property
    def rate(self) -> float:
        """Messages per second, from the first receive to the last delete."""
        return self.messages / self.seconds if self.seconds else 0.0


def _nothing(_port: int) -> AbstractAsyncContextManager[None]:
    return nullcontext()


async def measure(
    peer: Peer,
    arena: Arena,
    folder: Path,
    messages: int,
    looks: int = 2,
    routing: str | None = None,
    beside: Callable[[int], AbstractAsyncContextManager[None]] = _nothing,
) -> Run:
    """Run a peer once; memory is read `looks` times, evenly over the messages.

    The gateway goes by `routing`, or by the usual one route. What `beside` returns for the peer's
    admin port is open all the while.
    """
    await arena.clear(peer.queue)
    async with AsyncExitStack() as stack:
        it = stack.enter_context(running(peer, arena, folder, routing))
        await until_it_polls(it, arena, peer.queue)
        await stack.enter_async_context(beside(it.admin_port))
        before = machine.usage(it.pid)
        asked = _requests(await arena.counts(peer.queue))
        await arena.fill(messages, body(NUMBERED), queue=peer.queue, groups=GROUPS)
        harness, begun = arena.cpu_seconds(), time.monotonic()
        rss = [before.rss_mib]
        for look in range(1, looks + 1):
            await until_deleted(it, arena, peer.queue, messages * look // looks)
            rss.append(machine.usage(it.pid).rss_mib)
        after, counts = machine.usage(it.pid), await arena.counts(peer.queue)
        harness, wall = arena.cpu_seconds() - harness, time.monotonic() - begun
        arrivals = await arena.arrivals(with_ages=False)
    done = counts["deleted"]
    return Run(
        messages=done,
        seconds=(counts["last_deleted_at"] or 0) - (counts["first_received_at"] or 0),
        cpu_us_per_message=(after.cpu_seconds - before.cpu_seconds) / max(1, done) * 1e6,
        harness_busy=harness / wall,
        harness_us_per_message=harness / max(1, done) * 1e6,
        requests_per_1000=(_requests(counts) - asked) / max(1, done) * 1000,
        rss=tuple(rss),
        lost=messages - (arrivals["distinct"] if peer.delivers else done),
        doubled=arrivals["doubled"],
        canary_share=_canary_share(arrivals) if peer.splits else None,
    )


def expected_canary_share() -> float:
    """Return the share the canary should get: what is pinned to it, and its weight of the rest."""
    return PINNED_SHARE + (1 - PINNED_SHARE) * CANARY_WEIGHT / 100


async def until_it_polls(it: Running, arena: Arena, queue: str = QUEUE) -> None:
    """Wait for a peer's first receive; raises PeerFailedError."""
    deadline = time.monotonic() + START_SECONDS
    while "ReceiveMessage" not in (await arena.counts(queue))["operations"]:
        it.check()
        if time.monotonic() > deadline:
            raise it.failed(f"did not receive within {START_SECONDS:g} s")
        await asyncio.sleep(_LOOK_SECONDS)


async def until_deleted(it: Running, arena: Arena, queue: str, wanted: int) -> None:
    """Wait until `wanted` are deleted, or none was for a while: the rest counts as lost."""
    deleted, moved_at = -1, time.monotonic()
    while deleted < wanted and time.monotonic() < moved_at + STALL_SECONDS:
        it.check()
        now_deleted = (await arena.counts(queue))["deleted"]
        if now_deleted != deleted:
            deleted, moved_at = now_deleted, time.monotonic()
        await asyncio.sleep(_LOOK_SECONDS)


def _requests(counts: dict[str, Any]) -> int:
    total: int = sum(counts["operations"].values())
    return total


def _canary_share(arrivals: dict[str, Any]) -> float:
    by_path = arrivals["by_path"]
    return float(by_path.get("canary", 0) / max(1, sum(by_path.values())))
