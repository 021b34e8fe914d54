"""The unchanged gateway in a process; on SIGUSR2 it writes its tasks and memory blocks to a file.

python -m tools.bench.watched_gateway SNAPSHOT_FILE --config routes.yaml

The signal handler is set before the gateway starts, and reads the event loop from outside.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import main as command

if TYPE_CHECKING:
    from types import FrameType


def main(snapshot: str, *arguments: str) -> int:
    """Run the gateway with these arguments."""
    file = Path(snapshot)

    def write(_number: int, _frame: FrameType | None) -> None:
        fresh = file.with_suffix(".fresh")
        fresh.write_text(json.dumps(_snapshot()))
        fresh.replace(file)

    signal.signal(signal.SIGUSR2, write)
    return command.main(arguments)


def _snapshot() -> dict[str, object]:
    tasks = Counter(kind(task.get_name()) for task in asyncio.all_tasks())
    return {"tasks": tasks, "blocks": sys.getallocatedblocks()}


def kind(task_name: str) -> str:
    """Return a task's name without what it works on: `poll orders` is a `poll`."""
    return task_name.rpartition(" ")[0] or task_name.partition("-")[0]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
