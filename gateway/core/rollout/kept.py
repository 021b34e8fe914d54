"""An abort that counts on one replica, and could not be stored yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.route_state import RouteState
from gateway.core.rollout.state import RolloutPhase

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.rollout.route_state import Stored
    from gateway.core.rollout.state import TrialState

_BEGINNINGS: Final = ("begin", "retry")


@dataclass(frozen=True, slots=True)
class Kept:
    """`change` makes it of what is stored, `after` is what it has led to on this replica."""

    change: Callable[[Stored | None], RouteState | None]
    after: RouteState

    def store(self, stored: Stored | None) -> RouteState | None:
        """Return what shall be stored, None where nothing shall.

        It is of the past once another trial has begun, by a revision or by `retry`. A promotion by
        those who could not know of it does not end it.
        """
        kept = self.after.trial
        if not isinstance(stored, RouteState) or stored.trial is None or kept is None:
            return self.change(stored)
        if _has_begun_anew(stored.trial, kept):
            return None
        if stored.trial.phase is RolloutPhase.PROMOTED:
            return _abort_promoted(stored, stored.trial, kept)
        return self.change(stored)


def _has_begun_anew(stored: TrialState, kept: TrialState) -> bool:
    new = [entry for entry in stored.history if entry not in kept.history]
    return stored.trial != kept.trial or any(entry.action in _BEGINNINGS for entry in new)


def _abort_promoted(stored: RouteState, trial: TrialState, kept: TrialState) -> RouteState | None:
    if kept.phase is not RolloutPhase.ABORTED or kept.probing:
        return None
    aborted = replace(
        trial,
        phase=kept.phase,
        since=kept.since,
        reason=kept.reason,
        verdict=kept.verdict,
        p_value=kept.p_value,
        aborts=kept.aborts,
        probing=False,
        probe_at=kept.probe_at,
    )
    entry = replace(kept.history[-1], weight_before=stored.weight)
    return replace(stored, weight=0, trial=aborted.record(entry))
