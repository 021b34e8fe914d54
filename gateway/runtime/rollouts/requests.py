"""What people and controllers ask of rollouts: to see them, to move them, to set weights."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.core.rollout.next_state import after_verb, after_weights
from gateway.core.rollout.route_state import RouteState, Torn
from gateway.core.rollout.verbs import PhaseConflictError, Verb
from gateway.core.routing.override import check_weights
from gateway.rollout_port import UnknownRouteError
from gateway.runtime.rollouts.view import view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.rollout.route_state import Stored
    from gateway.rollout_port import RolloutView
    from gateway.runtime.rollouts.driver import RolloutDriver
    from gateway.runtime.rollouts.route_rollout import RouteRollout
    from gateway.state_port import StateChange


class RolloutRequests:
    """Serves as Rollouts. `wall` gives Unix time."""

    def __init__(self, driver: RolloutDriver, *, wall: Callable[[], float]) -> None:
        self._driver = driver
        self._wall = wall

    @property
    def problems(self) -> Sequence[str]:
        """What is torn or out of reach of the shared state, in words."""
        return self._driver.problems

    def view(self, route: str) -> RolloutView:
        """Return the route's rollout."""
        return view_of(self._driver.find(route), self.problems)

    def views(self) -> Sequence[RolloutView]:
        """Return those of all routes in force, in file order."""
        problems = self.problems
        return [view_of(each, problems) for each in self._driver.in_force()]

    async def command(
        self, route: str, verb: Verb, *, full: bool = False, by: str, reason: str = ""
    ) -> RolloutView:
        """Do what a person asks; raises PhaseConflictError where the phase does not allow it."""
        rollout = self._driver.find(route)
        plan = rollout.plan
        if plan is None:
            raise PhaseConflictError(f"nothing judges route {route}: there is no rollout to {verb}")

        def change(stored: Stored | None) -> RouteState | None:
            known = stored if isinstance(stored, RouteState) else None
            torn = isinstance(stored, Torn)
            now, values = self._wall(), rollout.values
            return after_verb(
                known, plan, verb, values, now, torn=torn, full=full, by=by, reason=reason
            )

        return await self._change(rollout, change, by, at_once=verb is Verb.ABORT)

    async def set_weights(self, route: str, weights: Mapping[str, int], *, by: str) -> RolloutView:
        """Set weights, in per cent, over file and rollout; raises WeightsError."""
        rollout = self._driver.find(route)
        if rollout.given is None:
            raise UnknownRouteError(route)
        wanted = check_weights(rollout.given, weights)
        return await self._change(rollout, partial(self._weights_set, rollout, wanted, by), by)

    async def clear_weights(self, route: str, *, by: str) -> RolloutView:
        """Take back what :meth:`set_weights` has set; a rollout stays paused."""
        rollout = self._driver.find(route)
        return await self._change(rollout, partial(self._weights_set, rollout, None, by), by)

    def _weights_set(
        self,
        rollout: RouteRollout,
        weights: Mapping[str, int] | None,
        by: str,
        stored: Stored | None,
    ) -> RouteState | None:
        known = stored if isinstance(stored, RouteState) else None
        if known is None and weights is None:
            return None  # a torn state has none to take back
        values, now = rollout.values, self._wall()
        return after_weights(known, rollout.plan, weights, values, now, by=by)

    async def _change(
        self, rollout: RouteRollout, change: StateChange, by: str, *, at_once: bool = False
    ) -> RolloutView:
        await self._driver.change(rollout, change, by, at_once=at_once)
        return self.view(rollout.name)
