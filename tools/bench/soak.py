"""A long run of one gateway process: does it lose, double or keep anything?

The queue is kept filled, but not deeper as the run goes on. The emulator and the services note
every message, at some 750 and 150 bytes each: a million of them fit into one gibibyte.
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
"""So many messages are visible all the time; once there are fewer, as many more are sent."""

SNAPSHOT_SECONDS: Final = 10.0
REST_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """How things stand at one moment; `resting` before the load and after it.

    `connections` lead to the services, `other_files` is whatever else is open.
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
    """One run. `looks` grows as it goes, so that a run that is broken off has something to say."""

    def __init__(self, arena: Arena, folder: Path, messages: int) -> None:
        self.messages = messages
        self.looks: list[Look] = []
        self._arena, self._snapshot = arena, folder / SNAPSHOT
        self._folder = folder
        self._sent, self._began = 0, 0.0

    async def run(self, tell: Callable[[Look], None]) -> None:
        """Tell a look before, one at every twentieth of the way, and one at rest after all."""
        await self._arena.clear()
        with running(WATCHED, self._arena, self._folder) as it:
            await until_it_polls(it, self._arena)
            self._began = time.monotonic()
            tell(await self._look(it, resting=True))
            for stage in range(1, LOOKS + 1):
                await self._until_deleted(it, self.messages * stage // LOOKS)
                tell(await self._look(it))
            tell(await self._at_rest(it))

    async def _until_deleted(self, it: Running, wanted: int) -> None:
        """Keep the queue filled until so many are deleted, or nothing has moved for a while."""
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
        """Look once it has become as quiet as it was at first, or does not within some seconds."""
        deadline = time.monotonic() + REST_SECONDS
        look = await self._look(it, resting=True)
        while look.tasks != self.looks[0].tasks and time.monotonic() < deadline:
            self.looks.remove(look)
            await asyncio.sleep(_PAUSE_SECONDS)
            look = await self._look(it, resting=True)
        return look

    async def _look(self, it: Running, *, resting: bool = False) -> Look:
        """Ask the counts first: what it calls deleted must have arrived by then."""
        counts, arrivals = await self._arena.counts(), await self._arena.arrivals()
        made_of = await self._made_of(it)
        connections = arrivals["connections"] - 1  # the bench's own
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
            blocks=made_of["blocks"],
            tasks=made_of["tasks"],
        )
        self.looks.append(look)
        return look

    async def _made_of(self, it: Running) -> dict[str, Any]:
        """Have the process tell; raises PeerFailedError where it does not."""
        self._snapshot.unlink(missing_ok=True)
        os.kill(it.pid, signal.SIGUSR2)
        deadline = time.monotonic() + SNAPSHOT_SECONDS
        while not self._snapshot.exists():
            it.check()
            if time.monotonic() > deadline:
                raise it.failed("did not tell what it is made of")
            await asyncio.sleep(0.001)
        made_of: dict[str, Any] = json.loads(self._snapshot.read_text())
        return made_of
