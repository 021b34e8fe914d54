"""Where a trial stands: what is stored, shared by replicas, and shown."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - mypyc looks up what a dataclass is made of
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gateway.core.rollout.judge import RollbackCause, Verdict
from gateway.core.rollout.starts import NOTHING, Start, first_start

MAX_HISTORY: Final = 50


class RolloutPhase(StrEnum):
    """The phases of a trial; `idle` is a route that has a rollback and no plan.

    `none`: nothing judges the route, so there is no trial.
    """

    NONE = "none"
    IDLE = "idle"
    WAITING = "waiting"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    PROMOTED = "promoted"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: when (Unix time), by whom, what, and why. Weights are the canary's, in per cent.

    `by` is "the gateway" or what a caller says of itself. `cause`: why the canary went to weight 0,
    None for any other change.
    """

    at: float
    by: str
    action: str
    weight_before: int | None
    weight_after: int | None
    reason: str
    cause: RollbackCause | None = None


@dataclass(frozen=True, slots=True)
class TrialState:
    """Where one trial stands. Times are Unix times.

    `step` counts from 0. `evidence_at_step` is the sum over all replicas when the step began.
    `probe_at`: when a probe follows a rollback. `aborts` counts the rollbacks of this trial.
    `probing`: the canary has the weight of a probe.
    """

    trial: str
    steps_digest: str
    bounds_digest: str
    phase: RolloutPhase
    since: float
    generation: int = 1
    step: int = 0
    started: bool = True
    reason: str = ""
    verdict: Verdict = Verdict.WAIT
    p_value: float = 1.0
    starts: tuple[Start, ...] = first_start()
    evidence_at_step: Sequence[float] = NOTHING
    aborts: int = 0
    probing: bool = False
    probe_at: float | None = None
    history: tuple[Entry, ...] = ()

    def record(self, entry: Entry) -> TrialState:
        """Return the state with one more entry in its history, and the next generation."""
        history = (*self.history, entry)[-MAX_HISTORY:]
        return replace(self, history=history, generation=self.generation + 1)
