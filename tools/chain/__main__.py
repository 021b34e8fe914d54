"""`python -m tools.chain`: 20,000 orders in each way, two SIGKILLs of the gateway in each."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from gateway.demo.audit import PATHS, Defect, tag_of
from gateway.demo.opentelemetry.node import NoNodeError
from gateway.demo.processes import DemoError
from tools.chain.run import WAYS, Outcome, plan_of, run

ROW: Final = "{:<14} {:>8} {:>10} {:>6} {:>8} {:>9} {:>6} {:>8} {:>10}"
HEADINGS: Final = (
    "way", *("-".join(path) for path in PATHS.values()), "kills", "lost", "crossed", "wrong",
    "doubled", "no cause",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.chain", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="in each way (20000)")
    parser.add_argument("--kills", type=int, default=2, help="of the gateway in each way (2)")
    parser.add_argument("--seed", type=int, default=1, help="of when they are (1)")
    parser.add_argument("--visibility", type=int, default=30, help="timeout in seconds (30)")
    parser.add_argument("--way", choices=WAYS, action="append", help="only these")
    arguments = parser.parse_args()
    print(ROW.format(*HEADINGS))
    good = [uvloop.run(_way(name, arguments)) for name in arguments.way or WAYS]
    return 0 if all(good) else 1


async def _way(name: str, arguments: argparse.Namespace) -> bool:
    plan = plan_of(arguments.messages, arguments.kills, arguments.seed, arguments.visibility)
    with tempfile.TemporaryDirectory(prefix="chain-") as folder:
        try:
            outcome = await run(name, plan, Path(folder))
        except NoNodeError as error:
            print(f"{name:<14} not available: {error}")
            return True
        except DemoError as error:
            print(f"{name:<14} {error}", *error.last_lines, sep="\n  | ", file=sys.stderr)
            return False
    _print(name, outcome)
    return all(check.good for check in outcome.checks)


def _print(name: str, outcome: Outcome) -> None:
    audit, doubles = outcome.result.audit, outcome.doubles
    totals = {tag_of(path.path): path.split + path.pinned for path in audit.paths}
    defects = (Defect.LOST, Defect.CROSSED, Defect.MISROUTED)
    cells = [f"{totals[tag]:,}" for tag in PATHS]
    cells += [str(len(outcome.kills)), *(f"{len(audit.defects[each]):,}" for each in defects)]
    print(ROW.format(name, *cells, f"{doubles.total:,}", f"{len(doubles.unexplained):,}"))
    for queues, count in sorted(doubles.by_queues.items()):
        print(f"  doubled: {count:,} handed out again by {queues}, leased when the gateway died")
    for check in outcome.checks:
        if not check.good:
            print(f"  FAIL {check.name}: {check.text} {list(check.orders[:10])}")


if __name__ == "__main__":
    sys.exit(main())
