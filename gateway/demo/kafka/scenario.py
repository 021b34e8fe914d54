"""The scenario with Kafka: start the environment, send the load, audit it, stop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import aiohttp

from gateway.demo.addresses import choose
from gateway.demo.audit import audit
from gateway.demo.checks import order_checks, stop_check
from gateway.demo.kafka.checks import offsets_check, order_check, shares_of_keys, sticky_check
from gateway.demo.kafka.environment import PORTS, KafkaSetup
from gateway.demo.load import Load
from gateway.demo.processes import DemoError, Processes
from gateway.demo.routing import weights_by_tag
from gateway.demo.scenario import in_folder

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from gateway.demo.checks import Check
    from gateway.demo.interrupt import Interrupt
    from gateway.demo.kafka.environment import KafkaEnvironment
    from gateway.demo.kafka.output import KafkaOutput


async def run_kafka(messages: int, *, keep_running: bool, output: KafkaOutput) -> int:
    """Run the scenario and return its exit status."""

    def run(folder: Path, interrupt: Interrupt) -> Coroutine[Any, Any, bool]:
        return KafkaScenario(messages, keep_running, folder, output, interrupt).run()

    return await in_folder(run, output.common)


@dataclass(frozen=True, slots=True)
class KafkaScenario:
    """One run of it."""

    messages: int
    keep_running: bool
    folder: Path
    output: KafkaOutput
    interrupt: Interrupt

    async def run(self) -> bool:
        """Start, send, audit and stop; return whether every check passed."""
        self.output.common.title()
        try:
            return await self._in_environment()
        except DemoError as error:
            self.output.common.failure(str(error), error.last_lines)
            return False

    async def _in_environment(self) -> bool:
        async with Processes(self.folder) as processes, aiohttp.ClientSession() as session:
            with self.output.common.working("starting Kafka, six services and the gateway"):
                setup = KafkaSetup(choose(PORTS), self.folder, processes, session)
                environment = await processes.while_alive(setup.start())
            try:
                return await processes.while_alive(self._steps(environment, session))
            finally:
                environment.topic.close()

    async def _steps(self, environment: KafkaEnvironment, session: aiohttp.ClientSession) -> bool:
        self.output.environment(environment, weights_by_tag(environment.route))
        load = Load(session, environment.addresses, environment.route, keyed=True)
        with self.output.common.progress(self.messages) as observe:
            await load.run(self.messages, observe)
        if load.on_their_way:
            self.output.common.stalled(load.on_their_way)
        checks = [offsets_check(await environment.topic.left())]
        if not self.keep_running:
            checks.append(await self._stop(environment))
        await load.look()
        good = self._report(load, environment, checks)
        if self.keep_running:
            self.output.running(environment)
            await self.interrupt.wait()
            last = await self._stop(environment)
            self.output.common.checks([last])
            good = good and last.good
        return good

    async def _stop(self, environment: KafkaEnvironment) -> Check:
        with self.output.common.working("stopping the gateway, which commits and leaves its group"):
            return stop_check(await environment.stop_gateway())

    def _report(self, load: Load, environment: KafkaEnvironment, checks: list[Check]) -> bool:
        orders, seen = list(load.orders.values()), load.sightings
        weights = weights_by_tag(environment.route)
        audited = audit(orders, seen, weights)
        audited = replace(audited, shares=shares_of_keys(orders, seen, weights))
        of_keys = [sticky_check(orders, seen), order_check(orders, seen)]
        checks = [*order_checks(audited, self.messages), *of_keys, *checks]
        self.output.result(audited, checks, self.messages)
        return all(check.good for check in checks)
