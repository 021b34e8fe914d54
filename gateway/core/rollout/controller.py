"""Moves a trial on by time and evidence. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.core.rollout.judge import RollbackCause, Verdict, counts_between, find_abort
from gateway.core.rollout.plan import OnTrouble
from gateway.core.rollout.rollback import (
    abort,
    bounds_of,
    end_probe_if_clear,
    probe_if_due,
    wait_of_idle,
)
from gateway.core.rollout.starts import is_due, restart
from gateway.core.rollout.state import RolloutPhase, TrialState
from gateway.core.rollout.step_gate import StepGate, find_wait
from gateway.core.rollout.transitions import BY_ITSELF, canary_weight, hold, next_step, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.judge import Judgement
    from gateway.core.rollout.plan import Plan, Rollout


def advance(state: TrialState, plan: Plan, values: Sequence[float], now: float) -> TrialState:
    """Return the state after a look at the evidence, the same object where nothing changes.

    Call it after each failure of the canary, and about once a second.
    """
    if state.phase is RolloutPhase.ABORTED and not state.probing:
        return probe_if_due(state, plan, values, now)
    return state if _is_held(state, plan) else _judge(state, plan, values, now)


def _judge(state: TrialState, plan: Plan, values: Sequence[float], now: float) -> TrialState:
    judgement, p_value = _find_abort(state, plan, values, now)
    if judgement is not None:
        return abort(state, plan, judgement, now)
    if p_value != state.p_value:
        state = replace(state, p_value=p_value)
    window = None if plan.rollback is None else plan.rollback.window_seconds
    if is_due(state.starts, values, now=now, window_seconds=window):
        state = replace(state, starts=restart(state.starts, values, now))
    if state.probing:
        return end_probe_if_clear(state, plan, values, now)
    if plan.rollout is None:
        return wait_of_idle(state, plan, values, now)
    if not state.started or state.phase is RolloutPhase.PROMOTED:
        return state
    return _judge_step(state, plan, plan.rollout, values, now)


def _is_held(state: TrialState, plan: Plan) -> bool:
    """Whether evidence has paused it: that verdict stays, and is recorded once."""
    if state.phase is not RolloutPhase.PAUSED or state.verdict is not Verdict.ABORT:
        return False
    return plan.rollout is not None and plan.rollout.on_failure is OnTrouble.PAUSE


def _find_abort(
    state: TrialState, plan: Plan, values: Sequence[float], now: float
) -> tuple[Judgement | None, float]:
    """Return what aborts, and the p-value so far; without a plan only a rollback aborts."""
    without_plan = plan.rollout is None or state.phase is RolloutPhase.PROMOTED
    if without_plan and plan.rollback is None:
        return None, 1.0
    judgement, p_value = find_abort(values, state.starts, bounds_of(plan, state))
    if judgement is None or not without_plan or plan.rollback is None:
        return judgement, p_value
    fires = plan.rollback.fires(state.starts, values, now)
    return judgement if fires else None, p_value


def _judge_step(
    state: TrialState, plan: Plan, rollout: Rollout, values: Sequence[float], now: float
) -> TrialState:
    step = rollout.steps[state.step]
    waits_for = find_wait(
        values,
        state.evidence_at_step,
        StepGate(rollout.min_messages, step.seconds),
        plan.bounds,
        seconds=now - state.since,
        weight=step.weight,
    )
    verdict = Verdict.WAIT if waits_for else Verdict.PASS
    if verdict is not state.verdict:
        state = replace(state, verdict=verdict)
    if state.phase is RolloutPhase.PAUSED:
        return state
    if not waits_for:
        if step.gate:
            return hold(state, plan, now, "passed; waits for resume")
        return next_step(state, plan, values, now, BY_ITSELF, "passed")
    if rollout.deadline_seconds is not None and now - state.since >= rollout.deadline_seconds:
        return _past_deadline(state, plan, rollout, now, waits_for)
    canary, _ = counts_between(values, state.evidence_at_step)
    phase = RolloutPhase.PROGRESSING if canary.messages else RolloutPhase.WAITING
    if (phase, waits_for) == (state.phase, state.reason):
        return state
    return replace(state, phase=phase, reason=waits_for)


def _past_deadline(
    state: TrialState, plan: Plan, rollout: Rollout, now: float, waits_for: str
) -> TrialState:
    reason = f"the deadline of the step has passed: {waits_for}"
    if rollout.on_deadline is OnTrouble.PAUSE:
        return hold(state, plan, now, reason)
    before = canary_weight(state, plan)
    ended = replace(state, phase=RolloutPhase.ABORTED, since=now, reason=reason)
    return record(ended, plan, now, "abort", before, reason, cause=RollbackCause.DEADLINE)
