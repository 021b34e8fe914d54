"""`make guard`: count every piece and compare; `make guard ARGS=--write` renews the baseline."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.guard.counting import UncountableError, instructions, quotients

if TYPE_CHECKING:
    from collections.abc import Sequence

BASELINE: Final = Path(__file__).with_name("baseline.json")
BUILD: Final = f"{platform.python_version()}, {platform.python_compiler()}, {platform.machine()}"
ALLOWED: Final = 1.07
"""A quotient may be so much above its baseline. It is the same in each run, to the last digit, and
nearly so on another processor of the same kind."""

OK: Final = 0
LOSS: Final = 1
UNCOUNTABLE: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.guard")
    parser.add_argument("--write", action="store_true", help="make what is counted the baseline")
    parser.add_argument(
        "--plant", type=float, default=0.0, help="share of more work for each piece"
    )
    asked = parser.parse_args(arguments)
    known = read()
    if BUILD not in known and not asked.write:
        print(f"no baseline for Python {BUILD} in {BASELINE.name}: make guard ARGS=--write")
        return UNCOUNTABLE
    try:
        counted = instructions(asked.plant)
    except UncountableError as error:
        print(error)
        return UNCOUNTABLE
    found = quotients(counted, "planted" if asked.plant else "work")
    return write(known, found) if asked.write else compare(known[BUILD], found)


def read() -> dict[str, dict[str, float]]:
    """Return the quotients by build of Python: each makes other things cheap.

    Two builds of one release, with and without profile-guided optimization, differ by a fifth.
    """
    found: dict[str, dict[str, float]] = json.loads(BASELINE.read_text())
    return found


def compare(baseline: dict[str, float], found: dict[str, float]) -> int:
    """Print each piece beside its baseline; fail where one lost more than is allowed."""
    losses = 0
    for name, quotient in found.items():
        before = baseline[name]
        lost = quotient > before * ALLOWED
        losses += lost
        result = "LOSS" if lost else "ok"
        print(f"{name:<10}{before:8.3f}{quotient:8.3f}{quotient / before - 1:+8.1%}  {result}")
    return LOSS if losses else OK


def write(known: dict[str, dict[str, float]], found: dict[str, float]) -> int:
    """Make it the baseline of this build."""
    known[BUILD] = {name: round(quotient, 3) for name, quotient in found.items()}
    BASELINE.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    print(BUILD, known[BUILD])
    return OK


if __name__ == "__main__":
    sys.exit(main())
