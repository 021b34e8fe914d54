"""What the admin port, metrics and the dashboard need of rollouts and of weights set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gateway.core.rollout.judge import Counts, Verdict
from gateway.core.routing.override import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.plan import Plan
    from gateway.core.rollout.state import Entry, RolloutPhase
    from gateway.core.rollout.verbs import Verb


class UnknownRouteError(Exception):
    """No route in force has this name; `str()` is a sentence that names those there are."""


__all__ = ["RolloutView", "Rollouts", "UnknownRouteError", "WeightsError"]

NO_COUNTS = Counts(0, 0, 0)


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A route's rollout at one moment, as this replica sees it. Times are Unix times.

    `plan` None: nothing judges the route, and the phase is `none`. `weights` are in force here: per
    cent of all messages that the route's own split decides, by version; empty where the route has
    no split and none set by hand. `override` None: no weights are set by hand. `step` counts
    from 0. `evidence_since` is when what `canary` and `stable` count began. `problems`: what is
    torn or out of reach of the shared state, in words.
    """

    route: str
    phase: RolloutPhase
    plan: Plan | None = None
    step: int = 0
    weights: Mapping[str, float] = field(default_factory=dict)
    override: Mapping[str, int] | None = None
    since: float = 0.0
    deadline: float | None = None
    verdict: Verdict = Verdict.PASS
    reason: str = "nothing judges this route"
    p_value: float = 1.0
    canary: Counts = NO_COUNTS
    stable: Counts = NO_COUNTS
    generation: int = 0
    history: Sequence[Entry] = ()
    problems: Sequence[str] = ()


class Rollouts(Protocol):
    """The rollouts of all routes in force, and the weights that people set.

    Each method may raise UnknownRouteError. Those that change something are idempotent: they return
    once the change is stored and in force here, and may raise `StateError` where it cannot be
    stored. `by` says who asks, for the history.
    """

    def view(self, route: str) -> RolloutView:
        """Return the route's rollout."""

    @property
    def problems(self) -> Sequence[str]:
        """What is torn or out of reach of the shared state, in words; empty: all is well."""

    def views(self) -> Sequence[RolloutView]:
        """Return those of all routes in force, in file order."""

    async def command(
        self, route: str, verb: Verb, *, full: bool = False, by: str, reason: str = ""
    ) -> RolloutView:
        """Do what a person asks; raises PhaseConflictError where the phase does not allow it."""

    async def set_weights(self, route: str, weights: Mapping[str, int], *, by: str) -> RolloutView:
        """Set weights, in per cent, over file and rollout; raises WeightsError.

        Versions that are not named get nothing, stable gets the rest to 100.
        """

    async def clear_weights(self, route: str, *, by: str) -> RolloutView:
        """Take back what :meth:`set_weights` has set; a rollout stays paused."""
