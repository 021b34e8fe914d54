"""What following an object of the mesh costs: throughput, an object that changes, many at rest.

The API server is the one of `gateway/demo/kubernetes`, on the core of the harness.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from gateway.demo.kubernetes.cluster import NAMESPACE
from tools.bench import idle, machine, throughput
from tools.bench.followed_objects import CHANGES_PER_SECOND, changing, cluster
from tools.bench.names import CANARY_TAG, QUEUE
from tools.bench.peers import running
from tools.bench.report import ratios, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer
    from tools.bench.throughput import Run

SPLIT: Final = "split"
FOLLOWS: Final = "follows"
CHANGING: Final = "follows, changing"
STATES: Final = (SPLIT, FOLLOWS, CHANGING)
LONG: Final = 100
MANY: Final = 50

_ROUTE: Final = """\
  - name: {queue}
    queue: {queue}
    wait: {wait}s
    visibility: 60s
    versions:
      stable: {{url: "{sink}/stable", tag: v1}}
      canary: {{url: "{sink}/canary", tag: {tag}{subset}}}
"""
_SPLIT: Final = "    split: {stable: 95, canary: 5}\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A gateway without messages: its routes, what they follow, and how that changes."""

    what: str
    routes: int
    follows: bool = True
    length: int = 0
    changes: int = 0


CASES: Final = (
    Case("1 route with a split", 1, follows=False),
    Case("1 object", 1),
    Case("1 object, 200 changes a second", 1, changes=CHANGES_PER_SECOND),
    Case(f"{LONG} routes in it", 1, length=LONG),
    Case(
        f"1 object of {LONG} routes, 200 changes a second",
        1,
        length=LONG,
        changes=CHANGES_PER_SECOND,
    ),
    Case(f"{MANY} routes with a split", MANY, follows=False),
    Case(f"{MANY} objects", MANY),
)


@dataclass(frozen=True, slots=True)
class Rest:
    """`core` is a share of one; memory in MiB; `changes` are those that were made a second."""

    core: float
    rss_mib: float
    changes: float


async def measure(peer: Peer, here: Arena, folder: Path, state: str, messages: int) -> Run:
    """Run the gateway once with messages."""
    routing = _routing(here, [QUEUE], follows=state != SPLIT, wait=1)
    async with cluster(folder) as api:
        await api.create(QUEUE, 0)
        beside = changing(api, QUEUE, []) if state == CHANGING else nullcontext()
        return await throughput.measure(
            peer, here, folder, messages, routing=routing, beside=lambda _: beside
        )


async def rest(peer: Peer, here: Arena, folder: Path, case: Case, seconds: float) -> Rest:
    """Run the gateway without messages."""
    queues = [f"rest-{number}" for number in range(case.routes)]
    await here.clear(*queues)
    routing = _routing(here, queues, follows=case.follows, wait=idle.WAIT_SECONDS)
    async with cluster(folder) as api:
        for each in queues if case.follows else ():
            await api.create(each, case.length)
        with running(peer, here, folder, routing) as it:
            await idle.until_ready(it)
            made: list[int] = []
            beside = changing(api, queues[0], made) if case.changes else nullcontext()
            async with beside:
                await asyncio.sleep(1)
                before, changes, began = machine.usage(it.pid), len(made), time.monotonic()
                await asyncio.sleep(seconds)
                after, took = machine.usage(it.pid), time.monotonic() - began
                changed = (len(made) - changes) / took
    return Rest((after.cpu_seconds - before.cpu_seconds) / took, after.rss_mib, changed)


def text(
    turns: Mapping[str, Sequence[Run]],
    rests: Mapping[str, Sequence[Rest]],
    decisions: Mapping[str, Mapping[int, float]],
) -> str:
    """Return the figures."""
    parts = [_throughput(turns), _resting(rests), _decisions(decisions)]
    return "\n\n".join(parts)


def _throughput(turns: Mapping[str, Sequence[Run]]) -> str:
    head = ["route", "msg/s", "spread", "of split", "spread", "CPU us/msg", "lost", "doubled"]
    rows = []
    for state, found in turns.items():
        rates, ratio = [run.rate for run in found], ratios(found, turns[SPLIT])
        rows.append(
            [
                state,
                f"{median(rates):,.0f}",
                f"{min(rates):,.0f}-{max(rates):,.0f}",
                f"{median(ratio):.3f}",
                f"{min(ratio):.3f}-{max(ratio):.3f}",
                f"{median(run.cpu_us_per_message for run in found):.1f}",
                str(sum(run.lost for run in found)),
                str(sum(run.doubled for run in found)),
            ]
        )
    notes = [
        f"of split: taken in each turn, then the median; changing: {CHANGES_PER_SECOND} a second,",
        "  by an API server and a client on the core of SQS, which limits the rate",
    ]
    return "\n".join([table(head, rows), "", *notes])


def _resting(rests: Mapping[str, Sequence[Rest]]) -> str:
    head = ["without messages", "share of a core", "RSS MiB", "changes/s"]
    rows = [
        [
            what,
            f"{median(each.core for each in found):.2%}",
            f"{median(each.rss_mib for each in found):.0f}",
            f"{median(each.changes for each in found):.0f}",
        ]
        for what, found in rests.items()
    ]
    return table(head, rows)


def _decisions(decisions: Mapping[str, Mapping[int, float]]) -> str:
    lengths = list(next(iter(decisions.values())))
    head = ["us a decision, by routes", *(str(length) for length in lengths)]
    rows = [
        [which, *(f"{found[length]:.2f}" for length in lengths)]
        for which, found in decisions.items()
    ]
    return table(head, rows)


def _routing(here: Arena, queues: Sequence[str], *, follows: bool, wait: int) -> str:
    parts = []
    for queue in queues:
        places = {"queue": queue, "sink": here.services.http, "tag": CANARY_TAG, "wait": wait}
        parts.append(_ROUTE.format(**places, subset=", subset: canary" if follows else ""))
        follow = f"    follow: {{virtualService: {NAMESPACE}/{queue}, host: {queue}}}\n"
        parts.append(follow if follows else _SPLIT)
    return "routes:\n" + "".join(parts)
