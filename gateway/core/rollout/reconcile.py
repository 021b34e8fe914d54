"""A trial under a routing file that may have changed. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.core.rollout.state import RolloutPhase, TrialState
from gateway.core.rollout.transitions import begin, fresh_step, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.plan import Plan, Rollout


def reconcile(
    state: TrialState, plan: Plan, values: Sequence[float], now: float, weight: int | None
) -> TrialState:
    """Return the state under this plan, the same object where nothing changed.

    `weight` is the canary's by the plan before, in per cent; None: that of the file's split.

    Another revision, tag or address is a new trial. Other steps put it on the highest step that is
    not above its weight, so that a reload never raises a weight by itself. Other bounds begin the
    evidence of the step anew.
    """
    if state.trial != plan.trial:
        return _again(state, plan, values, now, weight, "a new revision")
    same_steps = state.steps_digest == plan.steps_digest and _is_of(state, plan)
    if same_steps and state.bounds_digest == plan.bounds_digest:
        return state
    changed = replace(state, steps_digest=plan.steps_digest, bounds_digest=plan.bounds_digest)
    if same_steps:
        return replace(fresh_step(changed, values, now), generation=state.generation + 1)
    if plan.rollout is None:
        return _without_plan(changed, plan, values, now, weight)
    if state.phase is RolloutPhase.IDLE:
        reason = "a plan for what was in service without one"
        return _again(state, plan, values, now, weight, reason)
    return _onto_steps(changed, plan, plan.rollout, values, now, weight or 0)


def _is_of(state: TrialState, plan: Plan) -> bool:
    """Whether phase and step are the plan's own: a state that was edited by hand may have any."""
    if plan.rollout is None:
        return state.phase in (RolloutPhase.IDLE, RolloutPhase.ABORTED)
    return state.phase is not RolloutPhase.IDLE and state.step < len(plan.rollout.steps)


def _again(
    state: TrialState,
    plan: Plan,
    values: Sequence[float],
    now: float,
    weight: int | None,
    reason: str,
) -> TrialState:
    fresh = begin(plan, values, now)
    kept = replace(fresh, history=state.history, generation=state.generation)
    return record(kept, plan, now, "begin", weight, reason)


def _without_plan(
    changed: TrialState, plan: Plan, values: Sequence[float], now: float, weight: int | None
) -> TrialState:
    aborted = changed.phase is RolloutPhase.ABORTED
    phase = RolloutPhase.ABORTED if aborted else RolloutPhase.IDLE
    idle = replace(fresh_step(changed, values, now), phase=phase, step=0, started=True)
    return record(idle, plan, now, "plan removed", weight, "the file has none")


def _onto_steps(
    changed: TrialState,
    plan: Plan,
    rollout: Rollout,
    values: Sequence[float],
    now: float,
    weight: int,
) -> TrialState:
    below = [at for at, step in enumerate(rollout.steps) if step.weight <= weight]
    step, last = max(below, default=0), len(rollout.steps) - 1
    started = changed.started and bool(below)  # a first step above the weight waits to be started
    promoted = changed.phase is RolloutPhase.PROMOTED
    goes_on = promoted and (step < last or not started)
    phase = RolloutPhase.WAITING if goes_on else changed.phase
    moved = fresh_step(replace(changed, step=step, started=started, phase=phase), values, now)
    return record(moved, plan, now, "steps changed", weight, "the routing file has other steps")
