"""`python -m tools.chaos --kafka`: one of Kafka's trials, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.chaos.kafka import moves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHOWN = 10


def main(given: Sequence[str]) -> int:
    """Run it; 1 where something was lost, doubled without a kill, or out of order."""
    arguments = _arguments(given)
    seed = time.time_ns() % 1_000_000 if arguments.seed is None else arguments.seed
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="chaos-kafka-"))
    print(f"seed {seed}; logs in {folder}", flush=True)
    plan = moves.Plan(
        seed, arguments.records, arguments.partitions, arguments.keys, rate=arguments.rate
    )
    outcome = moves.run(plan, folder)
    print("\n".join(_lines(plan, outcome)))
    if arguments.json:
        found = {"plan": asdict(plan), "good": not outcome.result.violations, **asdict(outcome)}
        arguments.json.write_text(json.dumps(found, indent=2))
    return 1 if outcome.result.violations else 0


def _arguments(given: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos --kafka", description=__doc__)
    parser.add_argument("--records", type=int, default=50_000, help="in all (50000)")
    parser.add_argument("--partitions", type=int, default=8, help="of the topic (8)")
    parser.add_argument("--keys", type=int, default=1_000, help="of the records (1000)")
    parser.add_argument("--rate", type=float, default=1_000.0, help="records a second (1000)")
    parser.add_argument("--seed", type=int, help="of everything random (drawn, and printed)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the gateways' logs")
    return parser.parse_args(given)


def _lines(plan: moves.Plan, outcome: moves.Outcome) -> Iterator[str]:
    yield f"{plan.records} records, {plan.partitions} partitions, {plan.gateways} gateways"
    yield from outcome.moves
    figures = {
        name: value for name, value in asdict(outcome.result).items() if name != "violations"
    }
    for name, value in {**figures, "looks_at_commits": outcome.looks}.items():
        yield f"  {name.replace('_', ' '):44} {value:>10}"
    yield f"  {'seconds':44} {outcome.seconds:>10.1f}"
    yield f"  {'deliveries by gateway':44} {dict(outcome.by_gateway)}"
    yield f"  {'deliveries by version':44} {dict(outcome.versions)}"
    for line in outcome.result.violations[:_SHOWN]:
        yield f"VIOLATED: {line}"
    yield f"{'VIOLATED' if outcome.result.violations else 'good'} (seed {plan.seed})"
