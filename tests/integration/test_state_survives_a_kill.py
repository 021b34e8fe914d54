"""SIGKILL at any moment leaves the state that was confirmed last in the file, or a newer one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

import pytest

from gateway.adapters.state.file import FileStore
from gateway.core.rollout.route_state import RouteState

ROOT: Final = Path(__file__).parents[2]
WRITER: Final = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.state.file import FileStore
from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.route_state import RouteState

async def write():
    store = FileStore(Path(sys.argv[1]))
    await store.open()
    stored = store.state.of("orders")
    while True:
        weight = 1 if stored is None else (stored.weight + 1) % 100
        stored = await store.update("orders", lambda _: RouteState(weight=weight))
        print(stored.generation, flush=True)
        await store.publish({"orders": (float(stored.generation),) * LENGTH})

asyncio.run(write())
"""


def last_line_of(output: IO[str], lines: int) -> int:
    """Wait for lines of the process, and return the last one."""
    return [int(output.readline()) for _ in range(lines)][-1]


async def read_state(path: Path) -> RouteState:
    store = FileStore(path)
    await store.open()
    state = store.state.of("orders")
    await store.close()
    assert isinstance(state, RouteState)
    assert list(store.problems) == []
    return state


@pytest.mark.parametrize("lines", [1, 2, 7, 30])
def test_the_state_that_was_confirmed_last_is_there(tmp_path: Path, lines: int) -> None:
    """Each process goes on where the killed one was; nothing is torn, and the lock is free."""
    path = tmp_path / "state.json"
    confirmed = 0
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
            assert writer.stdout is not None
            newest = last_line_of(writer.stdout, lines)
            writer.kill()
        assert newest >= confirmed + lines
        state = asyncio.run(read_state(path))
        assert state.generation >= newest
        confirmed = state.generation
