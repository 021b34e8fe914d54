"""One replica of the gateway: a process that is started, stopped and killed again and again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
import yaml

from tests.integration.gateway_process import GatewayProcess
from tests.integration.waiting import NeverHappened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

_DRAIN_SECONDS: Final = "5"
_STARTS: Final = 5
_BROKEN: Final = (
    "routes: [",
    "routes:\n  - name: canary\n",
    "routes: []\nroute: {}\n",
    "\x00",
    "",
)


class Replica:
    """Owns a folder with the routing file; `complaints` are what it should never do."""

    def __init__(
        self, folder: Path, endpoint: str, clock: Callable[[], float], routing: Mapping[str, Any]
    ) -> None:
        folder.mkdir()
        self._folder, self._endpoint, self._clock = folder, endpoint, clock
        self._routing = routing
        self._process: GatewayProcess | None = None
        self.kills: list[float] = []
        self.soft_stops = self.reloads = self.broken_files = 0
        self.complaints: list[str] = []

    @property
    def pid(self) -> int | None:
        """The process that runs, if any."""
        child = None if self._process is None else self._process.process
        return None if child is None else child.pid

    async def start(self) -> None:
        """Start a process with the latest good routing file, and wait until it polls."""
        for _ in range(_STARTS):
            if await self._started():
                return
        self.complaints.append("no free port for the admin server")

    async def _started(self) -> bool:
        """Return False where another process took the port that was free just now."""
        self._process = GatewayProcess(
            self._folder,
            self._routing,
            self._endpoint,
            waits=False,
            environment={"GATEWAY_DRAIN_SECONDS": _DRAIN_SECONDS},
        )
        self._process.__enter__()
        try:
            await asyncio.to_thread(self._process.wait_until_ready)
        except NeverHappened as error:
            # A running process is kept: each call that looks a queue up may fail, and is repeated.
            if self._process.running:
                return True
            self._leave()
            if "address already in use" in str(error):
                return False
            self.complaints.append(f"a process did not become ready: {error}")
        return True

    async def soft_stop(self) -> None:
        """SIGTERM; the exit status must be 0."""
        if self._process is None or self.died():
            return
        began = time.monotonic()
        status = await asyncio.to_thread(self._process.stop)
        self.soft_stops += 1
        if status != 0:
            seconds = time.monotonic() - began
            self.complaints.append(f"a soft stop ended with status {status} after {seconds:.1f} s")
        self._leave()

    async def kill(self) -> None:
        """SIGKILL; the time is when it was dead for certain."""
        if self._process is None or self.died():
            return
        await asyncio.to_thread(self._process.kill)
        self.kills.append(self._clock())
        self._leave()

    def died(self) -> bool:
        """Whether the process ended by itself, which is a complaint."""
        if self._process is None or self._process.running:
            return self._process is None
        self.complaints.append(f"a process ended by itself:\n{self._process.tail()}")
        self._leave()
        return True

    async def reload(self, routing: Mapping[str, Any], random: Random) -> None:
        """Write another good file in one of the ways files are written; perhaps signal it."""
        self._routing = routing
        self.reloads += 1
        await self._write(yaml.safe_dump(dict(routing), sort_keys=False), random)

    async def break_file(self, random: Random) -> None:
        """Write an invalid file; perhaps signal it."""
        self.broken_files += 1
        await self._write(random.choice(_BROKEN), random)

    def end(self) -> None:
        """End the process."""
        self._leave()

    def defects(self) -> list[str]:
        """Return the lines of all its processes' logs that show a defect of the gateway."""
        log = self._folder / "stderr"
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        return [f"logged: {line}" for line in lines if "Traceback" in line]

    async def _write(self, text: str, random: Random) -> None:
        file = self._folder / "routes.yaml"
        if random.random() < 0.5:
            file.write_text(text, "utf-8")
        else:
            fresh = self._folder / "routes.yaml.new"
            fresh.write_text(text, "utf-8")
            fresh.replace(file)
        if self._process is None or self.died():
            return
        match random.randrange(3):
            case 0:
                self._process.signal(signal.SIGHUP)
            case 1:
                await asyncio.to_thread(self._ask_for_reload, self._process)
            case _:
                pass  # the watcher will see it

    def _ask_for_reload(self, process: GatewayProcess) -> None:
        try:
            status = process.reload().status_code
        except httpx.TransportError as error:
            self.complaints.append(f"a reload got no response: {error!r}")
            return
        if status not in (200, 422):
            self.complaints.append(f"a reload got status {status}")

    def _leave(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.__exit__(None, None, None)


def folder_of(base: Path, number: int) -> Path:
    """Return the folder of a replica."""
    return base / f"replica-{number}-{os.getpid()}"
