"""Gateways of one group under load: one joins, one stops softly, one is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.fakes.kafka_brokers import QUICK, tansu
from tools.chaos.kafka.arrivals import Arrivals
from tools.chaos.kafka.audit import Killed, Result, audit
from tools.chaos.kafka.broker import Commits, Load
from tools.chaos.kafka.group import Group
from tools.chaos.kafka.service import Services

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GROUP: Final = "orders"
STUCK_SECONDS: Final = 120.0
"""Without any new 2xx or commit: what is left by then never comes."""


@dataclass(frozen=True)
class Plan:
    """What is done; `slowest` is the longest that a service takes, in seconds."""

    seed: int
    records: int = 50_000
    partitions: int = 8
    keys: int = 1_000
    gateways: int = 3
    rate: float = 1_000.0
    slowest: float = 0.2
    max_behind: int = 2_000


@dataclass
class Outcome:
    """What came of it; `moves` are lines of what was done, and when."""

    result: Result
    moves: list[str] = field(default_factory=list)
    by_gateway: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    looks: int = 0
    seconds: float = 0.0


def run(plan: Plan, folder: Path) -> Outcome:
    """Run it on a broker of its own."""
    with tansu() as broker:
        topic = broker.create(partitions=plan.partitions)
        return asyncio.run(Moves(plan, folder, broker.address, topic).run())


class Moves:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, address: str, topic: str) -> None:
        self._plan, self._address, self._topic = plan, address, topic
        self._random = Random(plan.seed)
        self._arrivals = Arrivals()
        pace = Random(plan.seed + 1)
        self._services = Services(self._arrivals, lambda _: pace.uniform(0, plan.slowest))
        self._load = Load(address, topic)
        self._commits = Commits(address, topic, GROUP, plan.partitions)
        self._group = Group(folder, self._routing)
        self._url = ""
        self._kills: list[Killed] = []
        self._moves: list[str] = []

    def _routing(self, name: str) -> Mapping[str, Any]:
        versions = {
            version: {"url": f"{self._url}/{version}/{name}", "tag": tag, "max_in_flight": 500}
            for version, tag in (("stable", "v1"), ("canary", "v2"))
        }
        kafka = {
            "brokers": [self._address],
            "topic": self._topic,
            "group": GROUP,
            "start": "earliest",
            "max_behind": self._plan.max_behind,
            "settings": dict(QUICK),
        }
        split = {"stable": 90, "canary": 10}
        route = {"name": "orders", "kafka": kafka, "versions": versions, "split": split}
        return {"routes": [{**route, "max_in_flight": 1000, "reject": "block"}]}

    async def run(self) -> Outcome:
        """Start, move while records come, drain, audit."""
        self._url = await self._services.start()
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.gather(*(self._group.start() for _ in range(self._plan.gateways)))
            await self._all_assigned()
            self._began = self._now
            loading = asyncio.create_task(self._load.run(self._keys(), self._plan.rate))
            await self._move()
            await loading
            await self._drained()
            seconds = self._now - self._began
            for name in self._group.names:
                await self._group.stop(name)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._group.end()
            self._services.close()
        committed = await self._commits.look(self._arrivals.answered)
        self._commits.close()
        return self._outcome(committed, seconds)

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _keys(self) -> list[str]:
        names = [f"key-{number}" for number in range(self._plan.keys)]
        every = (self._plan.records // len(names)) * names
        drawn = every + self._random.choices(names, k=self._plan.records - len(every))
        self._random.shuffle(drawn)
        return drawn

    async def _all_assigned(self) -> None:
        """Return once each partition is one gateway's, and each gateway has one."""
        while True:
            counts = [len(await self._group.partitions(name)) for name in self._group.names]
            if sum(counts) == self._plan.partitions and min(counts) > 0:
                return
            await asyncio.sleep(0.1)

    async def _watch(self) -> None:
        while True:
            self._group.look()
            await self._commits.look(self._arrivals.answered)
            await asyncio.sleep(0.25)

    async def _move(self) -> None:
        """Kill, stop and join, in a drawn order, each after a drawn part of the records."""
        moves = [self._kill, self._stop, self._join]
        self._random.shuffle(moves)
        for number, move in enumerate(moves):
            part = 0.1 + 0.3 * number + self._random.uniform(0, 0.15)
            await self._arrived(int(part * self._plan.records))
            await move()

    async def _arrived(self, count: int) -> None:
        while len(self._arrivals.seen) < count:  # noqa: ASYNC110 - a look costs nothing
            await asyncio.sleep(0.01)

    async def _kill(self) -> None:
        name = self._random.choice(self._group.names)
        had = len(await self._group.partitions(name))
        await self._group.kill(name)
        self._kills.append(Killed(name, self._now, had))
        self._note(f"{name} was killed, with {had} partitions")

    async def _stop(self) -> None:
        name = self._random.choice(self._group.names)
        self._note(f"{name} is stopped softly")
        await self._group.stop(name)
        self._note(f"{name} has stopped")

    async def _join(self) -> None:
        self._note(f"{await self._group.start()} joins")

    def _note(self, what: str) -> None:
        when = f"{self._now:.2f} ({self._now - self._began:.1f} s)"
        self._moves.append(f"{when}, {len(self._arrivals.seen):>6} records: {what}")

    async def _drained(self) -> None:
        """Return once all is committed, or nothing comes any more."""
        seen, since = (-1, -1), self._now
        while self._now - since < STUCK_SECONDS and self._group.names:
            committed = await self._commits.look(self._arrivals.answered)
            if committed == self._load.ends:
                return
            if seen != (now := (len(self._arrivals.all), sum(committed.values()))):
                seen, since = now, self._now
            await asyncio.sleep(0.1)

    def _outcome(self, committed: Mapping[int, int], seconds: float) -> Outcome:
        plan, arrivals = self._plan, self._arrivals
        wrong = self._commits.wrong
        result = audit(self._load.sent, arrivals.all, self._kills, plan.max_behind, wrong)
        if committed != self._load.ends:
            result.violations.append(f"committed at the end: {committed}, not {self._load.ends}")
        if len(self._load.sent) != plan.records:
            result.violations.append(f"the load: {self._load.failed[:3]}")
        result.violations += self._group.complaints
        by_gateway = Counter(each.gateway for each in arrivals.all)
        return Outcome(
            result,
            self._moves,
            dict(by_gateway),
            dict(arrivals.versions),
            self._commits.looks,
            seconds,
        )
