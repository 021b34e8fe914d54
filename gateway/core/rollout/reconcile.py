"""A trial under a routing file that may have changed. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.core.rollout.state import RolloutPhase, TrialState
from gateway.core.rollout.transitions import begin, fresh_step, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.plan import Plan, Rollout


def reconcile(state: TrialState, plan: Plan, values: Sequence[float], now: float) -> TrialState:
    """Return the state under this plan, the same object where nothing changed.

    Another revision, tag or address is a new trial. Other steps put it on the highest step that is
    not above its weight, so that a reload never raises a weight by itself. Other bounds begin the
    evidence of the step anew.
    """
    if state.trial != plan.trial:
        return _again(state, plan, values, now, "a new revision")
    same_steps = state.steps_digest == plan.steps_digest
    if same_steps and state.bounds_digest == plan.bounds_digest:
        return state
    changed = replace(state, steps_digest=plan.steps_digest, bounds_digest=plan.bounds_digest)
    if same_steps:
        return replace(fresh_step(changed, values, now), generation=state.generation + 1)
    if plan.rollout is None:
        return _without_plan(changed, plan, values, now)
    if state.phase is RolloutPhase.IDLE:
        return _again(state, plan, values, now, "a plan for what was in service without one")
    return _onto_steps(changed, plan, plan.rollout, values, now)


def _again(
    state: TrialState, plan: Plan, values: Sequence[float], now: float, reason: str
) -> TrialState:
    fresh = begin(plan, values, now)
    kept = replace(fresh, history=state.history, generation=state.generation)
    return record(kept, plan, now, "begin", _weight_before(state), reason)


def _without_plan(
    changed: TrialState, plan: Plan, values: Sequence[float], now: float
) -> TrialState:
    aborted = changed.phase is RolloutPhase.ABORTED
    phase = RolloutPhase.ABORTED if aborted else RolloutPhase.IDLE
    idle = replace(fresh_step(changed, values, now), phase=phase, step=0, started=True)
    return record(idle, plan, now, "plan removed", _weight_before(changed), "the file has none")


def _onto_steps(
    changed: TrialState, plan: Plan, rollout: Rollout, values: Sequence[float], now: float
) -> TrialState:
    before = _weight_before(changed)
    below = [at for at, step in enumerate(rollout.steps) if step.weight <= (before or 0)]
    if changed.phase is RolloutPhase.PROMOTED:
        below = [len(rollout.steps) - 1]
    started = changed.started and bool(below)  # a first step above the weight waits to be started
    moved = replace(changed, step=max(below, default=0), started=started)
    moved = fresh_step(moved, values, now)
    return record(moved, plan, now, "steps changed", before, "the routing file has other steps")


def _weight_before(state: TrialState) -> int | None:
    return state.history[-1].weight_after if state.history else None
