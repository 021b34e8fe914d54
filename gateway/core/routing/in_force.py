"""Which weights are in force on a replica, from what it knows. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.contact import CAUTIOUS_SECONDS, limit_weight
from gateway.core.rollout.route_state import RouteState, Torn
from gateway.core.rollout.state import RolloutPhase
from gateway.core.routing.override import weights_of_present
from gateway.core.routing.weights import canary_share, weighted, with_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.rollout.route_state import Stored
    from gateway.core.rollout.state import TrialState
    from gateway.core.routing.route import Route


@dataclass(frozen=True, slots=True)
class InForce:
    """The weights of one route: `override` by version, else `canary` in per cent.

    Both None: those of the routing file. `rolled_back`: what is decided for the canary goes to
    stable. `stable_alone`: the split gives stable all.
    """

    canary: int | None = None
    override: Mapping[str, int] | None = None
    rolled_back: bool = False
    stable_alone: bool = False


NOTHING_KNOWN: Final = InForce(canary=0, stable_alone=True)
"""Until the state has been read, and while it is torn."""


def weigh(route: Route, in_force: InForce) -> Route:
    """Return the routing file's route with these weights."""
    if in_force.override is not None:
        weighed = with_weights(route, weights_of_present(route, in_force.override))
    elif route.plan is not None and route.follow is None:
        weighed = weighted(route, in_force.canary)
    elif in_force.stable_alone and (route.split is not None or route.follow is not None):
        weighed = with_weights(route, {route.stable.name: 1})
    else:
        weighed = route
    if in_force.rolled_back and route.plan is not None:
        weighed = replace(weighed, rolled_back=route.plan.canary)
    return weighed


def weights_in_force(
    route: Route,
    known: Stored | None,
    silent_seconds: float,
    *,
    was_read: bool,
) -> InForce:
    """Return the weights of a route.

    `was_read`: the state has been read since the process began, `silent_seconds` ago last, or else
    the process is as old as that.
    """
    if isinstance(known, Torn) or (not was_read and _waits(route, silent_seconds)):
        return NOTHING_KNOWN
    trial, override = (None, None) if known is None else (known.trial, known.override)
    if route.plan is None:
        return InForce(override=override)
    canary = 0 if trial is None or trial.trial != route.plan.trial else _canary(route, known)
    rolled_back = _is_rolled_back(route, trial, override)
    if route.follow is not None:
        return InForce(override=override, rolled_back=rolled_back)
    settled = trial is not None and trial.phase is RolloutPhase.PROMOTED
    share = canary_share(route) if canary is None else canary
    limited = limit_weight(share, [share], silent_seconds, settled=settled)
    return InForce(canary if limited == share else limited, override, rolled_back)


def _waits(route: Route, silent_seconds: float) -> bool:
    """Whether a route waits for what the state says of it: not for long where nothing moves it.

    Then it has at most weights set by hand, and must not depend on a state that cannot be read.
    """
    plan = route.plan
    moved = plan is not None and (route.follow is None or plan.rollback is not None)
    return moved or silent_seconds < CAUTIOUS_SECONDS


def _canary(route: Route, known: RouteState | None) -> int | None:
    if known is None:
        return 0
    if known.weight is None and route.plan is not None and route.plan.rollout is not None:
        return 0  # the file has a rollout by now, and its trial has not begun
    return known.weight


def _is_rolled_back(
    route: Route, trial: TrialState | None, override: Mapping[str, int] | None
) -> bool:
    """Whether the canary is out of service: not where a person gives it a weight."""
    if route.plan is None or trial is None or trial.trial != route.plan.trial:
        return False
    out = trial.phase is RolloutPhase.ABORTED and not trial.probing
    return out and not (override is not None and override.get(route.plan.canary, 0))
