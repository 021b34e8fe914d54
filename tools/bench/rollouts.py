"""What the evidence of a canary costs: throughput of one route with a rollback and without.

The same route with the same split by turns, so that other load on the machine hits both alike.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from tools.bench import throughput
from tools.bench.names import CANARY_TAG, QUEUE
from tools.bench.report import ratios, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer
    from tools.bench.throughput import Run

WITHOUT: Final = "none"
JUDGED: Final = "judged"
STATES: Final = (WITHOUT, JUDGED)

_ROUTE: Final = """\
routes:
  - name: bench
    queue: {queue}
    wait: 1s
    visibility: 60s
    versions:
      stable: {{url: "{sink}/stable", tag: v1}}
      canary: {{url: "{sink}/canary", tag: {tag}}}
    split: {{stable: 95, canary: 5}}
"""
_ROLLBACK: Final = "    rollback: {max_failure_ratio: 10%}\n"


async def measure(peer: Peer, arena: Arena, folder: Path, state: str, messages: int) -> Run:
    """Run the gateway once, with the rollback or without."""
    routing = _ROUTE.format(queue=QUEUE, sink=arena.services.http, tag=CANARY_TAG)
    routing += _ROLLBACK if state == JUDGED else ""
    return await throughput.measure(peer, arena, folder, messages, routing=routing)


def text(turns: Mapping[str, Sequence[Run]]) -> str:
    """Return the figures."""
    head = ["rollback", "msg/s", "spread", "of none", "spread"]
    head += ["CPU us/msg", "of none", "lost", "doubled"]
    rows = []
    for state, found in turns.items():
        rates, ratio = [run.rate for run in found], ratios(found, turns[WITHOUT])
        costs = [
            run.cpu_us_per_message / bare.cpu_us_per_message
            for run, bare in zip(found, turns[WITHOUT], strict=False)
        ]
        rows.append(
            [
                state,
                f"{median(rates):,.0f}",
                f"{min(rates):,.0f}-{max(rates):,.0f}",
                f"{median(ratio):.3f}",
                f"{min(ratio):.3f}-{max(ratio):.3f}",
                f"{median(run.cpu_us_per_message for run in found):.1f}",
                f"{median(costs):.3f}",
                str(sum(run.lost for run in found)),
                str(sum(run.doubled for run in found)),
            ]
        )
    return "\n".join([table(head, rows), "", "of none: taken in each turn, then the median"])
