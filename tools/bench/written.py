"""docs/reference/benchmarks.md: the figures of the last runs with `--write`, one section a mode."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md"
SECTIONS: Final = {
    "throughput": "Messages per second on one core",
    "latency": "From visible to POST",
    "idle": "Idle, start and memory",
    "bill": "Requests to SQS",
    "scaling": "Scaling",
}
_HEAD: Final = """\
# Benchmarks

Written by `make bench ARGS="MODE --write"`, each section by its mode. All runs on one machine over
loopback: the peer under test has one core, SQS and the services have the other. Figures of
different sections come from different runs; compare within one, and ratios rather than rates.
"""
_NOT_YET: Final = "Not measured yet."


def write(mode: str, figures: str) -> None:
    """Put the figures into the mode's section."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    found = sections(PAGE.read_text()) if PAGE.exists() else {}
    when = f"{datetime.now(UTC).date()}, sqs-version-gateway {version('sqs-version-gateway')}"
    found[mode] = f"{when}\n\n```text\n{figures.strip()}\n```"
    PAGE.write_text(page(found))


def page(found: dict[str, str]) -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for mode, title in SECTIONS.items():
        command = f"`make bench ARGS={mode}`"
        parts.append(f"\n## {title}\n\n{command}\n\n{found.get(mode, _NOT_YET)}\n")
    return "".join(parts)


def sections(text: str) -> dict[str, str]:
    """Return what each section says below its command; raises ValueError for another shape."""
    found = {}
    for part in text.split("\n## ")[1:]:
        shape = re.fullmatch(r"(.+)\n\n`make bench ARGS=(\w+)`\n\n(.+)\n*", part, re.DOTALL)
        if shape is None or SECTIONS.get(shape[2]) != shape[1]:
            raise ValueError(f"not a section of this page: {part.splitlines()[0]}")
        if shape[3].strip() != _NOT_YET:
            found[shape[2]] = shape[3].strip()
    return found
