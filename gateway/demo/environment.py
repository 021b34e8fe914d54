"""The environment of the demo: every process, started in order and ready."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.demo import embedded_sqs
from gateway.demo.addresses import LOOPBACK
from gateway.demo.chains import HOSTS, NAMES
from gateway.demo.mesh.envoy import OPTIONS, READY, Call, bootstrap
from gateway.demo.mesh.objects import demo_mesh
from gateway.demo.readiness import wait_until_ready
from gateway.demo.routing import read_route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import aiohttp

    from gateway.core.routing.route import Route
    from gateway.demo.addresses import Addresses
    from gateway.demo.chains import Chain
    from gateway.demo.processes import ChildProcess, Processes

STOP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Environment:
    """The running processes."""

    addresses: Addresses
    processes: Processes
    gateway: ChildProcess
    queues: Sequence[embedded_sqs.EmbeddedQueue]
    route: Route
    routing_file: Path

    async def drained(self, within_seconds: float = embedded_sqs.DRAIN_SECONDS) -> int:
        """Return the number of messages left in the queues, 0 as soon as they are empty."""
        return await embedded_sqs.wait_until_empty(self.queues, within_seconds)

    async def stop_gateway(self) -> int:
        """Stop the gateway as an operator does, with SIGTERM, and return its exit status."""
        await self.processes.stop(self.gateway, grace_seconds=STOP_SECONDS)
        return self.gateway.process.returncode or 0


@dataclass(frozen=True, slots=True)
class Setup:
    """Starts the environment."""

    addresses: Addresses
    folder: Path
    processes: Processes
    session: aiohttp.ClientSession
    chain: Chain
    envoy: Path | None = None
    sqs: embedded_sqs.Server = embedded_sqs.SERVER
    queue_attributes: Mapping[str, str] = field(default_factory=dict)

    async def start(self) -> Environment:
        """Start every process; raises DemoError where one does not get ready."""
        path = self.folder / "routes.yaml"
        path.write_text(self.chain.routing(self.addresses), "utf-8")
        route = read_route(path.read_text("utf-8"))
        queues = await self._queues()
        services = [await self._service(name) for name in NAMES]
        gateway = await self.start_gateway(path)
        for service in services:
            await self._ready(service, "/healthz")
        if self.envoy:
            await self._ready(await self._sidecars(self.envoy), READY)
        await self.wait_until_ready(gateway)
        return Environment(self.addresses, self.processes, gateway, queues, route, path)

    async def start_gateway(self, routes: Path) -> ChildProcess:
        """Start a gateway with this routing file."""
        settings = embedded_sqs.client_settings(self.addresses) | {
            "GATEWAY_ADMIN_HOST": LOOPBACK,
            "GATEWAY_ADMIN_PORT": str(self.addresses.ports["gateway"]),
            "GATEWAY_LOG_FORMAT": "text",
        }
        command = ["-m", "gateway", "--config", str(routes)]
        return await self.processes.start("gateway", command, settings)

    async def wait_until_ready(self, gateway: ChildProcess) -> None:
        """Wait until the gateway polls; raises DemoError after READY_SECONDS."""
        await self._ready(gateway, "/readyz")

    async def _queues(self) -> list[embedded_sqs.EmbeddedQueue]:
        settings = self.sqs.settings(self.addresses, self.folder)
        child = await self.processes.start("SQS", self.sqs.command(self.addresses), settings)
        await self._ready(child, self.sqs.health)
        endpoint = self.addresses.url("SQS")
        queues = [embedded_sqs.EmbeddedQueue(self.session, endpoint) for _ in self.chain.queues]
        for queue, name in zip(queues, self.chain.queues, strict=True):
            await queue.create(name, self.queue_attributes)
        return queues

    async def _service(self, name: str) -> ChildProcess:
        how = self.chain.start(name, self.addresses)
        return await self.processes.start(name, how.command, how.settings, program=how.program)

    async def _sidecars(self, envoy: Path) -> ChildProcess:
        ports = self.addresses.ports
        calls = {Call(who.lower(), host): ports[f"{who} to {host}"] for who, host in HOSTS.items()}
        pods = {name.lower(): port for name, port in ports.items()}
        path = self.folder / "envoy.json"
        path.write_text(json.dumps(bootstrap(demo_mesh(), calls, pods, ports["Envoy"])), "utf-8")
        return await self.processes.start(
            "Envoy", ["--config-path", str(path), *OPTIONS], {}, program=str(envoy)
        )

    async def _ready(self, child: ChildProcess, path: str) -> None:
        await wait_until_ready(self.session, child, self.addresses.url(child.name, path))
