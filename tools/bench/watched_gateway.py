"""The gateway as it is, in its own process; on SIGUSR2 it also tells what it is made of just now.

python -m tools.bench.watched_gateway SNAPSHOT_FILE --config routes.yaml

Nothing of the gateway is changed for this: the signal's action is set before it starts, and looks
at the event loop from outside.
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

    def tell(_number: int, _frame: FrameType | None) -> None:
        fresh = file.with_suffix(".fresh")
        fresh.write_text(json.dumps(_made_of()))
        fresh.replace(file)

    signal.signal(signal.SIGUSR2, tell)
    return command.main(arguments)


def _made_of() -> dict[str, object]:
    tasks = Counter(kind(task.get_name()) for task in asyncio.all_tasks())
    return {"tasks": tasks, "blocks": sys.getallocatedblocks()}


def kind(task_name: str) -> str:
    """Return a task's name without what it works on: `poll orders` is a `poll`."""
    return task_name.rpartition(" ")[0] or task_name.partition("-")[0]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
