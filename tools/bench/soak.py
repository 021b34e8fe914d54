"""A long run of one gateway process: looks for lost and doubled messages and for leaks.

The queue is kept filled to the same depth. The emulator and the services record every message, at
some 750 and 150 bytes each: a million of them need about one gibibyte.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.bench import machine
from tools.bench.arena import body
from tools.bench.peers import SNAPSHOT, WATCHED, running
from tools.bench.throughput import STALL_SECONDS, until_it_polls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Running

LOOKS: Final = 20
WAITING: Final = 5_000
"""Messages kept visible: when there are fewer, this many are sent."""

SNAPSHOT_SECONDS: Final = 10.0
REST_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """The state at one moment; `resting` before the load and after it.

    `connections` lead to the services, `other_files` are all other open files.
    """

    resting: bool
    seconds: float
    sent: int
    deleted: int
    delivered: int
    doubled: int
    worst_receive_count: int
    rss_mib: float
    connections: int
    other_files: int
    threads: int
    blocks: int
    tasks: Mapping[str, int]


class Soak:
    """One run. `looks` grows during it, so that an interrupted run has a result too."""

    def __init__(self, arena: Arena, folder: Path, messages: int) -> None:
        self.messages = messages
        self.looks: list[Look] = []
        self._arena, self._snapshot = arena, folder / SNAPSHOT
        self._folder = folder
        self._sent, self._began = 0, 0.0

    async def run(self, report: Callable[[Look], None]) -> None:
        """Report a look before the load, one at every twentieth of it, and one after it."""
        await self._arena.clear()
        with running(WATCHED, self._arena, self._folder) as it:
            await until_it_polls(it, self._arena)
            self._began = time.monotonic()
            report(await self._look(it, resting=True))
            for part in range(1, LOOKS + 1):
                await self._until_deleted(it, self.messages * part // LOOKS)
                report(await self._look(it))
            report(await self._at_rest(it))

    async def _until_deleted(self, it: Running, wanted: int) -> None:
        """Keep the queue filled until `wanted` are deleted, or none was for a while."""
        deleted, moved_at = -1, time.monotonic()
        while deleted < wanted and time.monotonic() < moved_at + STALL_SECONDS:
            it.check()
            counts = await self._arena.counts()
            await self._fill_up(counts["visible"])
            if counts["deleted"] != deleted:
                deleted, moved_at = counts["deleted"], time.monotonic()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _fill_up(self, visible: int) -> None:
        count = min(WAITING, self.messages - self._sent)
        if count and visible < WAITING:
            await self._arena.fill(count, body())
            self._sent += count

    async def _at_rest(self, it: Running) -> Look:
        """Look once the tasks are those of the first look, or some seconds have passed."""
        deadline = time.monotonic() + REST_SECONDS
        look = await self._look(it, resting=True)
        while look.tasks != self.looks[0].tasks and time.monotonic() < deadline:
            self.looks.remove(look)
            await asyncio.sleep(_PAUSE_SECONDS)
            look = await self._look(it, resting=True)
        return look

    async def _look(self, it: Running, *, resting: bool = False) -> Look:
        """Read SQS first: what is deleted must have arrived by then."""
        counts, arrivals = await self._arena.counts(), await self._arena.arrivals()
        snapshot = await self._read_snapshot(it)
        connections = arrivals["connections"] - 1  # the benchmark's own
        look = Look(
            resting=resting,
            seconds=time.monotonic() - self._began,
            sent=counts["sent"],
            deleted=counts["deleted"],
            delivered=arrivals["distinct"],
            doubled=arrivals["doubled"],
            worst_receive_count=counts["max_receive_count"],
            rss_mib=machine.usage(it.pid).rss_mib,
            connections=connections,
            other_files=machine.open_files(it.pid) - connections,
            threads=machine.threads(it.pid),
            blocks=snapshot["blocks"],
            tasks=snapshot["tasks"],
        )
        self.looks.append(look)
        return look

    async def _read_snapshot(self, it: Running) -> dict[str, Any]:
        """Have the process write its snapshot; raises PeerFailedError where it does not."""
        self._snapshot.unlink(missing_ok=True)
        os.kill(it.pid, signal.SIGUSR2)
        deadline = time.monotonic() + SNAPSHOT_SECONDS
        while not self._snapshot.exists():
            it.check()
            if time.monotonic() > deadline:
                raise it.failed("did not write its snapshot")
            await asyncio.sleep(0.001)
        snapshot: dict[str, Any] = json.loads(self._snapshot.read_text())
        return snapshot
