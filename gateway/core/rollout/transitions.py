"""The transitions of a trial: each records what it did, when, by whom and why. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.judge import Verdict
from gateway.core.rollout.plan import PROBE_WEIGHT
from gateway.core.rollout.starts import first_start, restart
from gateway.core.rollout.state import Entry, RolloutPhase, TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.judge import RollbackCause
    from gateway.core.rollout.plan import Plan

BY_ITSELF: Final = "the gateway"


def begin(plan: Plan, values: Sequence[float], now: float) -> TrialState:
    """Return the state of a new trial. `values` is the evidence so far, which does not count."""
    rollout = plan.rollout
    started = rollout is None or rollout.starts_by_itself
    phase = RolloutPhase.IDLE if rollout is None else RolloutPhase.WAITING
    state = TrialState(
        trial=plan.trial,
        steps_digest=plan.steps_digest,
        bounds_digest=plan.bounds_digest,
        phase=phase,
        since=now,
        started=started,
        reason="" if started else "waits to be started",
        starts=first_start(values, now),
        evidence_at_step=tuple(values),
    )
    return record(state, plan, now, "begin", None, state.reason)


def canary_weight(state: TrialState, plan: Plan) -> int | None:
    """Return the canary's weight in per cent; None: that of the routing file's split."""
    if state.probing:
        return PROBE_WEIGHT
    if state.phase is RolloutPhase.ABORTED:
        return 0
    if plan.rollout is None:
        return None
    return plan.rollout.steps[state.step].weight if state.started else 0


def next_step(
    state: TrialState, plan: Plan, values: Sequence[float], now: float, by: str, reason: str
) -> TrialState:
    """Go one step on; the last step leads to `promoted`."""
    rollout = plan.rollout
    before = canary_weight(state, plan)
    if rollout is None or state.step + 1 >= len(rollout.steps):
        return promote_to_end(state, plan, now, by, before, reason)
    moved = replace(
        state,
        step=state.step + 1,
        phase=RolloutPhase.WAITING,
        reason="",
        verdict=Verdict.WAIT,
        starts=restart(state.starts, values, now),
        evidence_at_step=tuple(values),
        since=now,
    )
    return record(moved, plan, now, "step", before, reason, by)


def promote_to_end(
    state: TrialState, plan: Plan, now: float, by: str, before: int | None, reason: str
) -> TrialState:
    """End the rollout at the weight of its present step."""
    promoted = replace(
        state,
        phase=RolloutPhase.PROMOTED,
        reason=reason,
        since=now,
        verdict=Verdict.PASS,
    )
    return record(promoted, plan, now, "promote", before, reason, by)


def hold(state: TrialState, plan: Plan, now: float, reason: str, by: str = BY_ITSELF) -> TrialState:
    """Pause at the present weight."""
    held = replace(state, phase=RolloutPhase.PAUSED, reason=reason)
    return record(held, plan, now, "pause", canary_weight(state, plan), reason, by)


def fresh_step(state: TrialState, values: Sequence[float], now: float) -> TrialState:
    """Begin the evidence of the step, and its time, anew."""
    return replace(
        state,
        starts=first_start(values, now),
        evidence_at_step=tuple(values),
        since=now,
        verdict=_verdict_of(state),
        p_value=1.0,
    )


def _verdict_of(state: TrialState) -> Verdict:
    """Return the verdict without evidence; what has ended keeps its own, for who gates on it."""
    if state.phase is RolloutPhase.PROMOTED:
        return Verdict.PASS
    ended = state.phase is RolloutPhase.ABORTED and not state.probing
    return state.verdict if ended else Verdict.WAIT


def record(
    state: TrialState,
    plan: Plan,
    now: float,
    action: str,
    before: int | None,
    reason: str,
    by: str = BY_ITSELF,
    cause: RollbackCause | None = None,
) -> TrialState:
    """Return the state with an entry in its history."""
    return state.record(Entry(now, by, action, before, canary_weight(state, plan), reason, cause))
