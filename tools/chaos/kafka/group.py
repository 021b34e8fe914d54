"""The gateways of one group, each a process with a routing file that names it in its URLs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx

from tests.integration.gateway_process import GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Routing = Callable[[str], Mapping[str, Any]]

NOWHERE = "http://127.0.0.1:1"


class Group:
    """Starts gateways and ends them; `complaints` are what none should ever do."""

    def __init__(self, folder: Path, routing: Routing) -> None:
        self._folder, self._routing = folder, routing
        self._running: dict[str, GatewayProcess] = {}
        self._count = 0
        self.complaints: list[str] = []

    @property
    def names(self) -> list[str]:
        """Those that run."""
        return list(self._running)

    async def start(self) -> str:
        """Start one and wait until it is ready; return its name."""
        name = f"g{self._count}"
        self._count += 1
        folder = self._folder / name
        folder.mkdir(parents=True)
        drain = {"GATEWAY_DRAIN_SECONDS": "20"}
        process = GatewayProcess(folder, self._routing(name), NOWHERE, environment=drain)
        await asyncio.to_thread(process.__enter__)
        self._running[name] = process
        return name

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self._running.pop(name)
        await asyncio.to_thread(process.kill)
        self._leave(name, process)

    async def stop(self, name: str) -> None:
        """SIGTERM; the exit status has to be 0."""
        process = self._running.pop(name)
        status = await asyncio.to_thread(process.stop)
        if status != 0:
            self.complaints.append(f"{name}: a soft stop ended with status {status}")
        self._leave(name, process)

    def process(self, name: str) -> GatewayProcess:
        """Return the process of one."""
        return self._running[name]

    async def partitions(self, name: str) -> list[dict[str, Any]]:
        """Return the partitions that one has, as /api/routes says."""
        with suppress(httpx.TransportError):
            found = await asyncio.to_thread(self._running[name].get, "/api/routes")
            (route,) = found["routes"]
            return list(route["kafka"]["partitions"])
        return []

    def look(self) -> None:
        """Complain of those that ended by themselves."""
        for name, process in list(self._running.items()):
            if not process.running:
                self.complaints.append(f"{name} ended by itself:\n{process.tail()}")
                del self._running[name]
                self._leave(name, process)

    def end(self) -> None:
        """End all that run."""
        for name, process in list(self._running.items()):
            self._leave(name, process)
        self._running.clear()

    def _leave(self, name: str, process: GatewayProcess) -> None:
        process.__exit__()
        log = process.log.read_text("utf-8", "replace")
        self.complaints += [f"{name}: {line}" for line in log.splitlines() if "Traceback" in line]
