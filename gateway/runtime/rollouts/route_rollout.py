"""One route's rollout on this replica: what it knows, what is in force, and what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gateway.core.events import RolloutChanged
from gateway.core.rollout.next_state import is_safe, is_worth_storing, look, weights_entry
from gateway.core.rollout.route_state import RouteState, Torn, newer
from gateway.core.rollout.starts import NOTHING
from gateway.core.routing.in_force import InForce, weigh, weights_in_force

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from gateway.core.rollout.plan import Plan
    from gateway.core.rollout.route_state import Stored
    from gateway.core.rollout.state import Entry
    from gateway.core.routing.route import Route
    from gateway.ports import Observer
    from gateway.runtime.rollouts.counting import Counting
    from gateway.state_port import StateChange, StateStore


IDLE_LOOK_SECONDS: Final = 5.0
"""How often a route is judged whose evidence stays the same: its tests cost the most."""


class JudgedRoute(Protocol):
    """A route at work: `given` by the routing table, `route` with the weights in force."""

    given: Route
    route: Route

    @property
    def counting(self) -> Counting:
        """The evidence of its canary."""

    def weigh_anew(self) -> bool:
        """Decide by the weights in force from the next message on; return whether they differ."""


class RouteRollout:
    """Judges one route, changes its shared state, and has what follows put in force.

    `wake` is set by the evidence when there is something to judge. `wall` gives Unix time.
    """

    def __init__(
        self,
        name: str,
        store: StateStore,
        observer: Observer,
        wake: asyncio.Event,
        wall: Callable[[], float],
    ) -> None:
        self.name = name
        self._store = store
        self._observer = observer
        self._wake = wake
        self._wall = wall
        self._running: JudgedRoute | None = None
        self._counting: Counting | None = None
        self._counted_before: Sequence[float] = NOTHING  # by routes that this one replaced
        self._unstored: tuple[StateChange, RouteState] | None = None
        self._seen: RouteState | None = None  # what was told of
        self._shown: RouteState | None = None  # with the words of the last look
        self._in_force: InForce | None = None
        self._judged: tuple[RouteState | None, Sequence[float], Plan] | None = None
        self._judged_at = 0.0

    def adopt(self, running: JudgedRoute) -> None:
        """Judge the route that runs under this name now."""
        self._running = running
        counting = running.counting
        if counting is not self._counting:
            self._counted_before = self.own_sums
            self._counting = counting
            counting.noteworthy = self._wake

    @property
    def given(self) -> Route | None:
        """The route as the routing table has it; None before there is one."""
        return None if self._running is None else self._running.given

    @property
    def in_force(self) -> Route | None:
        """The route with the weights by which it decides; None before there is one."""
        return None if self._running is None else self._running.route

    @property
    def plan(self) -> Plan | None:
        """What judges the route."""
        return None if self.given is None else self.given.plan

    @property
    def own_sums(self) -> tuple[float, ...]:
        """The evidence that this process has seen."""
        counted = () if self._counting is None else self._counting.values
        return _add(self._counted_before, counted)

    @property
    def values(self) -> tuple[float, ...]:
        """The evidence of all replicas."""
        return _add(self.own_sums, self._store.state.evidence.get(self.name, ()))

    @property
    def known(self) -> Stored | None:
        """What is stored, or what this replica could not store yet."""
        stored = self._store.state.of(self.name)
        if self._unstored is None:
            return stored
        unstored = self._unstored[1]
        return newer(unstored, stored) if isinstance(stored, RouteState) else unstored

    @property
    def shown(self) -> Stored | None:
        """What is known, with its reason and verdict as of the last look."""
        known, shown = self.known, self._shown
        if not isinstance(known, RouteState) or shown is None or shown.override != known.override:
            return known
        if known.trial is None or shown.trial is None:
            return known
        return shown if shown.trial.generation == known.trial.generation else known

    def weigh(self, route: Route, silent_seconds: float, *, was_read: bool) -> Route:
        """Return the routing table's route with the weights in force."""
        self._in_force = weights_in_force(route, self.known, silent_seconds, was_read=was_read)
        return weigh(route, self._in_force)

    def put_in_force(self, silent_seconds: float, *, was_read: bool) -> None:
        """Have the route decide by the weights that follow from what is known."""
        running = self._running
        if running is None:
            return
        route = running.given
        in_force = weights_in_force(route, self.known, silent_seconds, was_read=was_read)
        if in_force != self._in_force:
            running.weigh_anew()

    def find_change(self) -> StateChange | None:
        """Look at the evidence; return what this replica has to change about the shared state.

        A change that any replica may make counts here at once, stored or not.
        """
        plan = self.plan
        if plan is None or self._counting is None:
            return None
        self._counting.advance()
        if self._unstored is not None:
            return self._unstored[0]
        known, now, values = self.known, self._wall(), self.values
        if isinstance(known, Torn) or _is_behind(known, values):
            return None
        judged = known, values, plan
        if judged == self._judged and 0 <= now - self._judged_at < IDLE_LOOK_SECONDS:
            return None
        self._judged, self._judged_at = judged, now
        after = look(known, plan, values, now)
        self._shown = after
        if not self._may_store(known, after):
            return None
        if is_safe(known, after):
            self._keep(self._look_again, after, known)
        return self._look_again

    def keep_unless_stored(self, change: StateChange) -> None:
        """Have a change count here at once, and stored later where it cannot be stored now."""
        known = self.known
        after = change(known)
        if after is not None:
            self._keep(change, after, known if isinstance(known, RouteState) else None)

    async def store(self, change: StateChange, *, by: str = "") -> None:
        """Change the shared state and tell of it; raises StateError. `by`: who asked for it."""
        made: list[RouteState | None] = []

        def record(stored: Stored | None) -> RouteState | None:
            made.append(change(stored))
            return made[-1]

        stored = await self._store.update(self.name, record)
        self._unstored = None
        ours = made[-1] if made else None
        here = isinstance(stored, RouteState) and _same_trial(stored, ours)
        self.emit_changes(here=here, by=by)

    def emit_changes(self, *, here: bool = False, by: str = "another replica") -> None:
        """Tell of what has changed since it was told last; `here`: this replica has done it."""
        known, before = self.known, self._seen
        if not isinstance(known, RouteState):
            return
        self._seen = known
        if before is None and not here:
            return  # the process has just begun
        if known.trial is not None and (before is None or before.trial != known.trial):
            self._begin_step_if_new(before, known)
            for entry in _new_entries(before, known):
                self._observer.observe(RolloutChanged(self.name, entry, entry.cause, here=here))
        elif (None if before is None else before.override) != known.override:
            set_before = None if before is None else before.override
            entry = weights_entry("", None, set_before, known.override, self._wall(), by)
            self._observer.observe(RolloutChanged(self.name, entry, here=here))

    def _begin_step_if_new(self, before: RouteState | None, known: RouteState) -> None:
        trial = None if before is None else before.trial
        if known.trial is None or self._counting is None:
            return
        if trial is None or trial.evidence_at_step != known.trial.evidence_at_step:
            self._counting.begin_step()

    def _look_again(self, stored: Stored | None) -> RouteState | None:
        """Look at the evidence from what is stored by now."""
        plan = self.plan
        if plan is None or isinstance(stored, Torn):
            return None
        after = look(stored, plan, self.values, self._wall())
        return after if self._may_store(stored, after) else None

    def _may_store(self, known: RouteState | None, after: RouteState) -> bool:
        allowed = self._store.may_promote() or is_safe(known, after)
        return allowed and is_worth_storing(known, after)

    def _keep(self, change: StateChange, after: RouteState, known: RouteState | None) -> None:
        self._unstored = change, after.follow(known)


def _add(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True)) if other else tuple(one)


def _is_behind(known: RouteState | None, values: Sequence[float]) -> bool:
    """Whether the evidence of other replicas, up to the newest start, is not all here yet."""
    if known is None or known.trial is None:
        return False
    newest = known.trial.starts[-1].values
    return any(now < then for now, then in zip(values[:7], newest[:7], strict=True))


def _same_trial(stored: RouteState, made: RouteState | None) -> bool:
    return made is not None and stored.trial == made.trial and stored.override == made.override


def _new_entries(before: RouteState | None, after: RouteState) -> Sequence[Entry]:
    if after.trial is None:
        return ()
    known = () if before is None or before.trial is None else before.trial.history
    return [entry for entry in after.trial.history if entry not in known]
