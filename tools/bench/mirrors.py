"""What a mirror costs the real deliveries: from visible to POST, without one and with a bad one.

One route gets the same offered load by turns: without a mirror, with one that takes a connection
and never responds, with one that refuses connections. Every message is to be copied.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Final

from tools.bench import latency
from tools.bench.report import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.latency import Ages
    from tools.bench.peers import Peer

WITHOUT: Final = "none"
HANGS: Final = "hangs"
REFUSES: Final = "refuses"
STATES: Final = (WITHOUT, HANGS, REFUSES)
RATE: Final = 1_000.0

_ROUTE: Final = """\
routes:
  - name: bench
    queue: bench
    versions:
      stable: {{url: "{sink}/stable", tag: v1}}
      canary: {{url: "{sink}/canary", tag: v2}}
      shadow: {{url: "{mirror}/shadow", tag: v3}}
"""
_MIRROR: Final = "    mirror: {to: shadow, percent: 100}\n"


async def measure(
    peer: Peer, arena: Arena, folder: Path, state: str, rate: float, seconds: float
) -> Ages:
    """Offer the load once, with the mirror in this state."""
    with _mirror(state) as url:
        routing = _ROUTE.format(sink=arena.services.http, mirror=url)
        routing += "" if state == WITHOUT else _MIRROR
        return await latency.measure(peer, arena, folder, rate, seconds, routing)


def ratios(turns: Mapping[str, Sequence[Ages]]) -> dict[str, float]:
    """Return the p99 in units of the one without a mirror, as medians over the turns."""
    return {
        state: median(
            each.p99_ms / bare.p99_ms for each, bare in zip(found, turns[WITHOUT], strict=False)
        )
        for state, found in turns.items()
    }


def text(turns: Mapping[str, Sequence[Ages]]) -> str:
    """Return the figures."""
    head = ["mirror", "p50 ms", "p99 ms", "p99 / none", "CPU us/msg", "missing", "doubled"]
    rows = [
        [
            state,
            f"{median(each.p50_ms for each in found):.2f}",
            f"{median(each.p99_ms for each in found):.2f}",
            f"{ratios(turns)[state]:.2f}",
            f"{median(each.cpu_us_per_message for each in found):.0f}",
            str(sum(each.offered - each.arrived for each in found)),
            str(sum(each.doubled for each in found)),
        ]
        for state, found in turns.items()
    ]
    return table(head, rows)


@contextmanager
def _mirror(state: str) -> Iterator[str]:
    """Yield the URL of a mirror: the kernel accepts for one that hangs, and nobody responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as place:
        url = f"http://127.0.0.1:{place.getsockname()[1]}"
        if state != HANGS:
            place.close()
        yield url
