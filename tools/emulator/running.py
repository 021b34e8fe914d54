"""Ways to run the emulator: inside a test's event loop, or as a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.emulator.app import Emulator
from tools.emulator.wire import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parents[2]
ANNOUNCEMENT = "listening on "


@dataclass(frozen=True, slots=True)
class Served:
    """An emulator in this process, and its URL."""

    emulator: Emulator
    url: str


@asynccontextmanager
async def served(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    clock: Callable[[], float] | None = None,
    round_trip_seconds: float = 0.0,
    region: str = "us-east-1",
) -> AsyncIterator[Served]:
    """Serve in the running event loop."""
    loop = asyncio.get_running_loop()
    emulator = Emulator(loop, clock=clock, round_trip_seconds=round_trip_seconds, region=region)
    connections: set[asyncio.Transport] = set()
    server = await loop.create_server(lambda: Connection(emulator, connections), host, port)
    try:
        yield Served(emulator, f"http://{host}:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()
        for transport in list(connections):
            transport.abort()
        await server.wait_closed()


@contextmanager
def server_process(module: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a module that prints where it listens; gives the process and its URL."""
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().removeprefix(ANNOUNCEMENT).strip()
        finally:
            process.terminate()


def emulator_process(
    *arguments: str,
) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    """Run `python -m tools.emulator` on a free port."""
    return server_process("tools.emulator", "--port", "0", *arguments)
