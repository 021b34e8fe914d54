"""A canary that goes to weight 0, and what follows. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.judge import Bounds, Verdict
from gateway.core.rollout.plan import PROBE_WEIGHT, OnTrouble, Then
from gateway.core.rollout.state import RolloutPhase, TrialState
from gateway.core.rollout.step_gate import StepGate, find_wait
from gateway.core.rollout.transitions import canary_weight, fresh_step, hold, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.judge import Judgement
    from gateway.core.rollout.plan import Plan, Rollback

MAX_COOLDOWN_SECONDS: Final = 86_400.0


def limits_of(plan: Plan) -> Bounds:
    """Return what the canary is held to: where a rollout has no limit, a rollback's counts."""
    bounds = plan.bounds
    if bounds.max_failure_ratio is None and plan.rollback is not None:
        return replace(bounds, max_failure_ratio=plan.rollback.max_failure_ratio)
    return bounds


def bounds_of(plan: Plan, state: TrialState) -> Bounds:
    """Return what the canary is held to; after each abort a false one must be half as likely."""
    bounds = limits_of(plan)
    return bounds if not state.aborts else replace(bounds, alpha_factor=0.5**state.aborts)


def abort(state: TrialState, plan: Plan, judgement: Judgement, now: float) -> TrialState:
    """Set the canary to weight 0, or hold it where the plan says so (`on_failure: pause`)."""
    judged = replace(state, verdict=Verdict.ABORT, p_value=judgement.p_value)
    rollout = plan.rollout
    promoted = state.phase is RolloutPhase.PROMOTED
    if rollout is not None and rollout.on_failure is OnTrouble.PAUSE and not promoted:
        return hold(judged, plan, now, judgement.reason)
    aborts = state.aborts + 1
    aborted = replace(
        judged,
        phase=RolloutPhase.ABORTED,
        since=now,
        reason=judgement.reason,
        aborts=aborts,
        probing=False,
        probe_at=_probe_at(plan.rollback, aborts, now),
    )
    before = canary_weight(state, plan)
    return record(aborted, plan, now, "abort", before, judgement.reason, cause=judgement.cause)


def probe_if_due(state: TrialState, plan: Plan, values: Sequence[float], now: float) -> TrialState:
    """Give an aborted canary 1 % again once its cooldown is over (`then: probe`)."""
    if state.probe_at is None or now < state.probe_at:
        return state
    probing = replace(state, probing=True, probe_at=None, reason="a probe at 1 %")
    probing = fresh_step(probing, values, now)
    return record(probing, plan, now, "probe", 0, "the cooldown is over")


def end_probe_if_clear(
    state: TrialState, plan: Plan, values: Sequence[float], now: float
) -> TrialState:
    """Give the canary its weight back once the probe's window is over without a verdict."""
    rollback = plan.rollback
    over = rollback is None or now - state.since >= rollback.window_seconds
    if not over and _wait(state, plan, values, now):
        return state
    phase = RolloutPhase.IDLE if plan.rollout is None else RolloutPhase.WAITING
    back = replace(state, probing=False, phase=phase, reason="")
    return record(fresh_step(back, values, now), plan, now, "restore", PROBE_WEIGHT, "clear")


def wait_of_idle(state: TrialState, plan: Plan, values: Sequence[float], now: float) -> TrialState:
    """Keep the verdict of a route without a plan, so that a controller can gate on it."""
    if state.phase is not RolloutPhase.IDLE:
        return state
    waits_for = _wait(state, plan, values, now)
    verdict = Verdict.WAIT if waits_for else Verdict.PASS
    if (verdict, waits_for) == (state.verdict, state.reason):
        return state
    return replace(state, verdict=verdict, reason=waits_for)


def _wait(state: TrialState, plan: Plan, values: Sequence[float], now: float) -> str:
    rollback = plan.rollback
    gate = StepGate(1 if rollback is None else rollback.min_messages, 0.0)
    since, seconds = state.evidence_at_step, now - state.since
    return find_wait(values, since, gate, plan.bounds, seconds=seconds, weight=PROBE_WEIGHT)


def _probe_at(rollback: Rollback | None, aborts: int, now: float) -> float | None:
    """Return when a probe may come: the cooldown doubles with each abort."""
    if rollback is None or rollback.then is not Then.PROBE:
        return None
    cooldown = rollback.cooldown_seconds * float(2 ** min(aborts - 1, 32))
    return now + min(cooldown, max(MAX_COOLDOWN_SECONDS, rollback.cooldown_seconds))
