"""Whether a step of a rollout passes, or what it still waits for. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.evidence import fine
from gateway.core.rollout.judge import FINE_BETA, SLOW_SHARE, counts_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.judge import Bounds, Counts

_ALL: Final = 100


@dataclass(frozen=True, slots=True)
class StepGate:
    """What a step asks for: canary messages, and seconds since it began."""

    min_messages: int
    min_seconds: float


def find_wait(
    values: Sequence[float],
    since: Sequence[float],
    gate: StepGate,
    bounds: Bounds,
    *,
    seconds: float,
    weight: int,
) -> str:
    """Return what a step still waits for, in words; empty once it passes.

    `since` is the evidence when the step began, `seconds` ago. At 100 % there is nothing to compare
    with: number, time and limits decide.
    """
    canary, stable = counts_between(values, since)
    if canary.messages < gate.min_messages:
        return f"{canary.messages:,} of {gate.min_messages:,} messages"
    waits_for = _over(canary, stable, bounds)
    if not waits_for and weight < _ALL:
        waits_for = _unsure(values, since, bounds, stable)
    if not waits_for and seconds < gate.min_seconds:
        left = math.ceil(gate.min_seconds - seconds)
        waits_for = f"{left:,} of {gate.min_seconds:,.0f} s are left"
    return waits_for


def _unsure(values: Sequence[float], since: Sequence[float], bounds: Bounds, stable: Counts) -> str:
    if not stable.messages:
        return "stable has no messages to compare with"
    if fine(values, since) < 1 / FINE_BETA:
        return f"not yet sure that the canary is less than {bounds.margin:.3g} worse"
    if bounds.max_p99_seconds is not None and fine(values, since, slow=True) < 1 / FINE_BETA:
        return "not yet sure that the canary is not slower"
    return ""


def _over(canary: Counts, stable: Counts, bounds: Bounds) -> str:
    limit = bounds.max_failure_ratio
    if limit is not None and canary.failure_ratio > limit:
        both = "; stable fails too" if stable.failure_ratio > limit else ""
        return f"the failure ratio is {canary.failure_ratio:.3g}, the limit {limit:.3g}{both}"
    if bounds.max_p99_seconds is not None and canary.slow_ratio > SLOW_SHARE:
        return f"{canary.slow_ratio:.1%} took over {bounds.max_p99_seconds:g} s"
    return ""
