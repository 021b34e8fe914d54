"""Rollouts in memory: a test sets what there is to see, and what fails; verbs do as they do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.core.rollout.judge import Bounds, Counts, Verdict
from gateway.core.rollout.plan import Plan, Rollback, Rollout, Step
from gateway.core.rollout.starts import NOTHING
from gateway.core.rollout.state import Entry, RolloutPhase
from gateway.core.rollout.transitions import begin, canary_weight
from gateway.core.rollout.verbs import PhaseConflictError, command
from gateway.rollout_port import RolloutView, UnknownRouteError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.verbs import Verb

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00.000Z."""

PLAN = Plan(
    "canary",
    "http://canary.test/",
    "v2",
    "2026-11-29.1",
    Rollout((Step(1), Step(5), Step(25, gate=True), Step(100, 3600.0))),
    bounds=Bounds(max_failure_ratio=0.02, max_p99_seconds=2.0),
)
ROLLBACK = Plan("canary", "http://canary.test/", "v2", rollback=Rollback(0.1))


def rollout_view(route: str = "orders", **rest: object) -> RolloutView:
    """Make a rollout at step 2 of 4, 5 % to its canary, that waits for messages."""
    usual = RolloutView(
        route,
        RolloutPhase.PROGRESSING,
        PLAN,
        step=1,
        weights={"stable": 95.0, "canary": 5.0},
        since=NOW - 60,
        deadline=NOW + 86_400,
        verdict=Verdict.WAIT,
        reason="132 of 200 messages",
        canary=Counts(132, 1, 0),
        stable=Counts(2514, 3, 1),
        generation=17,
        history=(Entry(NOW - 60, "the gateway", "step", 1, 5, "passed"),),
    )
    return replace(usual, **rest)  # type: ignore[arg-type]


def unjudged_view(route: str = "orders", **rest: object) -> RolloutView:
    """Make the view of a route that nothing judges, with a split of 90 : 10."""
    usual = RolloutView(route, RolloutPhase.NONE, weights={"stable": 90.0, "canary": 10.0})
    return replace(usual, **rest)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: a verb, "set" with weights, or "clear"."""

    what: str
    route: str
    by: str
    reason: str = ""
    full: bool = False
    weights: Mapping[str, int] | None = None


class FakeRollouts:
    """Rollouts by route, in file order; `error` is raised in place of every change.

    `seen` may be changed at any time. `asked` has every change that was asked for, refused or not.
    """

    def __init__(self, *views: RolloutView, stable: str = "stable") -> None:
        self.seen = {each.route: each for each in views}
        self.stable = stable
        self.asked: list[Asked] = []
        self.error: Exception | None = None
        self.now = NOW

    def view(self, route: str) -> RolloutView:
        """Return the route's rollout."""
        if route not in self.seen:
            there_are = ", ".join(self.seen) or "none"
            raise UnknownRouteError(f"no route is called {route}; there are: {there_are}")
        return self.seen[route]

    @property
    def problems(self) -> Sequence[str]:
        """What is wrong by the views."""
        return tuple(dict.fromkeys(why for each in self.seen.values() for why in each.problems))

    def views(self) -> Sequence[RolloutView]:
        """Return those of all routes."""
        return tuple(self.seen.values())

    async def command(
        self, route: str, verb: Verb, *, full: bool = False, by: str, reason: str = ""
    ) -> RolloutView:
        """Do what a person asks, by the rules of the real ones."""
        view = self._ask(Asked(verb.value, route, by, reason, full))
        plan = view.plan
        if plan is None:
            raise PhaseConflictError(f"the phase is none: there is no rollout to {verb}")
        before = replace(
            begin(plan, NOTHING, view.since),
            phase=view.phase,
            step=view.step,
            generation=view.generation,
            history=tuple(view.history),
            verdict=view.verdict,
            reason=view.reason,
        )
        after = command(before, plan, verb, NOTHING, self.now, full=full, by=by, reason=reason)
        if after is before:
            return view
        weight = canary_weight(after, plan)
        weights = view.weights if weight is None or view.override else self._shares(plan, weight)
        return self._show(
            replace(
                view,
                phase=after.phase,
                step=after.step,
                since=after.since,
                verdict=after.verdict,
                reason=after.reason,
                generation=after.generation,
                history=after.history,
                weights=weights,
            )
        )

    async def set_weights(self, route: str, weights: Mapping[str, int], *, by: str) -> RolloutView:
        """Set weights; raises WeightsError."""
        view = self._ask(Asked("set", route, by, weights=dict(weights)))
        for name in weights:
            if name not in view.weights:
                raise WeightsError(f"{name} is no version of {route}")
        if min(weights.values()) < 0 or sum(weights.values()) > 100:
            raise WeightsError("weights are 0 to 100 in all")
        override = {**weights}
        override.setdefault(self.stable, 100 - sum(weights.values()))
        whole = sum(override.values())
        if not whole:
            raise WeightsError("every weight is 0")
        shares = {name: 100 * override.get(name, 0) / whole for name in view.weights}
        moves = view.phase in (RolloutPhase.WAITING, RolloutPhase.PROGRESSING)
        phase = RolloutPhase.PAUSED if moves else view.phase
        return self._change(view, override, shares, by, "weights", phase)

    async def clear_weights(self, route: str, *, by: str) -> RolloutView:
        """Take back what was set."""
        view = self._ask(Asked("clear", route, by))
        if view.override is None:
            return view
        shares = view.weights
        if view.plan is not None and view.plan.rollout is not None:
            aborted = view.phase is RolloutPhase.ABORTED
            weight = 0 if aborted else view.plan.rollout.steps[view.step].weight
            shares = self._shares(view.plan, weight)
        return self._change(view, None, shares, by, "clear", view.phase)

    def _ask(self, asked: Asked) -> RolloutView:
        self.asked.append(asked)
        view = self.view(asked.route)
        if self.error is not None:
            raise self.error
        return view

    def _change(
        self,
        view: RolloutView,
        override: Mapping[str, int] | None,
        weights: Mapping[str, float],
        by: str,
        action: str,
        phase: RolloutPhase,
    ) -> RolloutView:
        if override == view.override:
            return view
        entry = Entry(self.now, by, action, None, None, "by hand")
        return self._show(
            replace(
                view,
                override=override,
                weights=weights,
                phase=phase,
                generation=view.generation + 1,
                history=(*view.history, entry),
            )
        )

    def _shares(self, plan: Plan, weight: int) -> dict[str, float]:
        return {self.stable: 100.0 - weight, plan.canary: float(weight)}

    def _show(self, view: RolloutView) -> RolloutView:
        self.seen[view.route] = view
        return view
