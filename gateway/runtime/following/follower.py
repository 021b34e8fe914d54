"""Keeps routes in step with the objects that they follow.

Task tree, all of it under one TaskGroup:

    follower -> follow OBJECT (the source's own tree), one for each object however many routes
                follow it, its delegates included

Nothing of it is begun before a route follows anything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never, Protocol

from gateway.core.routing.weights import following
from gateway.follow_port import FollowError, FollowView
from gateway.runtime.following.news import News
from gateway.runtime.following.route_following import RouteFollowing
from gateway.runtime.following.watched import WatchedObject
from gateway.runtime.routes import Barrier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.routing.mesh.plan import FollowPlan, ObjectName
    from gateway.core.routing.route import Route
    from gateway.follow_port import ObjectSource
    from gateway.ports import Observer
    from gateway.runtime.following.watched import Aside

GAP_SECONDS: Final = 0.05
"""Between two looks: what changes more often is compiled together."""

MOST_GAP_SECONDS: Final = 1.0
GAP_TO_WORK: Final = 9
"""A look that took long is followed by a gap of this many times its length, up to the most: a large
object that changes all the time takes a tenth of a core, and is in force within two seconds."""

LOOK_SECONDS: Final = 1.0
"""How often is looked whether an object has been out of reach for too long."""

IDLE_LOOK_SECONDS: Final = 30.0
"""How often is looked else, so that what a removed route followed is not followed any more."""

OPEN_AGAIN_SECONDS: Final = 5.0

_WHAT_TO_DO: Final = (
    "check that the API server is in reach and lets the gateway read the object; with"
    " `follow.start: stable` the route begins without it"
)


class FollowingRoute(Protocol):
    """A route at work: `given` by the routing table."""

    given: Route

    def weigh_anew(self) -> bool:
        """Decide by what is in force from the next message on; return whether that differs."""


class FollowingRoutes(Protocol):
    """The routes at work."""

    def in_force(self) -> Sequence[FollowingRoute]:
        """Return the routes of the table in force, in file order."""

    def admit(self) -> None:
        """Let those routes poll that nothing holds up any more."""


class Follower:
    """What the routes in force follow. `clock` gives seconds on any clock, `wall` Unix time."""

    def __init__(
        self,
        source: ObjectSource,
        routes: FollowingRoutes,
        observer: Observer,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        aside: Aside = asyncio.to_thread,
    ) -> None:
        self._source = source
        self._routes = routes
        self._observer = observer
        self._clock = clock
        self._wall = wall
        self._namespace: str | None = None  # the gateway's own, once the source is open
        self._closed_why = ""
        self._by_route: dict[str, RouteFollowing] = {}
        self._objects: dict[ObjectName, WatchedObject] = {}
        self._news = News()
        self._aside = aside
        self._wake = asyncio.Event()

    async def run(self) -> Never:
        """Follow for ever; connections are closed once this is cancelled."""
        tasks: dict[ObjectName, asyncio.Task[Never]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._wake.clear()
                    if any(each.given.follow for each in self._routes.in_force()):
                        await self._open()
                    began = self._clock()
                    await self._look()
                    self._follow_all(group, tasks)
                    await asyncio.sleep(_gap(self._clock() - began))
                    await self._until_next_look()
        finally:
            await self._source.close()

    def weigh(self, route: Route) -> Route:
        """Return the route with what it follows in force."""
        found = self._of(route)
        if found is None:
            return route
        found.look()
        return following(route, found.followed)

    def waits(self, route: Route) -> Barrier | None:
        """Return why a route must not receive yet; None where it may."""
        plan = route.follow
        if plan is None or not plan.waits:
            return None
        found = self._of(route)
        if found is not None and found.is_read:
            return None
        why = self._closed_why if found is None else found.view().problem
        name = plan.object if found is None else found.plan.object
        what = f"{name} has not been read yet{f': {why}' if why else ''}"
        return Barrier(what, _WHAT_TO_DO, failed=bool(why))

    def views(self) -> Sequence[FollowView]:
        """Return what the routes in force follow, in file order."""
        routes = [each.given for each in self._routes.in_force()]
        return [self._view(each, each.follow) for each in routes if each.follow is not None]

    def _view(self, route: Route, plan: FollowPlan) -> FollowView:
        found = self._of(route)
        if found is None:
            name, host = str(plan.object), plan.follow.host
            return FollowView(route.name, name, host, problem=self._closed_why)
        return found.view()

    async def _open(self) -> None:
        """Open the source, once, for as long as that takes."""
        while self._namespace is None:
            try:
                self._namespace = await self._source.open()
            except FollowError as error:
                if str(error) != self._closed_why:
                    self._closed_why = str(error)
                    self._routes.admit()
                self._emit_changes()
                await asyncio.sleep(OPEN_AGAIN_SECONDS)

    def _of(self, route: Route) -> RouteFollowing | None:
        """Return what a route follows; None where that is nothing, or before the source is open."""
        if route.follow is None:
            if self._by_route.pop(route.name, None) is not None:
                self._wake.set()
            return None
        if self._namespace is None:
            self._wake.set()
            return None
        plan = route.follow.within(self._namespace)
        found = self._by_route.get(route.name)
        if found is None:
            found = self._by_route[route.name] = RouteFollowing(route.name, plan, self._find)
        else:
            found.adopt(plan)
        return found

    def _find(self, name: ObjectName) -> WatchedObject:
        found = self._objects.get(name)
        if found is None:
            found = WatchedObject(name, self._wake.set, clock=self._clock, wall=self._wall)
            self._objects[name] = found
            self._wake.set()
        return found

    async def _look(self) -> None:
        """Put in force what is small, then each that is large once it is ready."""
        self._put_in_force()
        for each in tuple(self._by_route.values()):
            if await each.prepare(self._aside):
                self._put_in_force()

    def _put_in_force(self) -> None:
        running = self._routes.in_force()
        names = {each.given.name for each in running}
        for name in self._by_route.keys() - names:
            del self._by_route[name]
        for each in running:
            if each.given.follow is not None:
                each.weigh_anew()
        self._routes.admit()
        self._emit_changes()

    def _follow_all(
        self, group: asyncio.TaskGroup, tasks: dict[ObjectName, asyncio.Task[Never]]
    ) -> None:
        """Follow what routes follow now, and nothing else."""
        wanted = {name for each in self._by_route.values() for name in each.objects}
        for name in self._objects.keys() - wanted:
            del self._objects[name]
            if name in tasks:
                tasks.pop(name).cancel()
        for name in wanted:
            if name not in tasks:
                running = self._source.follow(name, self._find(name))
                tasks[name] = group.create_task(running, name=f"follow {name}")

    async def _until_next_look(self) -> None:
        troubled = any(each.why for each in self._objects.values())
        seconds = LOOK_SECONDS if troubled else IDLE_LOOK_SECONDS
        if self._news.due_at is not None:
            seconds = min(seconds, max(0.0, self._news.due_at - self._clock()))
        look = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        await self._wake.wait()
        look.cancel()

    def _emit_changes(self) -> None:
        """Emit what is news: an object in force, one that is refused or gone, or out of reach."""
        for event in self._news.take(self.views(), self._clock()):
            self._observer.observe(event)


def _gap(took_seconds: float) -> float:
    return max(GAP_SECONDS, min(MOST_GAP_SECONDS, GAP_TO_WORK * took_seconds))
