"""The scenario: a controller raises a canary's weight in a VirtualService, and aborts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.audit import Share
from gateway.demo.checks import queue_check
from gateway.demo.embedded_sqs import wait_until_empty
from gateway.demo.follow import checks
from gateway.demo.follow.checks import Write
from gateway.demo.follow.environment import FollowEnvironment
from gateway.demo.rollout.checks import order_checks, stop_check
from gateway.demo.rollout.running import run_within
from gateway.demo.rollout.scenario import PATIENCE_SECONDS, SETTLE_SECONDS
from gateway.demo.rollout.watch import Watch
from gateway.demo.scenario import in_folder

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from gateway.demo.checks import Check
    from gateway.demo.follow.output import FollowOutput
    from gateway.demo.follow.plan import FollowPlan
    from gateway.demo.interrupt import Interrupt

BETWEEN_SECONDS: Final = 4.0
"""From one write to the next, as a controller's interval: shorter than any of a cluster."""


async def run_follow(plan: FollowPlan, output: FollowOutput) -> int:
    """Run the scenario and return the exit status."""

    async def watched(environment: FollowEnvironment) -> bool:
        output.environment(environment.addresses, plan)
        watch = Watch(environment, lambda _: None)
        try:
            watch.start()
            found = await Controller(plan.steps, environment, watch, output).run()
        finally:
            await watch.close()
        output.common.checks(found)
        good = all(check.good for check in found)
        output.last_word(good=good)
        return good

    def run(folder: Path, _: Interrupt) -> Coroutine[Any, Any, bool]:
        return run_within(FollowEnvironment, plan, folder, output, watched)

    return await in_folder(run, output.common)


@dataclass(frozen=True, slots=True)
class Controller:
    """What moves the VirtualService, and looks at what followed."""

    steps: tuple[int, ...]
    environment: FollowEnvironment
    watch: Watch
    output: FollowOutput

    async def run(self) -> list[Check]:
        """Return the checks."""
        writes = [await self._write(weight) for weight in (*self.steps, 0)]
        self.output.writes(writes)
        found = [*checks.write_checks(writes), checks.abort_check(writes[-1])]
        found.append(checks.object_check(await self.environment.followed()))
        return [*found, *await self._finish()]

    async def _write(self, weight: int) -> Write:
        watch = self.watch
        at = await self.environment.write(weight)
        self.output.note(f"the controller writes {weight} %" if weight else "it aborts: 0 %")
        shown = lambda: watch.all(lambda one: one.weight == weight)  # noqa: E731
        await watch.until(shown, f"{weight} % on both gateways", PATIENCE_SECONDS)
        await watch.rest(BETWEEN_SECONDS)
        until = time.time()
        in_force_at = watch.first_in_force(weight, at)
        got, of = watch.arrivals.share((in_force_at or until) + SETTLE_SECONDS, until)
        return Write(
            weight,
            until - at,
            None if in_force_at is None else in_force_at - at,
            checks.last_after(watch.arrivals.all, at, until),
            of,
            Share("v2", got, of, weight / 100),
        )

    async def _finish(self) -> list[Check]:
        """Stop the load and the gateways, and check the orders and the queue."""
        watch, environment = self.watch, self.environment
        with self.output.common.working("waiting for the last orders, and for the gateways' end"):
            enough = lambda: watch.load.sent >= environment.plan.messages  # noqa: E731
            await watch.until(enough, "the orders to be sent", PATIENCE_SECONDS)
            await watch.until_processed()
            left = queue_check(await wait_until_empty([environment.queue]))
            stopped = stop_check(await environment.stop_gateways())
        return [*order_checks(watch.arrivals, watch.load.sent), left, stopped]
