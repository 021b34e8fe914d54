"""One route's rollout on this replica: what it knows, what is in force, and what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gateway.core.rollout.kept import Kept
from gateway.core.rollout.next_state import (
    after_loss,
    is_behind,
    is_safe,
    is_worth_storing,
    look,
    with_words_of,
)
from gateway.core.rollout.route_state import RouteState, Torn, newer
from gateway.core.rollout.starts import NOTHING
from gateway.core.rollout.state import RolloutPhase
from gateway.core.routing.in_force import InForce, weigh, weights_in_force
from gateway.runtime.rollouts.changes import RolloutChanges

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from gateway.core.rollout.plan import Plan
    from gateway.core.rollout.route_state import Stored
    from gateway.core.routing.route import Route
    from gateway.ports import Observer
    from gateway.runtime.rollouts.counting import Counting
    from gateway.state_port import StateChange, StateStore


LOST_SECONDS: Final = 20.0
"""How long evidence may stay away that was counted when the newest tests began."""

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
        self._shared = store
        self._wake = wake
        self._wall = wall
        self._running: JudgedRoute | None = None
        self._counting: Counting | None = None
        self._counted_before: Sequence[float] = NOTHING  # by routes that this one replaced
        self._kept: Kept | None = None  # what is in force here, and not stored yet
        self._changes = RolloutChanges(name, observer, wall)
        self._shown: RouteState | None = None  # with the words of the last look
        self._in_force: InForce | None = None
        self._judged: tuple[RouteState | None, Sequence[float], Plan] | None = None
        self._judged_at = 0.0
        self._keys_at = 0.0
        self._behind_since: float | None = None

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
        return _add(self.own_sums, self._shared.state.evidence.get(self.name, ()))

    @property
    def _stored(self) -> Stored | None:
        return self._shared.state.of(self.name)

    @property
    def known(self) -> Stored | None:
        """What is stored, or what this replica could not store yet."""
        stored = self._stored
        if self._kept is None:
            return stored
        kept = self._kept.after
        return newer(kept, stored) if isinstance(stored, RouteState) else kept

    @property
    def shown(self) -> Stored | None:
        """What is known, with its reason and verdict as of the last look."""
        known, shown = self.known, self._shown
        if not isinstance(known, RouteState) or shown is None or shown.override != known.override:
            return known
        return known if is_worth_storing(known, shown) else shown

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

    def has_change(self) -> bool:
        """Look at the evidence; return whether this replica has to change the shared state.

        A change that any replica may make counts here at once, stored or not.
        """
        plan = self.plan
        if plan is None or self._counting is None:
            return False
        self._counting.advance()
        known = self.known
        if isinstance(known, Torn):
            return False
        return self._kept is not None or self._finds_change(known, plan)

    def _finds_change(self, known: RouteState | None, plan: Plan) -> bool:
        now, values = self._wall(), self.values
        if is_behind(known, values):
            return self._is_lost(now) and self._shared.may_promote()
        self._behind_since = None
        judged = known, values, plan
        if judged == self._judged and 0 <= now - self._judged_at < IDLE_LOOK_SECONDS:
            return False
        self._judged, self._judged_at = judged, now
        self._count_keys_anew(plan, known, now)
        after = look(known, plan, values, now)
        self._shown = with_words_of(known, after)
        if not self._may_store(known, after):
            return False
        if is_safe(known, after):
            self._keep(self._look_again, after, known)
        return True

    def _is_lost(self, now: float) -> bool:
        """Whether evidence has stayed away for longer than others take to publish theirs."""
        if self._behind_since is None or now < self._behind_since:
            self._behind_since = now
        return now - self._behind_since >= LOST_SECONDS

    def keep_unless_stored(self, change: StateChange) -> None:
        """Have a change count here at once, and stored later where it cannot be stored now."""
        known = self.known
        after = change(known)
        if after is not None:
            self._keep(change, after, known if isinstance(known, RouteState) else None)

    async def store_found(self) -> None:
        """Store what has been found here, and tell of it; raises StateError."""
        kept = self._kept
        await self._store(self._look_again if kept is None else kept.store, kept)

    async def store(self, change: StateChange, *, by: str = "") -> None:
        """Store a change after what was found here, and tell of it; raises StateError.

        `by`: who asked for it.
        """
        if self._kept is not None:
            await self.store_found()
        await self._store(change, by=by)

    async def _store(self, change: StateChange, kept: Kept | None = None, *, by: str = "") -> None:
        made: list[RouteState | None] = []

        def record(stored: Stored | None) -> RouteState | None:
            made.append(change(stored))
            return made[-1]

        stored = await self._shared.update(self.name, record)
        if self._kept is kept:  # another one may have been found meanwhile
            self._kept = None
        self._changes.skip(kept, stored)
        ours = made[-1] if made else None
        here = isinstance(stored, RouteState) and _same_trial(stored, ours)
        self.emit_changes(here=here, by=by)

    def emit_kept(self) -> None:
        """Tell, once, of what is in force here although it could not be stored."""
        self._changes.emit_kept(self._kept, self._stored)

    def emit_changes(self, *, here: bool = False, by: str = "another replica") -> None:
        """Tell of what was stored since it was told last; `here`: this replica has done it."""
        if self._changes.emit_stored(self._stored, here=here, by=by) and self._counting is not None:
            self._counting.begin_step()

    def _count_keys_anew(self, plan: Plan, known: RouteState | None, now: float) -> None:
        """Begin a window in which each sticky key counts once more, where there are no steps.

        Else nothing would count once every key was seen.
        """
        trial = None if known is None else known.trial
        if plan.rollback is None or trial is None or self._counting is None:
            return
        has_steps = plan.rollout is not None and trial.phase is not RolloutPhase.PROMOTED
        if not has_steps and not 0 <= now - self._keys_at < plan.rollback.window_seconds:
            self._keys_at = now
            self._counting.begin_step()

    def _look_again(self, stored: Stored | None) -> RouteState | None:
        """Look at the evidence from what is stored by now."""
        plan = self.plan
        if plan is None or isinstance(stored, Torn):
            return None
        now, values = self._wall(), self.values
        if stored is not None and is_behind(stored, values):
            return after_loss(stored, plan, values, now) if self._is_lost(now) else None
        after = look(stored, plan, values, now)
        return after if self._may_store(stored, after) else None

    def _may_store(self, known: RouteState | None, after: RouteState) -> bool:
        allowed = self._shared.may_promote() or is_safe(known, after)
        return allowed and is_worth_storing(known, after)

    def _keep(self, change: StateChange, after: RouteState, known: RouteState | None) -> None:
        self._kept = Kept(change, after.follow(known))


def _add(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True)) if other else tuple(one)


def _same_trial(stored: RouteState, made: RouteState | None) -> bool:
    return made is not None and stored.trial == made.trial and stored.override == made.override
