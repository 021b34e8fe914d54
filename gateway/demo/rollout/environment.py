"""The processes of a rollout: SQS, the Kubernetes API, B, B1, and two gateways with one state."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from gateway.demo import embedded_sqs
from gateway.demo.addresses import LOOPBACK
from gateway.demo.chains import service_command
from gateway.demo.kubernetes.cluster import COMMAND, new_token, write_kubeconfig
from gateway.demo.processes import DemoError
from gateway.demo.readiness import wait_until_ready
from gateway.demo.rollout.arrivals import Arrival
from gateway.demo.rollout.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.demo.addresses import Addresses
    from gateway.demo.processes import ChildProcess, Processes
    from gateway.demo.rollout.plan import TrialPlan, Trouble

STATE: Final = "gateway-state"
REPLICAS: Final = ("gateway", "gateway 2")
SERVICES: Final = {"B": False, "B1": True}
"""The services, and whether each is the canary."""

VISIBILITY_SECONDS: Final = 10
"""How long SQS waits for a gateway that was killed; its default is 30 s."""


@dataclass
class TrialEnvironment:
    """The processes; :meth:`start` them first."""

    addresses: Addresses
    folder: Path
    processes: Processes
    session: aiohttp.ClientSession
    plan: TrialPlan

    def __post_init__(self) -> None:
        self.queue = embedded_sqs.EmbeddedQueue(self.session, self.addresses.url("SQS"))
        self.replicas: list[Replica] = []
        self.token = new_token()
        self._offsets = dict.fromkeys(SERVICES, 0)

    async def start(self) -> None:
        """Start every process; raises DemoError where one does not get ready."""
        (self.folder / "routes.yaml").write_text(self.plan.routing(self.addresses), "utf-8")
        settings = embedded_sqs.SERVER.settings(self.addresses, self.folder)
        sqs = await self.processes.start("SQS", embedded_sqs.COMMAND, settings)
        url = self.addresses.url("Kubernetes")
        write_kubeconfig(self.folder / "kubeconfig", url, self.token)
        port = str(self.addresses.ports["Kubernetes"])
        token = {"TOKEN": self.token}
        api = await self.processes.start("Kubernetes", [*COMMAND, "--port", port], token)
        for name in SERVICES:
            command = [*service_command(name, self.addresses), "--troubled"]
            service = await self.processes.start(name, command, {})
            await wait_until_ready(self.session, service, self.addresses.url(name, "/healthz"))
        await wait_until_ready(self.session, api, f"{url}/readyz")
        await wait_until_ready(
            self.session, sqs, self.addresses.url("SQS", embedded_sqs.SERVER.health)
        )
        await self.queue.create("orders", {"VisibilityTimeout": str(VISIBILITY_SECONDS)})
        await self.trouble(self.plan.trouble)
        await self.start_gateways()

    async def trouble(self, trouble: Trouble) -> None:
        """Have B1 fail like this from now on."""
        body = {"failing": trouble.failing, "slow": trouble.slow}
        async with self.session.put(self.addresses.url("B1", "/trouble"), json=body) as response:
            response.raise_for_status()

    async def new_arrivals(self) -> Sequence[Arrival]:
        """Return what has arrived at B and B1 since the last call; raises DemoError."""
        return [arrival for name in SERVICES for arrival in await self._fetch(name)]

    async def kill(self, replica: Replica) -> float:
        """Kill a gateway, and return when."""
        replica.counted = await replica.rollbacks()
        replica.process.send_signal(signal.SIGKILL)
        await replica.process.process.wait()
        return time.time()

    async def start_again(self, replica: Replica) -> None:
        """Start a gateway that has been killed, and wait until it is ready."""
        replica.process = await self._gateway(replica.name, f"{replica.name} again")
        replica.logs.append(replica.process.log)
        await self._ready(replica)

    async def stop_gateways(self) -> Sequence[int]:
        """Stop the gateways with SIGTERM, and return their exit statuses."""
        children = [replica.process for replica in self.replicas]
        await self.processes.stop(*children, grace_seconds=60.0)
        return [child.process.returncode or 0 for child in children]

    async def start_gateways(self) -> None:
        """Start the gateways, and wait until they are ready; all else is by now."""
        for name in REPLICAS:
            process = await self._gateway(name, name)
            url = self.addresses.url(name)
            self.replicas.append(Replica(name, url, process, self.session, [process.log]))
        for replica in self.replicas:
            await self._ready(replica)

    async def _gateway(self, name: str, process: str) -> ChildProcess:
        settings = embedded_sqs.client_settings(self.addresses) | {
            "GATEWAY_ADMIN_HOST": LOOPBACK,
            "GATEWAY_ADMIN_PORT": str(self.addresses.ports[name]),
            "GATEWAY_LOG_FORMAT": "json",
            "GATEWAY_STATE": f"kubernetes:{STATE}",
            "KUBECONFIG": str(self.folder / "kubeconfig"),
        }
        command = ["-m", "gateway", "--config", str(self.folder / "routes.yaml")]
        return await self.processes.start(process, command, settings)

    async def _ready(self, replica: Replica) -> None:
        await wait_until_ready(self.session, replica.process, f"{replica.url}/readyz")

    async def _fetch(self, name: str) -> Sequence[Arrival]:
        query = {"from": str(self._offsets[name])}
        try:
            async with self.session.get(
                self.addresses.url(name, "/seen"), params=query
            ) as response:
                response.raise_for_status()
                found: list[dict[str, Any]] = await response.json()
        except aiohttp.ClientError as error:
            raise DemoError(f"{name} does not say what it has seen: {error}") from error
        self._offsets[name] += len(found)
        return [Arrival(**each, canary=SERVICES[name]) for each in found]
