"""A route's rollout as it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.rollout.judge import Verdict, counts_between
from gateway.core.rollout.route_state import RouteState, Torn
from gateway.core.rollout.state import RolloutPhase
from gateway.rollout_port import RolloutView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.plan import Plan
    from gateway.core.rollout.state import TrialState
    from gateway.core.routing.route import Route
    from gateway.runtime.rollouts.route_rollout import RouteRollout

_ALL: Final = 100.0
_UNJUDGED: Final = "nothing judges this route"
_JUST_BEGUN: Final = "the step has just begun"
_PASSES: Final = "the evidence is clear: the canary passes"
_NOT_BEGUN: Final = "the trial has not begun yet"


def view_of(rollout: RouteRollout, problems: Sequence[str]) -> RolloutView:
    """Return the view of one route's rollout."""
    shown, plan = rollout.shown, rollout.plan
    state = shown if isinstance(shown, RouteState) else None
    weights = {} if rollout.in_force is None else _per_cent(rollout.in_force)
    override = None if state is None else state.override
    if plan is None:
        return RolloutView(
            rollout.name,
            RolloutPhase.NONE,
            weights=weights,
            override=override,
            reason=shown.why if isinstance(shown, Torn) else _UNJUDGED,
            generation=0 if state is None else state.generation,
            problems=problems,
        )
    trial = None if state is None else state.trial
    if trial is None:
        torn = isinstance(shown, Torn)
        return RolloutView(
            rollout.name,
            RolloutPhase.PAUSED if torn else RolloutPhase.WAITING,
            plan,
            weights=weights,
            override=override,
            verdict=Verdict.WAIT,
            reason=f"the state is torn: {shown.why}" if isinstance(shown, Torn) else _NOT_BEGUN,
            problems=problems,
        )
    canary, stable = counts_between(rollout.values, trial.evidence_at_step)
    return RolloutView(
        rollout.name,
        trial.phase,
        plan,
        step=trial.step,
        weights=weights,
        override=override,
        since=trial.since,
        deadline=_deadline(plan, trial),
        verdict=trial.verdict,
        reason=trial.reason or (_PASSES if trial.verdict is Verdict.PASS else _JUST_BEGUN),
        p_value=trial.p_value,
        canary=canary,
        stable=stable,
        generation=0 if state is None else state.generation,
        history=trial.history,
        problems=problems,
    )


def _per_cent(route: Route) -> Mapping[str, float]:
    """Return the weights of a route's split, or of what it follows, in per cent."""
    if route.split is None and route.follow is None:
        return {}
    weights = route.split_weights()
    total = sum(weights.values())
    return {name: round(_ALL * weight / total, 2) for name, weight in weights.items()}


def _deadline(plan: Plan, trial: TrialState) -> float | None:
    rollout = plan.rollout
    if rollout is None or rollout.deadline_seconds is None or not trial.started:
        return None
    if trial.phase not in (RolloutPhase.WAITING, RolloutPhase.PROGRESSING):
        return None
    return trial.since + rollout.deadline_seconds
