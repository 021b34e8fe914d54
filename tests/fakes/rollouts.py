"""Rollouts in memory: a test sets what there is to see, and what fails; verbs do as they do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.core.rollout.judge import Bounds, Counts, Verdict
from gateway.core.rollout.next_state import after_verb, after_weights
from gateway.core.rollout.plan import Plan, Rollback, Rollout, Step
from gateway.core.rollout.route_state import RouteState
from gateway.core.rollout.starts import NOTHING
from gateway.core.rollout.state import Entry, RolloutPhase
from gateway.core.rollout.transitions import begin, canary_weight
from gateway.core.rollout.verbs import PhaseConflictError
from gateway.core.routing.override import check_weights
from gateway.rollout_port import RolloutView, UnknownRouteError
from tests.builders import route as route_of
from tests.builders import version

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

    `seen` may be changed at any time; `splits` are the weights of each route without rollout or
    override. `asked` has every change that was asked for, refused or not.
    """

    def __init__(self, *views: RolloutView, stable: str = "stable") -> None:
        self.seen = {each.route: each for each in views}
        self.splits = {each.route: each.weights for each in views}
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
        if view.plan is None:
            raise PhaseConflictError(f"nothing judges route {route}: there is no rollout to {verb}")
        known = _state_of(view, view.plan)
        after = after_verb(
            known, view.plan, verb, NOTHING, self.now, full=full, by=by, reason=reason
        )
        return self._show(view, known, after)

    async def set_weights(self, route: str, weights: Mapping[str, int], *, by: str) -> RolloutView:
        """Set weights; raises WeightsError."""
        view = self._ask(Asked("set", route, by, weights=dict(weights)))
        versions = [version(name) for name in view.weights]
        stable = next(each for each in versions if each.name == self.stable)
        wanted = check_weights(route_of(name=route, versions=versions, stable=stable), weights)
        known = _state_of(view, view.plan)
        return self._show(
            view, known, after_weights(known, view.plan, wanted, NOTHING, self.now, by=by)
        )

    async def clear_weights(self, route: str, *, by: str) -> RolloutView:
        """Take back what was set."""
        view = self._ask(Asked("clear", route, by))
        known = _state_of(view, view.plan)
        return self._show(
            view, known, after_weights(known, view.plan, None, NOTHING, self.now, by=by)
        )

    def _ask(self, asked: Asked) -> RolloutView:
        self.asked.append(asked)
        view = self.view(asked.route)
        if self.error is not None:
            raise self.error
        return view

    def _show(self, view: RolloutView, known: RouteState, after: RouteState) -> RolloutView:
        if after == known:
            return view
        shown = replace(
            view,
            override=after.override,
            weights=self._weights(view, after),
            generation=view.generation + 1,
        )
        trial = after.trial
        if trial is not None:
            shown = replace(
                shown,
                phase=trial.phase,
                step=trial.step,
                since=trial.since,
                verdict=trial.verdict,
                reason=trial.reason,
                history=trial.history,
            )
        self.seen[view.route] = shown
        return shown

    def _weights(self, view: RolloutView, after: RouteState) -> Mapping[str, float]:
        if after.override is not None:
            whole = sum(after.override.values())
            return {name: 100 * weight / whole for name, weight in after.override.items()}
        weight = after.weight
        if view.plan is None or weight is None:
            return self.splits.get(view.route, view.weights)
        return {self.stable: 100.0 - weight, view.plan.canary: float(weight)}


def _state_of(view: RolloutView, plan: Plan | None) -> RouteState:
    """Return what would be stored of a route that is shown like this."""
    if plan is None:
        return RouteState(override=view.override)
    trial = replace(
        begin(plan, NOTHING, view.since),
        phase=view.phase,
        step=view.step,
        started=True,
        verdict=view.verdict,
        reason=view.reason,
        history=tuple(view.history),
    )
    return RouteState(1, canary_weight(trial, plan), trial, view.override)
