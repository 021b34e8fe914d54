"""One way of the full chain under load, with kills of the gateway at chosen numbers of arrivals."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from gateway.demo.addresses import USUAL, choose
from gateway.demo.checks import Check, queue_check, stop_check
from gateway.demo.embedded_sqs import Server
from gateway.demo.environment import Setup
from gateway.demo.full_chain.result import Result, result_of
from gateway.demo.full_chain.ways import ACCESS_KEYS, Called, by_opentelemetry, own_queues
from gateway.demo.load import Load
from gateway.demo.opentelemetry.node import find_node
from gateway.demo.processes import Processes
from gateway.demo.routing import weights_by_tag
from tools.chain.causes import Doubles, explain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from gateway.demo.addresses import Addresses
    from gateway.demo.chains import Chain
    from gateway.demo.environment import Environment

ROOT: Final = Path(__file__).parents[2]
DRAIN_SECONDS: Final = 60.0
PORTS: Final = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many orders, and after how many arrivals the gateway is killed."""

    orders: int
    kills: Sequence[int]
    visibility_seconds: int = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run; `kills` are the times of those that were carried out."""

    result: Result
    doubles: Doubles
    kills: Sequence[float]

    @property
    def checks(self) -> Sequence[Check]:
        """The checks of the demo; for doubles only those without a cause count."""
        odd = self.doubles.unexplained
        text = f"{len(odd):<5,} of {self.doubles.total:,} doubles without a cause"
        others = (check for check in self.result.checks if check.name != "doubled")
        return [*others, Check(not odd, "causes", text, odd)]


async def _sender() -> Chain:
    """Node's SDK without instrumentation, so that nothing but the sender is known."""
    return Called(ACCESS_KEYS, await find_node(), instrumented=False)


async def _opentelemetry() -> Chain:
    return by_opentelemetry(await find_node())


async def _queues() -> Chain:
    return own_queues()


WAYS: Final[Mapping[str, Callable[[], Awaitable[Chain]]]] = {
    "sender": _sender,
    "opentelemetry": _opentelemetry,
    "queues": _queues,
}


def plan_of(orders: int, kills: int, seed: int, visibility_seconds: int = 30) -> Plan:
    """Choose the arrivals after which the gateway is killed, in the middle 80 % of the load."""
    chosen = Random(seed).sample(range(orders // 10, orders * 9 // 10), kills)
    return Plan(orders, sorted(chosen), visibility_seconds)


def _command(addresses: Addresses) -> list[str]:
    return ["-m", "tools.emulator", "--port", str(addresses.ports["SQS"])]


def _any_ports() -> Mapping[str, int]:
    """Return a port for each process, below those of outgoing connections: a demo may run beside.

    The gateway's port is free for a moment after each kill, so no other run may want the same.
    """
    return dict(zip(USUAL, SystemRandom().sample(PORTS, len(USUAL)), strict=True))


EMULATOR: Final = Server(_command, lambda *_: {"PYTHONPATH": str(ROOT)}, "/_faults")


async def run(name: str, plan: Plan, folder: Path) -> Outcome:
    """Run a way; raises NoNodeError where it needs Node and there is none, and DemoError."""
    chain = await WAYS[name]()
    async with Processes(folder) as processes, aiohttp.ClientSession() as session:
        setup = Setup(
            choose(_any_ports()),
            folder,
            processes,
            session,
            chain,
            sqs=EMULATOR,
            queue_attributes={"VisibilityTimeout": str(plan.visibility_seconds)},
        )
        environment = await processes.while_alive(setup.start())
        return await processes.while_alive(Run(name, plan, setup, environment).run())


class Run:
    """A run in an environment that stands."""

    def __init__(self, name: str, plan: Plan, setup: Setup, environment: Environment) -> None:
        self._name = name
        self._plan = plan
        self._setup = setup
        self._environment = environment
        self._load = Load(setup.session, environment.addresses, environment.route)
        self._due = asyncio.Semaphore(0)
        self._left = list(plan.kills)
        self._kills: list[float] = []

    async def run(self) -> Outcome:
        """Send, kill, drain, and audit."""
        killing = asyncio.ensure_future(self._kill_when_due())
        try:
            await self._load.run(self._plan.orders, self._observe)
            await killing
        finally:
            killing.cancel()
        drain_seconds = self._plan.visibility_seconds + DRAIN_SECONDS
        left = queue_check(await self._environment.drained(drain_seconds))
        history = {queue: await self._history(queue) for queue in self._setup.chain.queues}
        stopped = stop_check(await self._environment.stop_gateway())
        await self._load.look()
        return self._outcome(history, [left, stopped])

    def _outcome(self, history: Mapping[str, Any], checks: Sequence[Check]) -> Outcome:
        weights = weights_by_tag(self._environment.route)
        result = result_of(self._name, self._load, self._plan.orders, weights, checks)
        arrivals = Counter(sighting.order for sighting in self._load.sightings)
        return Outcome(result, explain(arrivals, history, self._kills), tuple(self._kills))

    def _observe(self, load: Load) -> None:
        while self._left and len(load.sightings) >= self._left[0]:
            self._left.pop(0)
            self._due.release()

    async def _kill_when_due(self) -> None:
        for _ in self._plan.kills:
            await self._due.acquire()
            await self._kill()

    async def _kill(self) -> None:
        """SIGKILL, and another gateway in its place, as a Deployment does it."""
        gateway = self._environment.gateway
        self._kills.append(time.time())
        gateway.send_signal(signal.SIGKILL)
        await gateway.process.wait()
        another = await self._setup.start_gateway(self._environment.routing_file)
        await self._setup.wait_until_ready(another)
        self._environment = replace(self._environment, gateway=another)

    async def _history(self, queue: str) -> list[dict[str, Any]]:
        url = self._environment.addresses.url("SQS", f"/_history/{queue}/messages")
        async with self._setup.session.get(url) as response:
            messages: list[dict[str, Any]] = await response.json(content_type=None)
            return messages
