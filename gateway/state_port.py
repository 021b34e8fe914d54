"""What rollouts need of the place where their state is kept, as `ports.py` has it for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Never, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.route_state import RouteState, SharedState, Stored


class StateError(Exception):
    """The shared state could not be reached or written; `str()` is a sentence for the operator."""


StateChange = Callable[["Stored | None"], "RouteState | None"]
"""Gets what is stored and returns what shall be, None for no change; the store counts generations.

It is called again where another replica wrote in between.
"""


class StateStore(Protocol):
    """Where rollouts and weights set by hand are kept; a canary gets nothing until it is open."""

    @property
    def state(self) -> SharedState:
        """What is stored, as last seen; without a call to anywhere."""

    @property
    def problems(self) -> Sequence[str]:
        """What is torn or out of reach, in words; empty while all is well."""

    def silent_seconds(self) -> float:
        """Return how long ago the state was last reached; 0 where it is on this machine."""

    def may_promote(self) -> bool:
        """Whether this replica is the one that raises weights; any replica may lower them."""

    async def open(self) -> None:
        """Read the state; raises StateError. A torn state is not an error."""

    async def follow(self, changed: Callable[[], None]) -> Never:
        """Keep up with other replicas; `changed` is called after each change of `state`."""

    async def update(self, route: str, change: StateChange) -> Stored | None:
        """Change the state of a route, and return what is stored then; raises StateError."""

    async def publish(self, sums: Mapping[str, Sequence[float]]) -> None:
        """Store the evidence since this process started, by route; raises StateError."""

    async def close(self) -> None:
        """Give up what it holds, the right to promote included."""
