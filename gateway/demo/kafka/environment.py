"""The processes of the demo with Kafka, started in order and ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.demo.addresses import LOOPBACK, USUAL
from gateway.demo.chains import NAMES, NEXT, service_command
from gateway.demo.environment import STOP_SECONDS
from gateway.demo.kafka.topic import Topic
from gateway.demo.readiness import wait_until_ready
from gateway.demo.routing import read_route, routing_file

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from gateway.core.routing.route import Route
    from gateway.demo.addresses import Addresses
    from gateway.demo.processes import ChildProcess, Processes

PORTS: Final = {"Kafka": USUAL["SQS"]} | {
    name: port for name, port in USUAL.items() if name != "SQS"
}
TOPIC: Final = "orders"
GROUP: Final = "b"
BROKERS: Final = f"{LOOPBACK}:9092"
"""As the packaged routing file has it."""


@dataclass(frozen=True, slots=True)
class KafkaEnvironment:
    """The running processes."""

    addresses: Addresses
    processes: Processes
    gateway: ChildProcess
    topic: Topic
    brokers: str
    route: Route
    routing_file: Path

    async def stop_gateway(self) -> int:
        """Stop the gateway with SIGTERM, and return its exit status."""
        await self.processes.stop(self.gateway, grace_seconds=STOP_SECONDS)
        return self.gateway.process.returncode or 0


@dataclass(frozen=True, slots=True)
class KafkaSetup:
    """Starts the environment."""

    addresses: Addresses
    folder: Path
    processes: Processes
    session: aiohttp.ClientSession

    async def start(self) -> KafkaEnvironment:
        """Start every process; raises DemoError where one does not get ready."""
        brokers = await self._broker()
        text = routing_file(self.addresses, "kafka/routes.yaml").replace(BROKERS, brokers)
        path = self.folder / "routes.yaml"
        path.write_text(text, "utf-8")
        services = [await self._service(name, brokers) for name in NAMES]
        for service in services:
            await self._ready(service, "/healthz")
        gateway = await self._gateway(path)
        topic = Topic(brokers, TOPIC, GROUP)
        return KafkaEnvironment(
            self.addresses, self.processes, gateway, topic, brokers, read_route(text), path
        )

    async def _broker(self) -> str:
        port = str(self.addresses.ports["Kafka"])
        command = ["-m", "gateway.demo.kafka.broker", "--port", port, "--topic", TOPIC]
        await self._ready(await self.processes.start("Kafka", command, {}), "/brokers")
        async with self.session.get(self.addresses.url("Kafka", "/brokers")) as response:
            return await response.text()

    async def _service(self, name: str, brokers: str) -> ChildProcess:
        command = service_command(name, self.addresses)
        if name == "A":
            command += ["--topic", brokers, TOPIC]
        elif name in NEXT:
            command += ["--next", self.addresses.url(NEXT[name], "/events")]
        return await self.processes.start(name, command, {})

    async def _gateway(self, routes: Path) -> ChildProcess:
        settings = {
            "GATEWAY_ADMIN_HOST": LOOPBACK,
            "GATEWAY_ADMIN_PORT": str(self.addresses.ports["gateway"]),
            "GATEWAY_LOG_FORMAT": "text",
        }
        command = ["-m", "gateway", "--config", str(routes)]
        gateway = await self.processes.start("gateway", command, settings)
        await self._ready(gateway, "/readyz")
        return gateway

    async def _ready(self, child: ChildProcess, path: str) -> None:
        await wait_until_ready(self.session, child, self.addresses.url(child.name, path))
