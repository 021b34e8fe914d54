"""The scenario of the full chain: each way in turn, from start to stop, then one table of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from gateway.demo.addresses import choose
from gateway.demo.checks import queue_check, stop_check
from gateway.demo.environment import Setup
from gateway.demo.full_chain.result import Missing, Result, result_of
from gateway.demo.full_chain.ways import by_opentelemetry, by_sender, own_queues
from gateway.demo.load import Load
from gateway.demo.opentelemetry.node import NoNodeError, find_node
from gateway.demo.processes import DemoError, Processes
from gateway.demo.routing import weights_by_tag
from gateway.demo.scenario import in_folder

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from gateway.demo.chains import Chain
    from gateway.demo.environment import Environment
    from gateway.demo.full_chain.output import FullChainOutput
    from gateway.demo.interrupt import Interrupt


async def run_full_chain(messages: int, output: FullChainOutput) -> int:
    """Send as many messages in each way, and return the exit status."""

    def run(folder: Path, _: Interrupt) -> Coroutine[Any, Any, bool]:
        return FullChain(messages, folder, output).run()

    return await in_folder(run, output.common)


@dataclass(frozen=True, slots=True)
class FullChain:
    """One run of all ways."""

    messages: int
    folder: Path
    output: FullChainOutput

    async def run(self) -> bool:
        """Run each way; return whether every check of each passed that can be had."""
        self.output.title()
        try:
            results = [
                await self._way("by sender", by_sender()),
                await self._opentelemetry("OpenTelemetry"),
                await self._way("own queues", own_queues()),
            ]
        except DemoError as error:
            self.output.common.failure(str(error), error.last_lines)
            return False
        self.output.results(results, self.messages)
        return all(result.good for result in results if isinstance(result, Result))

    async def _opentelemetry(self, name: str) -> Result | Missing:
        with self.output.common.working("looking for Node and its packages, fetched once (134 MB)"):
            try:
                node = await find_node()
            except NoNodeError as error:
                return self.output.missing(Missing(name, str(error)))
        return await self._way(name, by_opentelemetry(node))

    async def _way(self, name: str, chain: Chain) -> Result:
        folder = self.folder / name.replace(" ", "-")
        folder.mkdir()
        self.output.way(name)
        async with Processes(folder) as processes, aiohttp.ClientSession() as session:
            with self.output.common.working("starting SQS, six services and the gateway"):
                setup = Setup(choose(), folder, processes, session, chain)
                environment = await processes.while_alive(setup.start())
            return await processes.while_alive(self._run(name, environment, session))

    async def _run(
        self, name: str, environment: Environment, session: aiohttp.ClientSession
    ) -> Result:
        load = Load(session, environment.addresses, environment.route)
        with self.output.common.progress(self.messages) as observe:
            await load.run(self.messages, observe)
        if load.on_their_way:
            self.output.common.stalled(load.on_their_way)
        left = queue_check(await environment.drained())
        with self.output.common.working("stopping the gateway, which waits for its polls to end"):
            stopped = stop_check(await environment.stop_gateway())
        await load.look()
        weights = weights_by_tag(environment.route)
        return result_of(name, load, self.messages, weights, [left, stopped])
