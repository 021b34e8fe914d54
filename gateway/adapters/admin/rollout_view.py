"""A route's rollout as plain values ready for JSON: never NaN, never infinite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.admin.json_bodies import iso_time
from gateway.core.rollout.judge import Verdict
from gateway.core.rollout.rollback import limits_of

if TYPE_CHECKING:
    from gateway.core.rollout.plan import Plan, Step
    from gateway.core.rollout.state import Entry
    from gateway.rollout_port import RolloutView

VALUES: Final = {Verdict.PASS: 1, Verdict.WAIT: 0, Verdict.ABORT: -1}
"""Verdicts as numbers, as `gateway_rollout_verdict` has them."""


def rollout_json(view: RolloutView, stable: str) -> dict[str, Any]:
    """Return the body of `GET /api/routes/{route}/rollout`; `stable` is that version's name.

    docs/reference/admin-api.md has an example and says what each member is. `canary` and `stable`
    within `evidence` are roles.
    """
    plan = view.plan
    return {
        "route": view.route,
        "phase": view.phase.value,
        "canary": None if plan is None else plan.canary,
        "stable": stable,
        "revision": "" if plan is None else plan.revision,
        "step": view.step,
        "steps": [_step(each) for each in _steps(plan)],
        "weight": _canary_weight(view),
        "weights": {name: _finite(weight) for name, weight in view.weights.items()},
        "override": None if view.override is None else dict(view.override),
        "since": iso_time(view.since or None),
        "deadline": iso_time(view.deadline),
        "verdict": view.verdict.value,
        "value": VALUES[view.verdict],
        "reason": view.reason,
        "evidence": _evidence(view),
        "limits": _limits(plan),
        "generation": view.generation,
        "history": [_entry(each) for each in view.history],
        "problems": list(view.problems),
    }


def verdict_json(view: RolloutView) -> dict[str, Any]:
    """Return the body of `GET /api/routes/{route}/verdict`: no member is ever null."""
    return {
        "verdict": view.verdict.value,
        "value": VALUES[view.verdict],
        "reason": view.reason,
        "failure_ratio": _failure_ratio(view),
        "messages": _messages(view),
        "chance": _p_value(view),
    }


def rollout_summary(view: RolloutView | None) -> dict[str, Any] | None:
    """Return what `GET /api/routes` says of a rollout; None where nothing judges the route."""
    if view is None or view.plan is None:
        return None
    return {
        "phase": view.phase.value,
        "step": view.step,
        "verdict": view.verdict.value,
        "reason": view.reason,
    }


def _steps(plan: Plan | None) -> tuple[Step, ...]:
    return () if plan is None or plan.rollout is None else plan.rollout.steps


def _step(step: Step) -> dict[str, Any]:
    return {"weight": step.weight, "every_seconds": float(step.seconds), "pause": step.gate}


def _canary_weight(view: RolloutView) -> float | None:
    weight = None if view.plan is None else view.weights.get(view.plan.canary)
    return None if weight is None else _finite(weight)


def _evidence(view: RolloutView) -> dict[str, Any]:
    return {
        "messages": _messages(view),
        "failed": {"canary": view.canary.failed, "stable": view.stable.failed},
        "slow": {"canary": view.canary.slow, "stable": view.stable.slow},
        "failure_ratio": _failure_ratio(view),
        "chance": _p_value(view),
        "min_messages": _min_messages(view.plan),
    }


def _messages(view: RolloutView) -> dict[str, int]:
    return {"canary": view.canary.messages, "stable": view.stable.messages}


def _failure_ratio(view: RolloutView) -> dict[str, float]:
    return {
        "canary": round(_finite(view.canary.failure_ratio), 6),
        "stable": round(_finite(view.stable.failure_ratio), 6),
    }


def _p_value(view: RolloutView) -> float:
    """Return the p-value, 0..1; 1 where there is none."""
    return min(1.0, max(0.0, view.p_value)) if math.isfinite(view.p_value) else 1.0


def _min_messages(plan: Plan | None) -> int:
    if plan is not None and plan.rollout is not None:
        return plan.rollout.min_messages
    return 0 if plan is None or plan.rollback is None else plan.rollback.min_messages


def _limits(plan: Plan | None) -> dict[str, float | None] | None:
    if plan is None:
        return None
    bounds = limits_of(plan)
    return {
        "max_failure_ratio": bounds.max_failure_ratio,
        "max_p99_seconds": bounds.max_p99_seconds,
        "margin": bounds.margin,
        "tolerance": bounds.tolerance,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "at": iso_time(entry.at),
        "by": entry.by,
        "action": entry.action,
        "from": entry.weight_before,
        "to": entry.weight_after,
        "reason": entry.reason,
    }


def _finite(number: float) -> float:
    return float(number) if math.isfinite(number) else 0.0
