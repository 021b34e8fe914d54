"""What a hanging or overloaded canary costs the stable version and the other route.

One gateway with two routes, split 90 to 10, and the same load on both. By turns the canary of the
first route is well, hangs or sheds load; the figures are the messages a second of the others.

At a given load the others must be as fast as ever. With queues that are kept filled the scarcest
resource decides: a hanging canary may hold half of its route's permits while a tenth waits, and the
canary's messages need several receives each. Those figures are shown, but not checked.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tools.bench import machine
from tools.bench.arena import body
from tools.bench.peers import PEERS, running
from tools.bench.report import table
from tools.bench.throughput import until_it_polls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer, Running

WELL: Final = "well"
STATES: Final = {WELL: "", "hangs": "/never", "sheds": "/shed"}
"""The states of the first route's canary, and the services' path for each."""

ENOUGH: Final = 0.9
WAITING: Final = 4_000
WARM_UP_SECONDS: Final = 3.0
QUEUES: Final = ("first", "other")
_PAUSE_SECONDS: Final = 0.05
_ROUTE: Final = """\
  - name: {name}
    queue: {name}
    wait: 1s
    visibility: 60s
    versions:
      stable: {{url: "{sink}/{name}-stable", tag: v1}}
      canary: {{url: "{sink}{canary}/{name}-canary", tag: v2, timeout: 2s}}
    split: {{stable: 90, canary: 10}}
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """Messages a second: of the first route's stable, its own ones alone, and of the other route.

    `tries` are all deliveries to the first route's canary; `busy` is the gateway's share of a core.
    """

    stable: float
    other: float
    tries: float
    busy: float
    harness_busy: float


async def measure(
    arena: Arena,
    folder: Path,
    state: str,
    seconds: float,
    rate: float | None,
    gateway: Peer = PEERS[0],
) -> Turn:
    """Run the gateway once with the canary in this state, at `rate` messages a second a route.

    Without a rate the queues are kept filled.
    """
    await arena.clear(*QUEUES)
    with running(gateway, arena, folder, _routing(arena, STATES[state])) as it:
        for queue in QUEUES:
            await until_it_polls(it, arena, queue)
        await _load(it, arena, WARM_UP_SECONDS, rate)
        before, cpu, began = await arena.arrivals(), _cpu(it, arena), time.monotonic()
        await _load(it, arena, seconds, rate)
        after, cpu_after, took = await arena.arrivals(), _cpu(it, arena), time.monotonic() - began
    done = _by_path(after, before)
    fallbacks = _fallbacks(after) - _fallbacks(before)
    return Turn(
        stable=(done.get("first-stable", 0) - fallbacks) / took,
        other=(done.get("other-stable", 0) + done.get("other-canary", 0)) / took,
        tries=sum(n for path, n in done.items() if path.endswith("first-canary")) / took,
        busy=(cpu_after[0] - cpu[0]) / took,
        harness_busy=(cpu_after[1] - cpu[1]) / took,
    )


def shares(turns: Mapping[str, Sequence[Turn]]) -> dict[str, tuple[float, float]]:
    """Return the share of the normal throughput, as medians over the turns: stable, other."""
    pairs = {
        state: list(zip(found, turns[WELL], strict=False))
        for state, found in turns.items()
        if state != WELL
    }
    return {
        state: (
            median(turn.stable / well.stable for turn, well in found),
            median(turn.other / well.other for turn, well in found),
        )
        for state, found in pairs.items()
    }


def fine(turns: Mapping[str, Sequence[Turn]]) -> bool:
    """Whether nothing else was slowed down by more than a tenth."""
    return all(share >= ENOUGH for both in shares(turns).values() for share in both)


def text(turns: Mapping[str, Sequence[Turn]], rate: float | None) -> str:
    """Return the figures; shares are of the turn with a canary that is well."""
    left = {WELL: (1.0, 1.0), **shares(turns)}
    head = ["canary", "stable msg/s", "share", "other route msg/s", "share"]
    head += ["canary tries/s", "busy", "harness busy"]
    rows = [
        [
            state,
            f"{median(turn.stable for turn in found):,.0f}",
            f"{left[state][0]:.2f}",
            f"{median(turn.other for turn in found):,.0f}",
            f"{left[state][1]:.2f}",
            f"{median(turn.tries for turn in found):,.0f}",
            f"{median(turn.busy for turn in found):.0%}",
            f"{median(turn.harness_busy for turn in found):.0%}",
        ]
        for state, found in turns.items()
    ]
    load = "as much as it can" if rate is None else f"{rate:,.0f} messages a second on each route"
    result = "fine" if fine(turns) else f"a share is below {ENOUGH}"
    return f"load: {load}\n{table(head, rows)}\n" + (f"result: {result}\n" if rate else "")


def _routing(arena: Arena, canary: str) -> str:
    first, other = (
        _ROUTE.format(name=name, sink=arena.services.http, canary=place)
        for name, place in zip(QUEUES, (canary, ""), strict=True)
    )
    return f"routes:\n{first}{other}"


async def _load(it: Running, arena: Arena, seconds: float, rate: float | None) -> None:
    """Send to both queues for so long."""
    began, sent = time.monotonic(), dict.fromkeys(QUEUES, 0)
    while (elapsed := time.monotonic() - began) < seconds:
        it.check()
        for queue in QUEUES:
            if rate is not None:
                count = int(elapsed * rate) - sent[queue]
            else:
                count = WAITING if (await arena.counts(queue))["visible"] < WAITING else 0
            if count:
                await arena.fill(count, body(), 0.0, queue)
                sent[queue] += count
        await asyncio.sleep(_PAUSE_SECONDS)


def _cpu(it: Running, arena: Arena) -> tuple[float, float]:
    return machine.usage(it.pid).cpu_seconds, arena.cpu_seconds()


def _by_path(after: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, int]:
    seen = before["by_path"]
    return {path: count - seen.get(path, 0) for path, count in after["by_path"].items()}


def _fallbacks(arrivals: Mapping[str, Any]) -> int:
    return int(arrivals["by_reason"].get("fallback", 0))
