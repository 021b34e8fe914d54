"""`make simulate`: the table of all scenarios; `make simulate ARGS=--write` renews the page."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from multiprocessing import Pool
from typing import TYPE_CHECKING, Final

from tools.simulation import page
from tools.simulation.outcome import summarize
from tools.simulation.page import RESULTS
from tools.simulation.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.simulation.outcome import Outcome, Summary

CHUNK: Final = 10
ROW: Final = "{:<52} {:>8} {:>8} {:>6} {:>8} {:>10} {:>12} {:>12}"
HEADINGS: Final = (
    "scenario", "rollouts", "aborted", "held", "promoted", "at 25 %", "median", "99 %",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.simulation", description=__doc__)
    parser.add_argument("--only", action="append", help="scenarios whose names begin so")
    parser.add_argument("--rollouts", type=int, help="at most so many of each (1000)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="renew results, tables and plots")
    asked = parser.parse_args()
    begins = asked.only or [""]
    names = [name for begin in begins for name in SCENARIOS if name.startswith(begin)]
    print(ROW.format(*HEADINGS))
    with Pool(asked.processes) as pool:
        for name in names:
            seeds = range(min(SCENARIOS[name].rollouts, asked.rollouts or sys.maxsize))
            summary = simulate(name, seeds, pool)
            print(row(name, summary), flush=True)
            if asked.write:
                keep(name, summary)
    if asked.write:
        page.write()
    return 0


def simulate(name: str, seeds: Sequence[int], pool: Pool | None = None) -> Summary:
    """Return what is said of the rollouts of one scenario with these seeds."""
    work = [(name, seed) for seed in seeds]
    outcomes = map(run_one, work) if pool is None else pool.imap(run_one, work, CHUNK)
    return summarize(list(outcomes))


def run_one(work: tuple[str, int]) -> Outcome:
    """Simulate one rollout, in any process."""
    name, seed = work
    return SCENARIOS[name].simulate(seed)


def row(name: str, summary: Summary) -> str:
    """Return the line of one scenario; the last two columns count canary messages until abort."""
    keys = ("rollouts", "aborted", "held", "promoted", "reached_25")
    counts = [f"{summary[key]:,}" for key in (*keys, "aborted_median", "aborted_p99")]
    return ROW.format(name, *counts)


def keep(name: str, summary: Summary) -> None:
    """Store what was found, with its day."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = {**summary, "day": f"{datetime.now(UTC).date()}"}
    ordered = {each: results[each] for each in SCENARIOS if each in results}
    RESULTS.write_text(json.dumps(ordered, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
