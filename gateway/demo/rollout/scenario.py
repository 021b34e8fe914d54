"""The scenarios: a good canary that is promoted, and a bad one that is rolled back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.audit import Share
from gateway.demo.checks import queue_check
from gateway.demo.embedded_sqs import wait_until_empty
from gateway.demo.rollout import checks
from gateway.demo.rollout.checks import Resumed, Row
from gateway.demo.rollout.environment import TrialEnvironment
from gateway.demo.rollout.plan import Trouble
from gateway.demo.rollout.running import run_within
from gateway.demo.rollout.trial import periods
from gateway.demo.rollout.watch import Watch
from gateway.demo.scenario import in_folder

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from pathlib import Path

    from gateway.demo.checks import Check
    from gateway.demo.interrupt import Interrupt
    from gateway.demo.rollout.output import TrialOutput
    from gateway.demo.rollout.plan import TrialPlan
    from gateway.demo.rollout.trial import Change, Period, Trial

PATIENCE_SECONDS: Final = 240.0
"""How long a step may take here: machines may be busy."""

SETTLE_SECONDS: Final = 0.5
"""What was decided by the weight before has arrived by then."""

AWAY_SECONDS: Final = 3.0
WELL_MESSAGES: Final = 10
KILL_STEP: Final = 1
INTO_STEP_SECONDS: Final = 1.0
RESUME_SECONDS: Final = 60.0


async def run_rollout(plan: TrialPlan, output: TrialOutput) -> int:
    """Run a scenario and return the exit status."""

    def run(folder: Path, _: Interrupt) -> Coroutine[Any, Any, bool]:
        return Scenario(plan, folder, output).run()

    return await in_folder(run, output.common)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run."""

    plan: TrialPlan
    folder: Path
    output: TrialOutput

    async def run(self) -> bool:
        """Start, watch, check and stop; return whether every check passed."""
        return await run_within(
            TrialEnvironment, self.plan, self.folder, self.output, self._watched
        )

    async def _watched(self, environment: TrialEnvironment) -> bool:
        self.output.environment(environment.addresses, self.plan)
        watch = Watch(environment, self.output.change)
        run = BadCanary if self.plan.is_bad else GoodCanary
        try:
            watch.start()
            found = await run(self.plan, environment, watch, self.output).run()
        finally:
            await watch.close()
        rows = list(rows_of(watch))
        self.output.table(rows)
        found += [*checks.share_checks(rows)]
        self.output.common.checks(found)
        good = all(check.good for check in found)
        self.output.end(self.plan, good=good)
        return good


@dataclass(frozen=True, slots=True)
class _Canary:
    """What both scenarios do."""

    plan: TrialPlan
    environment: TrialEnvironment
    watch: Watch
    output: TrialOutput

    async def _kill(self, index: int) -> Resumed:
        """Kill a gateway, start it again, and watch until it shows the rollout."""
        watch, environment = self.watch, self.environment
        victim = environment.replicas[index]
        before = _known([watch.trials[index], *watch.trials])[0]
        self.output.note(f"kill -9 of {victim.name}, and a new start")
        killed_at = await environment.kill(victim)
        await environment.start_again(victim)
        found: list[Resumed] = []

        def goes_on() -> bool:
            after = watch.trials[index]
            if after is None:
                return False
            seconds = time.time() - killed_at
            others = _known([*watch.trials[:index], *watch.trials[index + 1 :]])
            found.append(Resumed(killed_at, seconds, before, after, others))
            return checks.resumed_check(found[-1]).good or seconds > RESUME_SECONDS

        await watch.until(goes_on, f"{victim.name} to show the rollout", PATIENCE_SECONDS)
        return found[-1]

    async def _finish(self, rollbacks: int) -> list[Check]:
        """Stop the load and the gateways, and check the logs, the metrics and the queue."""
        watch, environment = self.watch, self.environment
        with self.output.common.working("waiting for the last orders, and for the gateways' end"):
            enough = lambda: watch.load.sent >= self.plan.messages  # noqa: E731
            await watch.until(enough, f"{self.plan.messages:,} orders sent", PATIENCE_SECONDS)
            await watch.until_processed()
            left = queue_check(await wait_until_empty([environment.queue]))
            counted = sum([await replica.rollbacks() for replica in environment.replicas])
            stopped = checks.stop_check(await environment.stop_gateways())
        lines = [
            line for replica in environment.replicas for line in replica.lines("canary rolled back")
        ]
        return [
            checks.log_check(lines, rollbacks),
            checks.metric_check(counted, rollbacks),
            left,
            stopped,
        ]


class BadCanary(_Canary):
    """B1 fails from its first message on, is rolled back, is mended, and is tried again.

    While its weight is 0 a gateway is killed, and started again.
    """

    async def run(self) -> list[Check]:
        """Return the checks."""
        watch = self.watch
        await watch.until(self._is_gone, "the rollback", PATIENCE_SECONDS)
        abort = next(change for change in watch.history if change.action == "abort")
        in_force_at = watch.first_in_force(0, abort.at)
        await watch.rest(AWAY_SECONDS)
        resumed = await self._kill(1)
        away_until = time.time()
        found = [*self._rollback_checks(abort, in_force_at, away_until)]
        found += [checks.resumed_check(resumed), await self._retry()]
        last = await self._finish(1)
        orders = checks.order_checks(watch.arrivals, watch.load.sent, [resumed.killed_at])
        return [*found, *orders, *last]

    def _is_gone(self) -> bool:
        return self.watch.all(lambda one: one.last("abort") and one.weight == 0)

    def _rollback_checks(
        self, abort: Change, in_force_at: float | None, away_until: float
    ) -> Iterator[Check]:
        watch = self.watch
        canary = watch.arrivals.canary()
        bad = [one for one in canary if not one.good or one.at - one.began >= 1.0]
        yield from checks.rollback_checks(abort, in_force_at, canary, bad)
        settled = (in_force_at or abort.at) + SETTLE_SECONDS
        yield checks.away_check(len(watch.arrivals.canary(settled, away_until)))

    async def _retry(self) -> Check:
        watch, environment = self.watch, self.environment
        await environment.trouble(Trouble())
        self.output.note("B1 is mended; POST /api/routes/orders/rollout/retry")
        await environment.replicas[0].command("retry", "B1 is mended")
        again_at = time.time()
        in_force = lambda: watch.all(lambda one: one.weight == self.plan.steps[0])  # noqa: E731
        await watch.until(in_force, "the first weight again", PATIENCE_SECONDS)
        well = lambda: len(self._well(again_at)) >= WELL_MESSAGES  # noqa: E731
        await watch.until(well, "messages of the mended canary", PATIENCE_SECONDS)
        return checks.retry_check(len(self._well(again_at)), WELL_MESSAGES)

    def _well(self, since: float) -> Sequence[object]:
        return [one for one in self.watch.arrivals.canary(since) if one.good]


class GoodCanary(_Canary):
    """B1 is as good as B; a gateway is killed in the middle of a step, the other one at the end."""

    async def run(self) -> list[Check]:
        """Return the checks."""
        watch, resumed = self.watch, []
        if len(self.plan.steps) > KILL_STEP:
            there = lambda: watch.all(lambda one: one.step >= KILL_STEP)  # noqa: E731
            await watch.until(there, "the second step", PATIENCE_SECONDS)
            await watch.rest(INTO_STEP_SECONDS)
            resumed.append(await self._kill(0))
        seconds = PATIENCE_SECONDS * len(self.plan.steps)
        await watch.until(self._has_ended, "the end of the rollout", seconds)
        resumed.append(await self._kill(1))
        history = tuple(watch.history)
        last = await self._finish(0)
        return [
            checks.promoted_check(history, self.plan.steps),
            *map(checks.resumed_check, resumed),
            *checks.order_checks(
                watch.arrivals, watch.load.sent, [one.killed_at for one in resumed]
            ),
            *last,
        ]

    def _has_ended(self) -> bool:
        return self.watch.all(lambda one: one.phase in ("promoted", "aborted", "paused"))


def rows_of(watch: Watch) -> Iterator[Row]:
    """Yield what was seen of each period."""
    now = time.time()
    for period in periods(watch.history):
        until = now if period.until is None else period.until
        yield _row(watch, period, until)


def _row(watch: Watch, period: Period, until: float) -> Row:
    in_force_at = watch.in_force_from(period.weight, period.since, until)
    got, of = 0, 0
    if in_force_at is not None:
        got, of = watch.arrivals.share(in_force_at + SETTLE_SECONDS, until)
    canary = watch.arrivals.canary(period.since, until)
    failed = sum(not one.good for one in canary)
    share = Share("v2", got, of, period.weight / 100)
    return Row(period, until - period.since, of, len(canary), failed, share)


def _known(trials: Sequence[Trial | None]) -> Sequence[Trial]:
    return [one for one in trials if one is not None]
