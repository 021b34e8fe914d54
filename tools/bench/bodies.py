"""How much memory the gateway needs where every body is as large as SQS allows.

The emulator holds one body for all messages of a kind: only the gateway pays for each.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tools.bench import machine
from tools.bench.names import QUEUE
from tools.bench.peers import PEERS, running
from tools.bench.report import table
from tools.bench.throughput import STALL_SECONDS, until_it_polls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer, Running

BODY_BYTES: Final = 2**20
MAX_IN_FLIGHT: Final = 200
KINDS: Final = {
    "ASCII": "x" * BODY_BYTES,
    "JSON": '{"rest":"' + "x" * (BODY_BYTES - 11) + '"}',
    "one rare character": "\N{GRINNING FACE}" + "x" * (BODY_BYTES - 4),
}
"""Python keeps a text with one character beyond the first 65,536 in four bytes for each."""

_LOOK_SECONDS: Final = 0.02
_ROUTING: Final = """\
routes:
  - name: bodies
    queue: {queue}
    wait: 1s
    visibility: 60s
    max_in_flight: {max_in_flight}
    versions:
      stable: {{url: "{sink}/slow/stable"}}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One kind of body; memory in MiB, `in_flight` at its highest as the counts saw it."""

    deleted: int
    lost: int
    doubled: int
    rate: float
    in_flight: int
    before_mib: float
    peak_mib: float


async def measure(
    arena: Arena, folder: Path, kind: str, messages: int, gateway: Peer = PEERS[0]
) -> Run:
    """Let the gateway deliver `messages` to a slow service."""
    await arena.clear()
    routing = _ROUTING.format(queue=QUEUE, max_in_flight=MAX_IN_FLIGHT, sink=arena.services.http)
    with running(gateway, arena, folder, routing) as it:
        await until_it_polls(it, arena)
        before_mib, began = machine.usage(it.pid).rss_mib, time.monotonic()
        await arena.fill(messages, KINDS[kind], 0.0)
        in_flight = await _until_deleted(it, arena, messages)
        took, peak_mib = time.monotonic() - began, machine.peak_mib(it.pid)
        deleted, arrivals = (await arena.counts())["deleted"], await arena.arrivals()
    return Run(
        deleted=deleted,
        lost=messages - arrivals["distinct"],
        doubled=arrivals["doubled"],
        rate=deleted / took,
        in_flight=in_flight,
        before_mib=before_mib,
        peak_mib=peak_mib,
    )


def text(runs: Mapping[str, Run]) -> str:
    """Return the figures."""
    head = ["bodies of 1 MiB", "deleted", "lost", "doubled", "msg/s", "most in flight"]
    head += ["MiB before", "MiB at most"]
    rows = [
        [
            kind,
            f"{run.deleted:,}",
            str(run.lost),
            str(run.doubled),
            f"{run.rate:,.0f}",
            str(run.in_flight),
            f"{run.before_mib:.0f}",
            f"{run.peak_mib:.0f}",
        ]
        for kind, run in runs.items()
    ]
    return table(head, rows)


async def _until_deleted(it: Running, arena: Arena, wanted: int) -> int:
    """Wait until all are deleted, or nothing moves; return the most that were in flight."""
    deleted, in_flight, moved_at = -1, 0, time.monotonic()
    while deleted < wanted and time.monotonic() < moved_at + STALL_SECONDS:
        it.check()
        counts = await arena.counts()
        in_flight = max(in_flight, counts["in_flight"])
        if counts["deleted"] != deleted:
            deleted, moved_at = counts["deleted"], time.monotonic()
        await asyncio.sleep(_LOOK_SECONDS)
    return in_flight
