"""The gateway from queue to queue, beside itself from queue to services, in one run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from tools.bench import machine
from tools.bench.arena import NUMBERED, body
from tools.bench.names import CANARY_TAG, QUEUE
from tools.bench.peers import CANARY_WEIGHT, GROUPS, running
from tools.bench.throughput import Run, until_deleted, until_it_polls

if TYPE_CHECKING:
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer

STABLE: Final = "bench-stable"
CANARY: Final = "bench-canary"
FIFO: Final = ".fifo"

_CONFIG: Final = """\
routes:
  - name: bench
    queue: {queue}
    wait: 1s
    visibility: 60s
    versions:
      stable: {{queue: {stable}, tag: v1}}
      canary: {{queue: {canary}, tag: {tag}}}
    split: {{stable: {rest}, canary: {weight}}}
"""


async def measure(peer: Peer, arena: Arena, folder: Path, messages: int) -> Run:
    """Run a peer once; `lost` and `doubled` are by how many the two queues have less, or more."""
    suffix = FIFO if peer.variant.fifo else ""
    queues = (f"{QUEUE}{suffix}", f"{STABLE}{suffix}", f"{CANARY}{suffix}")
    await arena.clear(*queues)
    source, stable, canary = queues
    routing = _CONFIG.format(
        queue=source,
        stable=stable,
        canary=canary,
        tag=CANARY_TAG,
        weight=CANARY_WEIGHT,
        rest=100 - CANARY_WEIGHT,
    )
    with running(peer, arena, folder, routing) as it:
        await until_it_polls(it, arena, source)
        before = machine.usage(it.pid)
        asked = _requests([await arena.counts(queue) for queue in queues])
        await arena.fill(messages, body(NUMBERED), queue=source, groups=GROUPS)
        harness, begun = arena.cpu_seconds(), time.monotonic()
        await until_deleted(it, arena, source, messages)
        after, counts = machine.usage(it.pid), [await arena.counts(queue) for queue in queues]
        harness, wall = arena.cpu_seconds() - harness, time.monotonic() - begun
    done, sent = counts[0]["deleted"], counts[1]["sent"] + counts[2]["sent"]
    return Run(
        messages=done,
        seconds=(counts[0]["last_deleted_at"] or 0) - (counts[0]["first_received_at"] or 0),
        cpu_us_per_message=(after.cpu_seconds - before.cpu_seconds) / max(1, done) * 1e6,
        harness_busy=harness / wall,
        harness_us_per_message=harness / max(1, done) * 1e6,
        requests_per_1000=(_requests(counts) - asked) / max(1, done) * 1000,
        rss=(before.rss_mib, after.rss_mib, after.rss_mib),
        lost=max(0, messages - sent),
        doubled=max(0, sent - messages),
        canary_share=counts[2]["sent"] / max(1, sent),
    )


def _requests(counts: list[dict[str, Any]]) -> int:
    return sum(sum(each["operations"].values()) for each in counts)
