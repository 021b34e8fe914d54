"""What a route's shared state becomes: by evidence and time, a verb, or weights set by hand. Pure.

`known` is what is stored of the route, None where it is fresh or torn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.controller import advance
from gateway.core.rollout.judge import Verdict
from gateway.core.rollout.reconcile import reconcile
from gateway.core.rollout.route_state import RouteState
from gateway.core.rollout.starts import first_start
from gateway.core.rollout.state import Entry, RolloutPhase
from gateway.core.rollout.transitions import begin, canary_weight, hold, record
from gateway.core.rollout.verbs import PhaseConflictError, Verb, command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.plan import Plan
    from gateway.core.rollout.state import TrialState

OVERRIDDEN: Final = "weights are set by hand"
EVIDENCE_LOST: Final = "evidence of the step was lost"
OVERRIDE_ENDED: Final = "weights were set by hand; waits for resume"
_PASSES: Final = ("step", "promote")
_MOVING: Final = (RolloutPhase.WAITING, RolloutPhase.PROGRESSING)


def look(known: RouteState | None, plan: Plan, values: Sequence[float], now: float) -> RouteState:
    """Return the state after a look at the evidence; `known` itself where nothing changes."""
    trial = _trial(known, plan, values, now)
    override = known is not None and known.override is not None
    if override and trial.phase in _MOVING:
        trial = hold(trial, plan, now, OVERRIDDEN)
    return _with_trial(known, plan, advance(trial, plan, values, now))


def is_behind(known: RouteState | None, values: Sequence[float]) -> bool:
    """Whether the evidence of all replicas, up to the newest start, is not all here yet."""
    if known is None or known.trial is None:
        return False
    return not known.trial.starts[-1].is_reached(values)


def after_loss(
    known: RouteState, plan: Plan, values: Sequence[float], now: float
) -> RouteState | None:
    """Return the state once evidence stays away: it is counted anew, or nothing would be judged."""
    if known.trial is None or not is_behind(known, values):
        return None
    trial = _trial(known, plan, values, now)
    anew = replace(trial, starts=first_start(values, now), evidence_at_step=tuple(values))
    weight = canary_weight(trial, plan)
    return _with_trial(known, plan, record(anew, plan, now, "count anew", weight, EVIDENCE_LOST))


def is_worth_storing(before: RouteState | None, after: RouteState) -> bool:
    """Whether a change is more than other words, which come with each message."""
    if before is None or before.trial is None or after.trial is None:
        return before != after
    one, other = before.trial, after.trial
    alike = replace(one, reason=other.reason, verdict=other.verdict, p_value=other.p_value)
    return before.weight != after.weight or alike != other


def is_safe(before: RouteState | None, after: RouteState) -> bool:
    """Whether any replica may make the change: it takes from the canary, or holds it.

    All other changes are left to the one that may promote, so that they are made once.
    """
    if before is None or before.trial is None or after.trial is None:
        return False
    one, other = before.trial, after.trial
    if other.trial != one.trial or other.generation == one.generation:
        return False
    held = other.phase is RolloutPhase.PAUSED and other.verdict is Verdict.ABORT
    return held or (other.phase is RolloutPhase.ABORTED and not other.probing)


def with_words_of(known: RouteState | None, after: RouteState) -> RouteState:
    """Return what is known with the verdict and the reason of a look that leads to another state.

    It holds only once it is stored, but what the look found is the newest there is.
    """
    if known is None or known.trial is None or after.trial is None:
        return after
    trial, pending = known.trial, after.trial
    reason, verdict = pending.reason, pending.verdict
    if pending.generation != trial.generation:
        entry = pending.history[-1]
        reason = f"{entry.reason or entry.action}; not stored yet"
        verdict = Verdict.PASS if entry.action in _PASSES else verdict
    words = replace(trial, reason=reason, verdict=verdict, p_value=pending.p_value)
    return replace(known, trial=words)


def after_verb(
    known: RouteState | None,
    plan: Plan,
    verb: Verb,
    values: Sequence[float],
    now: float,
    *,
    torn: bool = False,
    full: bool = False,
    by: str,
    reason: str = "",
) -> RouteState:
    """Return the state after a verb; raises PhaseConflictError.

    Abort takes back weights set by hand. After a torn state only abort and retry begin anew.
    """
    if torn and verb not in (Verb.ABORT, Verb.RETRY):
        raise PhaseConflictError(f"the state is torn: {verb} needs abort or retry first")
    override = known is not None and known.override is not None
    if override and verb in (Verb.RESUME, Verb.PROMOTE, Verb.RETRY):
        raise PhaseConflictError(f"{OVERRIDDEN}: {verb} needs them cleared first")
    trial = _trial(known, plan, values, now)
    if torn and verb is Verb.RETRY:
        trial = replace(trial, started=True, reason="")
    else:
        trial = command(trial, plan, verb, values, now, full=full, by=by, reason=reason)
    state = _with_trial(known, plan, trial)
    return replace(state, override=None) if override and verb is Verb.ABORT else state


def after_weights(
    known: RouteState | None,
    plan: Plan | None,
    weights: Mapping[str, int] | None,
    values: Sequence[float],
    now: float,
    *,
    by: str,
) -> RouteState:
    """Return the state after weights were set by hand, or taken back (None)."""
    before = None if known is None else known.override
    if known is not None and before == weights:
        return known
    if plan is None:
        return replace(known or RouteState(), override=weights)
    trial = _trial(known, plan, values, now)
    if weights is None and trial.reason == OVERRIDDEN:
        trial = replace(trial, reason=OVERRIDE_ENDED)
    elif trial.phase in _MOVING:
        trial = replace(trial, phase=RolloutPhase.PAUSED, reason=OVERRIDDEN)
    state = _with_trial(known, plan, trial)
    entry = weights_entry(plan.canary, state.weight, before, weights, now, by)
    return replace(state, trial=trial.record(entry), override=weights)


def weights_entry(
    canary: str,
    weight: int | None,
    before: Mapping[str, int] | None,
    after: Mapping[str, int] | None,
    now: float,
    by: str,
) -> Entry:
    """Return the entry of weights set by hand, or taken back. `weight` is the canary's else."""
    action = "clear weights" if after is None else "set weights"
    old = weight if before is None else before.get(canary, 0)
    new = weight if after is None else after.get(canary, 0)
    reason = "taken back" if after is None else _in_words(after)
    return Entry(now, by, action, old, new, reason)


def _in_words(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {weight}" for name, weight in weights.items())


def _trial(known: RouteState | None, plan: Plan, values: Sequence[float], now: float) -> TrialState:
    if known is None or known.trial is None:
        return begin(plan, values, now)
    return reconcile(known.trial, plan, values, now, known.weight)


def _with_trial(known: RouteState | None, plan: Plan, trial: TrialState) -> RouteState:
    if known is not None and known.trial is trial:
        return known
    return replace(known or RouteState(), weight=canary_weight(trial, plan), trial=trial)
