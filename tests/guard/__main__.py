"""`make guard`: measure every piece and compare; `make guard ARGS=--write` renews the baseline."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.guard.measuring import ALLOWED, quotients
from tests.guard.pieces import PIECES

BASELINE: Final = Path(__file__).with_name("baseline.json")
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
OK: Final = 0
LOSS: Final = 1
NO_BASELINE: Final = 3
PROCESSES_TO_WRITE: Final = 11


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.guard")
    parser.add_argument("--write", action="store_true", help="make what is measured the baseline")
    parser.add_argument(
        "--plant", type=float, default=0.0, help="share of more work for each piece"
    )
    parser.add_argument("--measure", action="store_true", help="only print the quotients, as JSON")
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(quotients(PIECES)))
        return OK
    if asked.write:
        return write()
    baseline = read().get(PYTHON)
    if baseline is None:
        print(f"no baseline for Python {PYTHON} in {BASELINE.name}: make guard ARGS=--write")
        return NO_BASELINE
    return compare(baseline, asked.plant)


def read() -> dict[str, dict[str, float]]:
    """Return the quotients by Python version: each release makes other things cheap."""
    found: dict[str, dict[str, float]] = json.loads(BASELINE.read_text())
    return found


def compare(baseline: dict[str, float], planted: float) -> int:
    """Print each piece beside its baseline; fail where one lost more than is allowed."""
    losses = 0
    for piece, found in zip(PIECES, quotients(PIECES, planted), strict=True):
        before = baseline[piece.name]
        lost = found > before * ALLOWED
        losses += lost
        verdict = "LOSS" if lost else "ok"
        print(f"{piece.name:<10}{before:8.3f}{found:8.3f}{found / before - 1:+8.1%}  {verdict}")
    return LOSS if losses else OK


def write() -> int:
    """Write medians of several processes: each lays its dictionaries out in another way."""
    command = [sys.executable, "-m", "tests.guard", "--measure"]
    told = [subprocess.check_output(command) for _ in range(PROCESSES_TO_WRITE)]
    runs: list[list[float]] = [json.loads(each) for each in told]
    medians = [round(statistics.median(values), 3) for values in zip(*runs, strict=True)]
    found = read() if BASELINE.exists() else {}
    found[PYTHON] = dict(zip((piece.name for piece in PIECES), medians, strict=True))
    BASELINE.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    print(found[PYTHON])
    return OK


if __name__ == "__main__":
    sys.exit(main())
