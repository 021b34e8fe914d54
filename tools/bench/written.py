"""docs/reference/benchmarks.md: the last figures of each mode with `--write`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md"
SECTIONS: Final = {
    "throughput": "Messages per second on one core",
    "variants": "TLS and FIFO",
    "queues": "From queue to queue",
    "kafka": "From a topic",
    "kafka-rates": "Versions of a topic at rates of their own",
    "kafka-behind": "A canary of a topic that hangs",
    "latency": "From visible to POST",
    "mirror": "A mirror in trouble",
    "rollout": "A canary that is judged",
    "follow": "An object of the mesh that is followed",
    "dashboard": "An open dashboard",
    "auto": "A limit that finds itself",
    "idle": "Idle, start and memory",
    "bill": "Requests to SQS",
    "scaling": "Scaling",
}
_HEAD: Final = """\
# Benchmarks

`make bench ARGS="MODE --write"` writes each section of this page.

Everything runs on one machine over loopback.
The peer under test has one core; SQS and the services share the other.
Each section comes from a run of its own.
Compare figures within a section, and ratios rather than rates.
"""
_NOT_YET: Final = "Not measured yet."


def write(mode: str, figures: str) -> None:
    """Replace the figures in the mode's section."""
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
    """Return the text of each section, by mode; raises ValueError for another shape."""
    found = {}
    for part in text.split("\n## ")[1:]:
        shape = re.fullmatch(r"(.+)\n\n`make bench ARGS=([\w-]+)`\n\n(.+)\n*", part, re.DOTALL)
        if shape is None or SECTIONS.get(shape[2]) != shape[1]:
            raise ValueError(f"not a section of this page: {part.splitlines()[0]}")
        if shape[3].strip() != _NOT_YET:
            found[shape[2]] = shape[3].strip()
    return found
