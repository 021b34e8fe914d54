"""What a person or a controller may ask of a trial. Pure."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.core.rollout.judge import RollbackCause, Verdict
from gateway.core.rollout.state import RolloutPhase, TrialState
from gateway.core.rollout.transitions import (
    BY_ITSELF,
    begin,
    canary_weight,
    fresh_step,
    hold,
    next_step,
    promote_to_end,
    record,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.plan import Plan


class Verb(StrEnum):
    """What a person or a controller may ask of a rollout."""

    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    ABORT = "abort"
    RETRY = "retry"


class PhaseConflictError(Exception):
    """The phase does not allow the verb; `str()` is a sentence with the phase."""


def command(
    state: TrialState,
    plan: Plan,
    verb: Verb,
    values: Sequence[float],
    now: float,
    *,
    full: bool = False,
    by: str = BY_ITSELF,
    reason: str = "",
) -> TrialState:
    """Return the state after a verb; raises PhaseConflictError where the phase does not allow it.

    A verb whose result already holds changes nothing.
    """
    if state.phase is RolloutPhase.PROMOTED and not (verb is Verb.PROMOTE and full):
        raise PhaseConflictError(f"the rollout is promoted: {verb} needs a new revision")
    if plan.rollout is None and verb is not Verb.RETRY:
        raise PhaseConflictError(f"there is no rollout to {verb}: the route has no `rollout`")
    match verb:
        case Verb.ABORT:
            return _abort_on_request(state, plan, now, by, reason)
        case Verb.RETRY:
            return _retry(state, plan, values, now, by, reason)
        case _ if state.phase is RolloutPhase.ABORTED:
            raise PhaseConflictError(f"the rollout is aborted: {verb} needs retry first")
        case Verb.PAUSE:
            if state.phase is RolloutPhase.PAUSED:
                return state
            return hold(state, plan, now, reason or "paused by hand", by)
        case Verb.RESUME:
            return _resume(state, plan, values, now, by, reason)
        case Verb.PROMOTE:
            return _promote(state, plan, values, now, by, reason, full=full)


def _abort_on_request(
    state: TrialState, plan: Plan, now: float, by: str, reason: str
) -> TrialState:
    if state.phase is RolloutPhase.ABORTED and not state.probing:
        return state
    before = canary_weight(state, plan)
    aborted = replace(
        state,
        phase=RolloutPhase.ABORTED,
        since=now,
        reason=reason or "aborted by hand",
        verdict=Verdict.ABORT,
        probing=False,
        probe_at=None,
    )
    why = aborted.reason
    return record(aborted, plan, now, "abort", before, why, by, RollbackCause.MANUAL)


def _retry(
    state: TrialState, plan: Plan, values: Sequence[float], now: float, by: str, reason: str
) -> TrialState:
    if state.phase is not RolloutPhase.ABORTED:
        raise PhaseConflictError(f"the rollout is {state.phase}: there is nothing to retry")
    before = canary_weight(state, plan)
    fresh = replace(
        begin(plan, values, now), history=state.history, generation=state.generation, started=True
    )
    return record(
        replace(fresh, reason=""), plan, now, "retry", before, reason or "a new trial", by
    )


def _resume(
    state: TrialState, plan: Plan, values: Sequence[float], now: float, by: str, reason: str
) -> TrialState:
    rollout = plan.rollout
    if rollout is None or (state.started and state.phase is not RolloutPhase.PAUSED):
        return state
    before = canary_weight(state, plan)
    if not state.started:
        started = fresh_step(replace(state, started=True, reason=""), values, now)
        return record(started, plan, now, "resume", before, reason or "started", by)
    if rollout.steps[state.step].gate and state.verdict is Verdict.PASS:
        return next_step(state, plan, values, now, by, reason or "resumed")
    resumed = replace(state, phase=RolloutPhase.PROGRESSING, reason="")
    deadline = rollout.deadline_seconds
    if state.verdict is Verdict.ABORT:  # what paused it is overruled, or it would pause again
        resumed = fresh_step(resumed, values, now)
    elif deadline is not None and now - state.since >= deadline:
        resumed = replace(resumed, since=now)
    return record(resumed, plan, now, "resume", before, reason or "resumed", by)


def _promote(
    state: TrialState,
    plan: Plan,
    values: Sequence[float],
    now: float,
    by: str,
    reason: str,
    *,
    full: bool,
) -> TrialState:
    rollout = plan.rollout
    if rollout is None or state.phase is RolloutPhase.PROMOTED:
        return state
    before = canary_weight(state, plan)
    if full:
        last = replace(state, step=len(rollout.steps) - 1, started=True)
        return promote_to_end(last, plan, now, by, before, reason or "promoted in full")
    if not state.started:
        started = fresh_step(replace(state, started=True, reason=""), values, now)
        return record(started, plan, now, "promote", before, reason or "started", by)
    return next_step(state, plan, values, now, by, reason or "promoted by hand")
