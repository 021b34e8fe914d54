"""Judges canaries, and keeps their weights in step with the shared state.

Task tree, all of it under one TaskGroup:

    rollouts -> judge, store changes, follow the state (the store's own tree), publish evidence

They begin once the state has been read. Until then no canary gets anything. Judging waits for
nothing: a state that is slow or away must not delay the abort of another route.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never, Protocol

from gateway.aiokit.backoff import exponential_backoff
from gateway.core.events import StateProblems
from gateway.rollout_port import UnknownRouteError
from gateway.runtime.rollouts.route_rollout import RouteRollout
from gateway.state_port import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.routing.route import Route
    from gateway.ports import Observer
    from gateway.runtime.rollouts.route_rollout import JudgedRoute
    from gateway.state_port import StateChange, StateStore

LOOK_SECONDS: Final = 1.0
"""How often the evidence is judged while no failure asks for it."""

GAP_SECONDS: Final = 0.05
"""Between two looks: failures come in crowds."""

PUBLISH_SECONDS: Final = 2.0
COUNTS_HERE: Final = "it holds on this replica at once, and on the others when the state is back"
FIRST_BACKOFF_SECONDS: Final = 1.0
LAST_BACKOFF_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0
PROBLEMS_SECONDS: Final = 30.0
"""How often problems are told anew at most, unless they begin or end."""


class JudgedRoutes(Protocol):
    """The routes at work."""

    def in_force(self) -> Sequence[JudgedRoute]:
        """Return the routes of the table in force, in file order."""


class RolloutDriver:
    """The rollouts of the routes in force. `wall` gives Unix time."""

    def __init__(
        self,
        store: StateStore,
        routes: JudgedRoutes,
        observer: Observer,
        *,
        wall: Callable[[], float],
    ) -> None:
        self._store = store
        self._routes = routes
        self._observer = observer
        self._wall = wall
        self._by_name: dict[str, RouteRollout] = {}
        self._wake = asyncio.Event()
        self._to_store: asyncio.Queue[RouteRollout] = asyncio.Queue()
        self._storing: set[RouteRollout] = set()
        self._publishing = asyncio.Lock()
        self._began_at: float | None = None
        self._was_read = False
        self._errors: dict[str, str] = {}
        self._problems: tuple[str, ...] = ()
        self._problems_at = 0.0
        self._published: dict[str, tuple[float, ...]] = {}

    async def run(self) -> Never:
        """Read the state, then judge for ever; the state is closed once this is cancelled."""
        self._began_at = asyncio.get_running_loop().time()
        self._adopt()
        await self._open()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._store.follow(self._wake.set), name="follow the state")
                tasks.create_task(self._publish_evidence(), name="publish evidence")
                tasks.create_task(self._store_changes(), name="store changes")
                await self._judge()
        finally:
            await self._close()

    def weigh(self, route: Route) -> Route:
        """Return a routing table's route with the weights that are in force now."""
        of = self._rollout(route.name)
        self._wake.set()
        return of.weigh(route, self._silent_seconds(), was_read=self._was_read)

    async def _open(self) -> None:
        failures = 0
        while not self._was_read:
            try:
                await self._store.open()
            except StateError as error:
                failures += 1
                self._note("open", str(error))
                self._put_in_force()
                pause = exponential_backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, failures)
                await asyncio.sleep(pause)
            else:
                self._was_read = True
                self._note("open", "")

    async def _judge(self) -> Never:
        while True:
            self._wake.clear()
            self._adopt()
            for each in tuple(self._by_name.values()):
                each.emit_changes()
                self._look_at(each)
            self._put_in_force()
            self._emit_problems()
            await asyncio.sleep(GAP_SECONDS)
            await self._until_next_look()

    async def _until_next_look(self) -> None:
        judged = any(each.plan is not None for each in self._by_name.values())
        if not judged:
            await self._wake.wait()
            return
        look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._wake.set)
        await self._wake.wait()
        look.cancel()

    def _look_at(self, rollout: RouteRollout) -> None:
        if rollout.has_change() and rollout not in self._storing:
            self._storing.add(rollout)
            self._to_store.put_nowait(rollout)

    async def _store_changes(self) -> Never:
        while True:
            rollout = await self._to_store.get()
            try:
                await self._publish()  # first: a change counts from what is published
                await rollout.store_found()
            except StateError as error:
                rollout.emit_kept()
                self._note("store", str(error))
            else:
                self._note("store", "")
            finally:
                self._storing.discard(rollout)

    async def _publish_evidence(self) -> Never:
        while True:
            await asyncio.sleep(PUBLISH_SECONDS)
            try:
                await self._publish()
            except StateError as error:
                self._note("publish", str(error))
            else:
                self._note("publish", "")

    async def _publish(self) -> None:
        async with self._publishing:  # sums only grow: older ones must not come last
            rollouts = self._by_name.items()
            sums = {name: own for name, each in rollouts if any(own := each.own_sums)}
            if sums != self._published:
                await self._store.publish(sums)
                self._published = sums

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._publish()
        except (StateError, TimeoutError):
            pass  # what was seen since the last time is not counted
        finally:
            await self._store.close()

    def _adopt(self) -> None:
        """Take up the routes in force; those that were replaced keep their evidence."""
        running = {each.given.name: each for each in self._routes.in_force()}
        for name in self._by_name.keys() - running.keys():
            del self._by_name[name]
        for name, each in running.items():
            self._rollout(name).adopt(each)

    def _rollout(self, name: str) -> RouteRollout:
        found = self._by_name.get(name)
        if found is None:
            found = RouteRollout(name, self._store, self._observer, self._wake, self._wall)
            self._by_name[name] = found
        return found

    def _put_in_force(self) -> None:
        silent = self._silent_seconds()
        for each in self._by_name.values():
            each.put_in_force(silent, was_read=self._was_read)

    def _silent_seconds(self) -> float:
        if self._was_read:
            return self._store.silent_seconds()
        began, now = self._began_at, asyncio.get_running_loop().time()
        return 0.0 if began is None else now - began

    def _note(self, what: str, why: str) -> None:
        self._errors[what] = why
        self._emit_problems()

    def _emit_problems(self) -> None:
        problems, now = self.problems, asyncio.get_running_loop().time()
        if problems == self._problems:
            return
        if problems and self._problems and now - self._problems_at < PROBLEMS_SECONDS:
            return  # an API that is away may say why in other words each time
        self._problems, self._problems_at = problems, now
        self._observer.observe(StateProblems(problems))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is torn or out of reach of the shared state, in words."""
        found = (*self._store.problems, *filter(None, self._errors.values()))
        others = self._store.state.others
        if others is not None and others not in [each.known for each in self._by_name.values()]:
            found = tuple(each for each in found if each != others.why)  # no route is torn by now
        return tuple(dict.fromkeys(found))

    def in_force(self) -> Sequence[RouteRollout]:
        """Return the rollouts of the routes in force, in file order."""
        self._adopt()
        return [self._by_name[each.given.name] for each in self._routes.in_force()]

    def find(self, name: str) -> RouteRollout:
        """Return the rollout of a route in force; raises UnknownRouteError."""
        self._adopt()
        found = self._by_name.get(name)
        if found is None:
            there = ", ".join(self._by_name) or "none"
            raise UnknownRouteError(f"there is no route {name}; there are: {there}")
        return found

    async def change(
        self, rollout: RouteRollout, change: StateChange, by: str, *, at_once: bool = False
    ) -> None:
        """Store a change and have it in force; raises StateError.

        `at_once`: it is in force here also where it cannot be stored yet.
        """
        if not self._was_read:
            raise StateError(self._errors.get("open") or "the state has not been read yet")
        if at_once:
            rollout.keep_unless_stored(change)
            rollout.put_in_force(self._silent_seconds(), was_read=True)
        try:
            await self._publish()
            await (rollout.store_found() if at_once else rollout.store(change, by=by))
        except StateError as error:
            rollout.emit_kept()
            if not at_once:
                raise
            raise StateError(f"{error}; {COUNTS_HERE}") from error
        rollout.put_in_force(self._silent_seconds(), was_read=True)
        self._wake.set()
