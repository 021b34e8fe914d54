"""The scenario: start the environment, send the load, audit it, stop."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from gateway.aiokit.signals import EXIT_STATUS_BASE
from gateway.demo.addresses import SIDECARS, USUAL, choose, claim
from gateway.demo.audit import audit
from gateway.demo.chains import OneHop
from gateway.demo.checks import Check, alike_check, order_checks, queue_check, stop_check
from gateway.demo.environment import Setup
from gateway.demo.interrupt import Interrupt
from gateway.demo.load import REQUESTS, Load
from gateway.demo.processes import DemoError, Processes
from gateway.demo.routing import weights_by_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.demo.audit import Audit
    from gateway.demo.environment import Environment
    from gateway.demo.output import Output

OK: Final = 0
FAILED: Final = 1


async def run_demo(messages: int, *, keep_running: bool, envoy: Path | None, output: Output) -> int:
    """Run the scenario and return its exit status.

    With `envoy`, an executable, the same number of requests is sent through it.
    """

    def run(folder: Path, interrupt: Interrupt) -> Coroutine[Any, Any, bool]:
        return Scenario(messages, keep_running, envoy, folder, output, interrupt).run()

    return await in_folder(run, output)


async def in_folder(
    run: Callable[[Path, Interrupt], Coroutine[Any, Any, bool]], output: Output
) -> int:
    """Run a scenario in a folder and return its exit status; a failed one keeps its logs there."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-demo-"))
    interrupt = Interrupt()
    failed = False
    try:
        await asyncio.sleep(0)  # a signal that came before ends it here, with nothing started
        with claim():
            failed = not await run(folder, interrupt)
    except asyncio.CancelledError:
        if interrupt.signal is None:
            raise
        output.stopped()
        return EXIT_STATUS_BASE + interrupt.signal
    finally:
        interrupt.close()
        if failed:
            output.kept(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return FAILED if failed else OK


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run of the demo."""

    messages: int
    keep_running: bool
    envoy: Path | None
    folder: Path
    output: Output
    interrupt: Interrupt

    async def run(self) -> bool:
        """Start, send, audit and stop; return whether every check passed."""
        self.output.title()
        try:
            return await self._in_environment()
        except DemoError as error:
            self.output.failure(str(error), error.last_lines)
            return False

    async def _in_environment(self) -> bool:
        async with Processes(self.folder) as processes, aiohttp.ClientSession() as session:
            ports = USUAL | SIDECARS if self.envoy else USUAL
            with self.output.working("starting SQS, six services and the gateway"):
                chain = OneHop(with_sidecars=self.envoy is not None)
                setup = Setup(choose(ports), self.folder, processes, session, chain, self.envoy)
                environment = await processes.while_alive(setup.start())
            return await processes.while_alive(self._steps(environment, session))

    async def _steps(self, environment: Environment, session: aiohttp.ClientSession) -> bool:
        self.output.environment(environment.addresses, weights_by_tag(environment.route))
        load = Load(session, environment.addresses, environment.route)
        requests = (
            Load(session, environment.addresses, environment.route, REQUESTS)
            if self.envoy
            else None
        )
        with self.output.progress(self.messages) as observe:
            await self._send(load, requests, observe)
        if missing := load.on_their_way + (requests.on_their_way if requests else 0):
            self.output.stalled(missing)
        checks = [queue_check(await environment.drained())]
        if not self.keep_running:
            checks.append(await self._stop(environment))
        await load.look()
        good = self._report(load, requests, environment, checks)
        if self.keep_running:
            self.output.running(environment.addresses, environment.routing_file)
            await self.interrupt.wait()
            last = await self._stop(environment)
            self.output.checks([last])
            good = good and last.good
        return good

    async def _stop(self, environment: Environment) -> Check:
        with self.output.working("stopping the gateway, which waits for its long poll to end"):
            return stop_check(await environment.stop_gateway())

    async def _send(
        self, load: Load, requests: Load | None, observe: Callable[[Load], None]
    ) -> None:
        """Send messages, and requests at the same time; the first failure of either ends both."""
        works = [asyncio.ensure_future(load.run(self.messages, observe))]
        if requests:
            works.append(asyncio.ensure_future(requests.run(self.messages, lambda _: None)))
        try:
            await asyncio.gather(*works)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    def _report(
        self, load: Load, requests: Load | None, environment: Environment, checks: list[Check]
    ) -> bool:
        messages = _audit(load, environment)
        checks = [*order_checks(messages, self.messages), *checks]
        if requests is None:
            self.output.audit(messages)
            self.output.checks(checks)
        else:
            beside = _audit(requests, environment)
            of_requests = [*order_checks(beside, self.messages), alike_check(messages, beside)]
            self.output.audit(messages, beside)
            self.output.checks(checks, "messages")
            self.output.checks(of_requests, "requests")
            checks += of_requests
        good = all(check.good for check in checks)
        self.output.end(good=good, messages=self.messages, with_requests=requests is not None)
        return good


def _audit(load: Load, environment: Environment) -> Audit:
    return audit(list(load.orders.values()), load.sightings, weights_by_tag(environment.route))
