"""What replicas share of a route, and which of two states counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.state import TrialState

_OF_THE_SPLIT: Final = 101


@dataclass(frozen=True, slots=True)
class RouteState:
    """The shared state of one route. `generation` counts its changes, from 1.

    `weight` is the canary's that is in force, in per cent; None: that of the routing file's split.
    `override` are weights that a person has set, by version: they are in force over all else.
    """

    generation: int = 1
    weight: int | None = None
    trial: TrialState | None = None
    override: Mapping[str, int] | None = None

    def follow(self, before: RouteState | None) -> RouteState:
        """Return it as the change after another state."""
        return replace(self, generation=1 if before is None else before.generation + 1)


@dataclass(frozen=True, slots=True)
class Torn:
    """A state that is there and cannot be used: the canary's weight is 0. `why` is in words."""

    why: str


Stored = RouteState | Torn
"""What a store has of a route; None in its place: nothing, the route is fresh."""


def newer(one: RouteState, other: RouteState) -> RouteState:
    """Return the state with the higher generation; at one generation, that of the lower weight.

    Of states that are alike in both the first is returned.
    """
    return one if _rank(one) >= _rank(other) else other


def _rank(state: RouteState) -> tuple[int, int]:
    return state.generation, -(_OF_THE_SPLIT if state.weight is None else state.weight)


def merge(known: Stored | None, read: Stored | None) -> Stored | None:
    """Return what counts after a read, of what was known before and what was read.

    A torn state counts until another is written. Where nothing is stored, what was known still
    counts: a store that was emptied must not begin a rollout anew.
    """
    if read is None:
        return known if isinstance(known, RouteState) else None
    if isinstance(read, RouteState) and isinstance(known, RouteState):
        return newer(read, known)
    return read


@dataclass(frozen=True, slots=True)
class SharedState:
    """What is stored, as a replica has seen it last.

    `others`: what a route is that is not among `routes`; None: fresh. `evidence` are the sums by
    route of all other replicas, and of processes before this one: what this process has seen itself
    since its start is to be added.
    """

    routes: Mapping[str, Stored] = field(default_factory=dict)
    evidence: Mapping[str, Sequence[float]] = field(default_factory=dict)
    others: Torn | None = None

    def of(self, route: str) -> Stored | None:
        """Return what is stored of a route; None: nothing, it is fresh."""
        return self.routes.get(route, self.others)
