"""The mode `kafka-behind`: what a canary that hangs, or is slow, costs stable on a topic.

First until a partition is `max_behind` behind, then by what `when_behind` says. In each turn a
canary that is well has the same load; shares are of its rates.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from tools.bench import machine, report
from tools.bench.arena import NUMBERED, body
from tools.bench.channel import Channel
from tools.bench.kafka.broker import KEYS, PARTITIONS, broker
from tools.bench.kafka.looks import SETTLE_SECONDS, Look, Turn, text, turn_of
from tools.bench.kafka.passing import SESSION_MS, partitions
from tools.bench.modes import gateway_of, progress
from tools.bench.names import CANARY_TAG
from tools.bench.peers import CANARY_WEIGHT, running
from tools.bench.throughput import START_SECONDS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.kafka.broker import Broker
    from tools.bench.peers import Peer, Running


class Case(NamedTuple):
    """The state of the canary, and what the route does once it has fallen behind."""

    canary: str
    when_behind: str = "pause"


class Load(NamedTuple):
    """Records a second, all at once where it is None; and the `max_behind` of the route."""

    rate: float | None
    max_behind: int

    def __str__(self) -> str:
        """Name it."""
        return "a backlog" if self.rate is None else f"{self.rate:,.0f}/s"


RATE: Final = 1_000.0
TURNS: Final = 3
WELL: Final = Case("well")
PARKED: Final = "parked"
CASES: Final = (
    WELL,
    *(Case("hangs", when) for when in ("pause", "fallback", PARKED)),
    *(Case("is slow", when) for when in ("pause", "fallback", PARKED)),
)
LOADS: Final = (Load(RATE, 2_500), Load(None, 10_000))
LOOK_SECONDS: Final = 0.1
STALL_SECONDS: Final = 180.0
BACKLOG: Final = 120_000
_COMPARED: Final = 0.7
"""Of the records that stable has until all partitions are behind: keys are not spread evenly."""

_CANARIES: Final = {
    "well": 'url: "{sink}/canary"',
    "hangs": 'url: "{sink}/never/canary", timeout: 2s',
    "is slow": 'url: "{sink}/canary", max_rate: 20',
}
_CONFIG: Final = """\
routes:
  - name: bench
    kafka:
      brokers: ["{broker}"]
      topic: {topic}
      group: {topic}
      start: earliest
      max_behind: {max_behind}
      settings: {{session.timeout.ms: "{session}"}}
    when_behind: {when_behind}
    reject: {topic}-dead
    versions:
      stable: {{url: "{sink}/stable", tag: v1}}
      canary: {{{canary}, tag: {tag}}}
    split: {{stable: {rest}, canary: {weight}}}
"""


async def on_behind(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns, so that other load on the machine hits all alike."""
    peer, turns = gateway_of(chosen), arguments.repetitions or TURNS
    found: dict[tuple[str, Case], list[Turn]] = {}
    with broker() as there:
        for turn in range(turns):
            for load, case in _chosen(arguments.rate):
                it = await measure(peer, here, there, folder, load, case, arguments.seconds)
                found.setdefault((str(load), case), []).append(it)
                progress(
                    f"{turn + 1}: {load}, {' '.join(case)}: {it.until:,.0f}/s, {it.then:,.0f}/s"
                )
    bounds = ", ".join(f"max_behind {load.max_behind:,} under {load}" for load in LOADS)
    title = f"{peer.name}: {turns} turns, then {arguments.seconds:g} s; {bounds}; "
    title += f"{PARTITIONS} partitions, {KEYS:,} keys"
    made_of = f"{here.made_of}, the broker is tansu in memory"
    return report.header(title, made_of, report.load()) + "\n" + text(found)


def _chosen(rates: Sequence[float] | None) -> Iterator[tuple[Load, Case]]:
    """A slow canary is shown under a given load alone: with a backlog it is behind at once."""
    loads = LOADS if not rates else [Load(rate, round(rate * 2.5)) for rate in rates]
    for load in loads:
        for case in CASES:
            if load.rate is not None or case.canary != "is slow":
                yield load, case


async def measure(
    peer: Peer, arena: Arena, there: Broker, folder: Path, load: Load, case: Case, seconds: float
) -> Turn:
    """Run the gateway once; under a given load, go on for some seconds after it fell behind.

    With a backlog the partitions are fetched faster than they are delivered: they fall behind at
    once, and stable has its first records to deliver all the same.
    """
    await arena.clear()
    topic = f"t-{uuid4()}"
    topics = (topic, f"{topic}-dead", f"{topic}-{PARKED}")
    there.create(*topics)
    stable = load.max_behind * PARTITIONS * (100 - CANARY_WEIGHT) / 100 * _COMPARED
    count = BACKLOG
    if load.rate is not None:
        count = int(load.max_behind * PARTITIONS * 1.2 + load.rate * (seconds + 2))
    given = (topic, count, body(NUMBERED), 0.0, KEYS, load.rate)
    if load.rate is None:
        await asyncio.to_thread(there.fill, *given)
    with running(peer, arena, folder, _routing(arena, there, topic, load, case)) as it:
        admin = await _until_assigned(it, topic)
        producing = None
        if load.rate is not None:
            producing = asyncio.create_task(asyncio.to_thread(there.fill, *given))
        then = 0.0 if load.rate is None else seconds
        falls = case is not WELL and load.rate is not None
        enough = _Enough(stable, then + SETTLE_SECONDS, falls=falls)
        looks = await _looks(it, arena, admin, topic, enough)
        rss_mib = machine.usage(it.pid).rss_mib
        admin.close()
        if producing is not None:
            await producing
    there.drop(*topics)
    return turn_of(looks, stable, then, rss_mib)


def _routing(arena: Arena, there: Broker, topic: str, load: Load, case: Case) -> str:
    when = case.when_behind
    return _CONFIG.format(
        broker=there.address,
        topic=topic,
        max_behind=load.max_behind,
        session=SESSION_MS,
        when_behind=f"{topic}-{PARKED}" if when == PARKED else when,
        sink=arena.services.http,
        canary=_CANARIES[case.canary].format(sink=arena.services.http),
        tag=CANARY_TAG,
        weight=CANARY_WEIGHT,
        rest=100 - CANARY_WEIGHT,
    )


async def _until_assigned(it: Running, topic: str) -> Channel:
    """Return a channel to the admin port once the gateway has all partitions of the topic."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        it.check()
        try:
            admin = await Channel.open(it.admin_port)
        except OSError:
            await asyncio.sleep(LOOK_SECONDS)
            continue
        if len(await _parts(admin, topic)) == PARTITIONS:
            return admin
        admin.close()
        await asyncio.sleep(LOOK_SECONDS)
    raise it.failed(f"was assigned nothing within {START_SECONDS:g} s")


async def _parts(admin: Channel, topic: str) -> list[dict[str, Any]]:
    found = (await partitions(admin)).get("bench", [])
    return [each for each in found if each["topic"] == topic]


class _Enough:
    """Whether a run may end: some seconds after it fell behind, or stable had its records."""

    def __init__(self, stable: float, seconds: float, *, falls: bool) -> None:
        self._stable, self._seconds, self._falls = stable, seconds, falls
        self._turned_at: float | None = None

    def after(self, look: Look) -> bool:
        turned = look.fell if self._falls else look.stable >= self._stable
        if turned and self._turned_at is None:
            self._turned_at = look.at
        return self._turned_at is not None and look.at >= self._turned_at + self._seconds


async def _looks(
    it: Running, arena: Arena, admin: Channel, topic: str, enough: _Enough
) -> list[Look]:
    looks: list[Look] = []
    deadline = time.monotonic() + STALL_SECONDS
    while not looks or not enough.after(looks[-1]):
        it.check()
        if time.monotonic() > deadline:
            raise it.failed(f"was not {looks[-1]} and behind within {STALL_SECONDS:g} s")
        came, parts = await arena.arrivals(with_ages=False), await _parts(admin, topic)
        cpu = machine.usage(it.pid).cpu_seconds
        looks.append(Look.of(time.monotonic(), came, parts, cpu))
        await asyncio.sleep(LOOK_SECONDS)
    return looks
