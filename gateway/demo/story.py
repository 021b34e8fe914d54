"""The whole story: set the stage, send the load, account for it, stop."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp

from gateway.demo.addresses import choose
from gateway.demo.children import Children, DemoError
from gateway.demo.interrupt import Interrupt
from gateway.demo.ledger import audit
from gateway.demo.load import Load
from gateway.demo.routing import weights_by_tag
from gateway.demo.stage import Setup
from gateway.demo.verdict import Check, order_checks, queue_check, stop_check

if TYPE_CHECKING:
    from gateway.demo.show import Show
    from gateway.demo.stage import Stage

OK: Final = 0
FAILED: Final = 1
SIGNALLED: Final = 128
"""A shell's exit status for an end by signal N is this plus N."""


async def tell(messages: int, *, keep_running: bool, show: Show) -> int:
    """Tell the story and return its exit status; a failed one leaves its folder of logs behind."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-demo-"))
    interrupt = Interrupt()
    failed = False
    try:
        failed = not await Story(messages, keep_running, folder, show, interrupt).run()
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
            with self.show.working("starting SQS, six services and the gateway"):
                setup = Setup(choose(), self.folder, children, session)
                stage = await children.while_alive(setup.stage())
            return await children.while_alive(self._acts(stage, session))

    async def _acts(self, stage: Stage, session: aiohttp.ClientSession) -> bool:
        self.show.stage(stage.addresses, weights_by_tag(stage.route))
        load = Load(session, stage.addresses, stage.route)
        with self.show.progress(self.messages) as notice:
            await load.run(self.messages, notice)
        if load.on_their_way:
            self.show.stalled(load.on_their_way)
        checks = [queue_check(await stage.drained())]
        if not self.keep_running:
            checks.append(await self._stop(stage))
        await load.look()
        good = self._account(load, stage, checks)
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

    def _account(self, load: Load, stage: Stage, checks: list[Check]) -> bool:
        orders = list(load.orders.values())
        account = audit(orders, load.sightings, weights_by_tag(stage.route))
        checks = [*order_checks(account, self.messages), *checks]
        good = all(check.good for check in checks)
        self.show.account(account)
        self.show.checks(checks)
        self.show.end(good=good, messages=self.messages)
        return good
