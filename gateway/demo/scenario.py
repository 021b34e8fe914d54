"""The whole story: set the stage, send the load, account for it, stop."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp

from gateway.demo.addresses import SIDECARS, USUAL, choose
from gateway.demo.audit import audit
from gateway.demo.checks import Check, alike_check, order_checks, queue_check, stop_check
from gateway.demo.environment import Setup
from gateway.demo.interrupt import Interrupt
from gateway.demo.load import REQUESTS, Load
from gateway.demo.processes import Children, DemoError
from gateway.demo.routing import weights_by_tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.demo.audit import Audit
    from gateway.demo.environment import Stage
    from gateway.demo.output import Show

OK: Final = 0
FAILED: Final = 1
SIGNALLED: Final = 128
"""A shell's exit status for an end by signal N is this plus N."""


async def tell(messages: int, *, keep_running: bool, envoy: Path | None, show: Show) -> int:
    """Tell the story and return its exit status; a failed one leaves its folder of logs behind.

    With `envoy`, an executable, as many requests go through it beside the messages.
    """
    folder = Path(tempfile.mkdtemp(prefix="gateway-demo-"))
    interrupt = Interrupt()
    failed = False
    try:
        failed = not await Story(messages, keep_running, envoy, folder, show, interrupt).run()
    except asyncio.CancelledError:
        if interrupt.signal is None:
            raise
        show.stopped()
        return SIGNALLED + interrupt.signal
    finally:
        if failed:
            show.kept(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return FAILED if failed else OK


@dataclass(frozen=True, slots=True)
class Story:
    """One run; `run` says whether all was as it had to be."""

    messages: int
    keep_running: bool
    envoy: Path | None
    folder: Path
    show: Show
    interrupt: Interrupt

    async def run(self) -> bool:
        """Start everything, do it all, and leave nothing running."""
        self.show.title()
        try:
            return await self._on_stage()
        except DemoError as error:
            self.show.failure(str(error), error.last_lines)
            return False

    async def _on_stage(self) -> bool:
        async with Children(self.folder) as children, aiohttp.ClientSession() as session:
            ports = USUAL | SIDECARS if self.envoy else USUAL
            with self.show.working("starting SQS, six services and the gateway"):
                setup = Setup(choose(ports), self.folder, children, session, self.envoy)
                stage = await children.while_alive(setup.stage())
            return await children.while_alive(self._acts(stage, session))

    async def _acts(self, stage: Stage, session: aiohttp.ClientSession) -> bool:
        self.show.stage(stage.addresses, weights_by_tag(stage.route))
        load = Load(session, stage.addresses, stage.route)
        requests = Load(session, stage.addresses, stage.route, REQUESTS) if self.envoy else None
        with self.show.progress(self.messages) as notice:
            await self._send(load, requests, notice)
        if missing := load.on_their_way + (requests.on_their_way if requests else 0):
            self.show.stalled(missing)
        checks = [queue_check(await stage.drained())]
        if not self.keep_running:
            checks.append(await self._stop(stage))
        await load.look()
        good = self._account(load, requests, stage, checks)
        if self.keep_running:
            self.show.running(stage.addresses, stage.routing_file)
            await self.interrupt.wait()
            last = await self._stop(stage)
            self.show.checks([last])
            good = good and last.good
        return good

    async def _stop(self, stage: Stage) -> Check:
        with self.show.working("stopping the gateway: it lets its long poll end"):
            return stop_check(await stage.stop_gateway())

    async def _send(
        self, load: Load, requests: Load | None, notice: Callable[[Load], None]
    ) -> None:
        """Send messages, and requests beside them; the first failure of either ends both."""
        works = [asyncio.ensure_future(load.run(self.messages, notice))]
        if requests:
            works.append(asyncio.ensure_future(requests.run(self.messages, lambda _: None)))
        try:
            await asyncio.gather(*works)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    def _account(
        self, load: Load, requests: Load | None, stage: Stage, checks: list[Check]
    ) -> bool:
        account = _audit(load, stage)
        checks = [*order_checks(account, self.messages), *checks]
        if requests is None:
            self.show.account(account)
            self.show.checks(checks)
        else:
            beside = _audit(requests, stage)
            of_requests = [*order_checks(beside, self.messages), alike_check(account, beside)]
            self.show.account(account, beside)
            self.show.checks(checks, "messages")
            self.show.checks(of_requests, "requests")
            checks += of_requests
        good = all(check.good for check in checks)
        self.show.end(good=good, messages=self.messages, with_requests=requests is not None)
        return good


def _audit(load: Load, stage: Stage) -> Audit:
    return audit(list(load.orders.values()), load.sightings, weights_by_tag(stage.route))
