"""One run: start, inject faults, stop injecting, wait until all is settled, collect."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tools.chaos import evidence, responses, routes, trouble
from tools.chaos.deliveries import Deliveries
from tools.chaos.evidence import Evidence
from tools.chaos.load import Load
from tools.chaos.replica import Replica, folder_of
from tools.chaos.service import Service
from tools.chaos.sqs import Sqs
from tools.chaos.starvation import Gauge
from tools.emulator.app import steady_clock
from tools.emulator.running import server_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tools.chaos.plan import Plan
    from tools.chaos.starvation import Wait

PATIENCE_SECONDS: Final = 90.0
"""After this long without progress, messages left in the queues count as lost. The longest pause by
design is a receive's backoff of 20 s."""
_LOOK_AGAIN_SECONDS: Final = 0.1


@dataclass(slots=True)
class Outcome:
    """What a run leaves behind, and what was done during it."""

    evidence: Evidence
    faults: dict[str, dict[str, int]] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    seconds_to_settle: float = 0.0


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything that runs."""

    plan: Plan
    sqs: Sqs
    deliveries: Deliveries
    services: list[Service]
    replicas: list[Replica]

    @property
    def urls(self) -> dict[str, str]:
        """The services' URLs by name."""
        return {service.name: service.url for service in self.services}


async def run(plan: Plan, folder: Path) -> Outcome:
    """Run a plan; unexpected behaviour of replicas is in the evidence's complaints."""
    async with _environment(plan, folder) as environment:
        gauge = Gauge(environment.replicas, steady_clock())
        reading = asyncio.create_task(gauge.run(), name="gauge")
        load = await _trouble(environment)
        began = time.monotonic()
        await _settled(environment)
        seconds = time.monotonic() - began
        reading.cancel()
        await asyncio.gather(*(replica.soft_stop() for replica in environment.replicas))
        return await _outcome(environment, load, seconds, gauge.waits)


@asynccontextmanager
async def _environment(plan: Plan, folder: Path) -> AsyncIterator[Environment]:
    with server_process("tools.emulator", "--port", "0") as (_, url), _services(plan) as found:
        deliveries, services = found
        for service in services:
            await service.accept()
        sqs = Sqs(url)
        await sqs.open()
        await sqs.create_queues()
        routing = routes.routing({s.name: s.url for s in services}, routes.WEIGHTS)
        replicas = [
            Replica(folder_of(folder, number), url, steady_clock(), routing)
            for number in range(plan.replicas)
        ]
        try:
            await asyncio.gather(*(replica.start() for replica in replicas))
            yield Environment(plan, sqs, deliveries, services, replicas)
        finally:
            for replica in replicas:
                replica.end()
            sqs.close()


@contextmanager
def _services(plan: Plan) -> Iterator[tuple[Deliveries, list[Service]]]:
    deliveries, copies, clock = Deliveries(), Deliveries(), steady_clock()
    services = [
        Service(
            name,
            copies if routes.gets_copies(name) else deliveries,
            plan.random(name),
            clock,
            responses.WELL,
        )
        for name in routes.service_names()
    ]
    try:
        yield deliveries, services
    finally:
        for service in services:
            service.close()


async def _trouble(environment: Environment) -> Load:
    """Send for the plan's time while faults are injected."""
    plan, load = environment.plan, Load(environment.plan, environment.sqs)
    until = asyncio.get_running_loop().time() + plan.seconds
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(until), name="load")
        tasks.create_task(trouble.purges(plan, environment.sqs, until), name="purges")
        for number, replica in enumerate(environment.replicas):
            actions = trouble.actions(plan, replica, number, environment.urls, until)
            tasks.create_task(actions, name=f"actions to {number}")
        if not plan.calm:
            _inject(environment, tasks, until)
    return load


def _inject(environment: Environment, tasks: asyncio.TaskGroup, until: float) -> None:
    tasks.create_task(trouble.sky(environment.plan, environment.sqs, until), name="sky")
    for service in environment.services:
        moods = trouble.moods(environment.plan, service, until)
        tasks.create_task(moods, name=f"moods of {service.name}")
        flaps = trouble.flaps(environment.plan, service, until)
        tasks.create_task(flaps, name=f"flaps of {service.name}")


async def _settled(environment: Environment) -> None:
    """Wait until all queues are empty, or without progress for PATIENCE_SECONDS."""
    seen: object = None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        now = [await _standing(environment.sqs, queue) for queue in routes.SOURCES]
        if not any(left for left, _ in now):
            return
        if now != seen:
            seen, deadline = now, time.monotonic() + PATIENCE_SECONDS
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _standing(sqs: Sqs, queue: str) -> tuple[int, int]:
    """Return how many messages are left, and how many receives there were."""
    numbers = await sqs.summary(queue)
    left = numbers["visible"] + numbers["in_flight"] + numbers["delayed"]
    return left, numbers["deleted"] + numbers["dead_lettered"]


async def _outcome(
    environment: Environment, load: Load, seconds: float, waits: list[Wait]
) -> Outcome:
    replicas, by_message = environment.replicas, environment.deliveries.by_message
    there = await evidence.forwarded(environment.sqs)
    histories = await evidence.histories(environment.sqs, there, by_message)
    complaints = [line for each in replicas for line in (*each.complaints, *each.defects())]
    found = Evidence(
        histories=histories,
        deliveries=evidence.with_forwarded(by_message, histories, there),
        copies=await evidence.copies(environment.sqs),
        kills=sorted(at for replica in replicas for at in replica.kills),
        waits=waits,
        pins=load.pins,
        sent=load.sent,
        complaints=[*complaints, *evidence.strangers(histories, there)],
        calm=environment.plan.calm,
    )
    actions = {
        "SIGTERM and restart": sum(replica.soft_stops for replica in replicas) - len(replicas),
        "SIGKILL and restart": len(found.kills),
        "reloads": sum(replica.reloads for replica in replicas),
        "broken files": sum(replica.broken_files for replica in replicas),
    }
    return Outcome(found, await environment.sqs.faults(), actions, seconds)
