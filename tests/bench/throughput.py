"""One run of one peer: fill the queue, let it be emptied, and look at what it took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.bench import machine
from tests.bench.arena import PINNED_SHARE, body
from tests.bench.peers import CANARY_WEIGHT, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bench.arena import Arena
    from tests.bench.peers import Peer

START_SECONDS: Final = 30.0
STALL_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.02


class PeerFailedError(Exception):
    """A peer did not start, or stopped on its own; `str()` has the last of what it printed."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to; memory in MiB."""

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


async def measure(peer: Peer, arena: Arena, folder: Path, messages: int, looks: int = 2) -> Run:
    """Run a peer once; memory is looked at `looks` times, evenly over the messages."""
    await arena.clear()
    with running(peer, arena, folder) as process:
        await until_it_polls(process.poll, arena, folder / f"{peer.name}.log")
        before, harness = machine.usage(process.pid), arena.cpu_seconds()
        asked, begun = _requests(await arena.ledger()), time.monotonic()
        await arena.fill(messages, body())
        rss = [before.rss_mib]
        for look in range(1, looks + 1):
            await _until_deleted(arena, messages * look // looks)
            rss.append(machine.usage(process.pid).rss_mib)
        after, ledger = machine.usage(process.pid), await arena.ledger()
        harness, wall = arena.cpu_seconds() - harness, time.monotonic() - begun
        arrivals = await arena.arrivals()
    done = ledger["deleted"]
    return Run(
        messages=done,
        seconds=(ledger["last_deleted_at"] or 0) - (ledger["first_received_at"] or 0),
        cpu_us_per_message=(after.cpu_seconds - before.cpu_seconds) / max(1, done) * 1e6,
        harness_busy=harness / wall,
        harness_us_per_message=harness / max(1, done) * 1e6,
        requests_per_1000=(_requests(ledger) - asked) / max(1, done) * 1000,
        rss=tuple(rss),
        lost=messages - (arrivals["distinct"] if peer.delivers else done),
        doubled=arrivals["doubled"],
        canary_share=_canary_share(arrivals) if peer.splits else None,
    )


def expected_canary_share() -> float:
    """Return the share the canary should get: what is pinned to it, and its weight of the rest."""
    return PINNED_SHARE + (1 - PINNED_SHARE) * CANARY_WEIGHT / 100


async def until_it_polls(exit_status: Callable[[], int | None], arena: Arena, log: Path) -> None:
    """Wait for a peer's first receive; raises PeerFailedError."""
    deadline = time.monotonic() + START_SECONDS
    while "ReceiveMessage" not in (await arena.ledger())["operations"]:
        if exit_status() is not None or time.monotonic() > deadline:
            raise PeerFailedError(_last_of(log))
        await asyncio.sleep(_LOOK_SECONDS)


def _last_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _until_deleted(arena: Arena, wanted: int) -> None:
    """Wait until so many are deleted, or nothing has moved for a while: the rest counts as lost."""
    deleted, moved_at = -1, time.monotonic()
    while deleted < wanted and time.monotonic() < moved_at + STALL_SECONDS:
        now_deleted = (await arena.ledger())["deleted"]
        if now_deleted != deleted:
            deleted, moved_at = now_deleted, time.monotonic()
        await asyncio.sleep(_LOOK_SECONDS)


def _requests(ledger: dict[str, Any]) -> int:
    total: int = sum(ledger["operations"].values())
    return total


def _canary_share(arrivals: dict[str, Any]) -> float:
    by_path = arrivals["by_path"]
    return float(by_path.get("canary", 0) / max(1, sum(by_path.values())))
