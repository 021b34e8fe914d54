"""`python -m tools.chaos`: a seeded random mix of faults for a given time, then checks.

With `--kafka`, a trial of Kafka: see `tools/chaos/kafka/`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.chaos import report
from tools.chaos.checks import check
from tools.chaos.plan import Plan
from tools.chaos.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(given: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if given is None else given)
    if "--kafka" in words:
        from tools.chaos.kafka import command

        return command.main([word for word in words if word != "--kafka"])
    arguments = _arguments(words)
    plan = Plan(
        seconds=arguments.seconds,
        seed=time.time_ns() % 1_000_000 if arguments.seed is None else arguments.seed,
        rate=arguments.rate,
        replicas=arguments.replicas,
        calm=arguments.calm,
    )
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {plan.seed}; logs in {folder}", flush=True)
    outcome = asyncio.run(run(plan, folder))
    result = check(outcome.evidence)
    print(report.table(plan, outcome, result))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(plan, outcome, result), indent=2))
    return 1 if result.violations else 0


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of trouble (60)")
    parser.add_argument("--seed", type=int, help="of everything random (drawn, and printed)")
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second (100)")
    parser.add_argument("--replicas", type=int, default=2, help="of the gateway (2)")
    parser.add_argument(
        "--calm", action="store_true", help="no faults: reloads and soft stops alone"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the replicas' logs")
    return parser.parse_args(given)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the replicas, as Ctrl-C does
    sys.exit(main())
