"""The routes at work, and what a new routing table changes about them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.runtime.shared_queues import find_clashes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.addresses import QueueAddress
    from gateway.core.history import Watch
    from gateway.core.routing.route import Route, RoutingTable
    from gateway.ports import RouteView
    from gateway.runtime.running_route import RunningRoute

REPLACED_DRAIN_SECONDS: Final = 12 * 3600.0
"""How long a route that a reload removed may go on with its messages: until they are settled."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Routes to start, to stop, to swap in place, and to replace because their queue differs."""

    start: tuple[Route, ...]
    swap: tuple[Route, ...]
    replace: tuple[Route, ...]
    stop: tuple[str, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the routes that differ and stay."""
        return tuple(route.name for route in (*self.swap, *self.replace))


def plan(running: Mapping[str, Route], table: RoutingTable) -> Plan:
    """Compare the running routes with a new table; routes that are equal stay as they are.

    Compiled parts of two tables are never the same objects, so the comparison is by value.
    """
    names = {route.name for route in table.routes}
    known = [route for route in table.routes if route.name in running]
    changed = [route for route in known if route != running[route.name]]
    return Plan(
        start=tuple(route for route in table.routes if route.name not in running),
        swap=tuple(r for r in changed if _receiving(r) == _receiving(running[r.name])),
        replace=tuple(r for r in changed if _receiving(r) != _receiving(running[r.name])),
        stop=tuple(name for name in running if name not in names),
    )


def _receiving(route: Route) -> tuple[object, ...]:
    """Return what a poll was begun with and cannot be changed in place."""
    kafka = None if route.kafka is None else replace(route.kafka, max_attempts=0)
    return route.queue, route.dead_letter, route.wait_seconds, route.visibility_seconds, kafka


class Barrier(NamedTuple):
    """Why a route does not receive, and what to do; not `failed`: it is only not yet time."""

    why: str
    what_to_do: str
    failed: bool = True


def _for_nothing(route: Route) -> None:
    """Return None: the route may receive at once."""


class RouteSet:
    """The running routes by name, and those that a reload removed or replaced and that drain.

    `make` builds a route; it is started under the task group of :meth:`begin`. `waits` returns why
    a route must not receive yet, or None.
    """

    def __init__(
        self,
        make: Callable[[Route], RunningRoute],
        waits: Callable[[Route], Barrier | None] = _for_nothing,
    ) -> None:
        self._make = make
        self._waits = waits
        self._names: tuple[str, ...] = ()  # of the routes in force, in file order
        self._running: dict[str, RunningRoute] = {}
        self._draining: set[RunningRoute] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._watch: Watch | None = None
        self._identities: dict[QueueAddress, str] = {}  # of versions' queues that were found
        self.stopping = False

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Start the routes of every later :meth:`swap` under these tasks."""
        self._tasks = tasks

    def end(self) -> None:
        """Start nothing any more: the task group has ended."""
        self._tasks = None

    def swap(self, table: RoutingTable) -> Plan:
        """Make the routes those of the table; return what changed. Neither fails nor waits."""
        change = plan({name: running.given for name, running in self._running.items()}, table)
        for name in (*change.stop, *(route.name for route in change.replace)):
            self._drain(self._running.pop(name))
        for route in change.swap:
            self._running[route.name].adopt(route)
        for route in (*change.start, *change.replace):
            self._start(route)
        self._names = tuple(route.name for route in table.routes)
        queues = {each.queue for route in table.routes for each in route.versions}
        self._identities = {at: one for at, one in self._identities.items() if at in queues}
        self.admit()
        return change

    def found(self, queue: QueueAddress, identity: str) -> None:
        """Take which queue a version's address means; it may close a circle of routes."""
        if self._identities.get(queue) != identity:
            self._identities[queue] = identity
            self.admit()

    async def close_retired(self) -> None:
        """Close the targets that no version uses any more."""
        for route in tuple(self._running.values()):
            await route.close_retired()

    async def started(self) -> None:
        """Wait until every route that runs now has begun to poll."""
        for route in tuple(self._running.values()):
            await route.started.wait()

    def stop(self, drain_seconds: float) -> None:
        """Stop every route softly; its deliveries get `drain_seconds`."""
        self.stopping = True
        for route in self._running.values():
            route.stop(drain_seconds)
        for route in self._draining:  # from now on it has no more time than the others
            longest = max(drain_seconds, route.route.wait_seconds)
            asyncio.get_running_loop().call_later(longest, route.halt)

    def halt(self) -> None:
        """Stop every route hard."""
        for route in (*self._running.values(), *self._draining):
            route.halt()

    def stuck(self) -> Sequence[str]:
        """Return what has not moved for too long, in words."""
        now = asyncio.get_running_loop().time()
        return [why for route in self._running.values() if (why := route.stuck(now))]

    def unready(self) -> Sequence[str]:
        """Return what is not, or no longer, ready, in words."""
        if self.stopping:
            return ["the gateway is stopping"]
        return [
            f"route {name}: {why}"
            for name, route in self._running.items()
            if (why := route.unready)
        ]

    def in_force(self) -> Sequence[RunningRoute]:
        """Return the routes of the table in force, in file order."""
        return [self._running[name] for name in self._names if name in self._running]

    def views(self) -> Sequence[RouteView]:
        """Return the state of the routes in force, in file order."""
        return [running.view() for running in self.in_force()]

    def in_flight(self) -> dict[str, int]:
        """Return the messages in flight by route in force, with those of a replaced route."""
        count = {name: route.view().in_flight for name, route in self._running.items()}
        for route in self._draining:
            if route.route.name in count:
                count[route.route.name] += route.view().in_flight
        return count

    def limits(self) -> dict[str, int]:
        """Return how many messages each route in force may have in flight at this moment."""
        return {name: route.view().max_in_flight for name, route in self._running.items()}

    def deliveries(self) -> dict[tuple[str, str], int]:
        """Return the deliveries under way by route in force and version, as `in_flight` does."""
        count: dict[tuple[str, str], int] = {}
        for route in (*self._running.values(), *self._draining):
            name = route.route.name
            if name in self._running:
                for version, number in route.view().in_flight_by_version.items():
                    count[name, version] = count.get((name, version), 0) + number
        return count

    def watch(self, watch: Watch | None) -> None:
        """Give every decision to `watch`, also those of later routes; None: to nothing."""
        self._watch = watch
        for route in (*self._running.values(), *self._draining):
            route.watch(watch)

    def _start(self, route: Route) -> None:
        if self._tasks is None:
            return
        running = self._running[route.name] = self._make(route)
        running.watch(self._watch)
        task = self._tasks.create_task(running.run(self.admit), name=f"route {route.name}")
        task.add_done_callback(lambda _: self._draining.discard(running))

    def admit(self) -> None:
        """Let those routes poll that clash with no earlier one of the file and wait for nothing.

        One that polls already, since it was resolved first, starts anew and waits.
        """
        if self.stopping:
            return
        routes = self.in_force()
        clashes = find_clashes(
            {each.route.name: each.traits for each in routes if each.traits is not None},
            {each.route.name: self._version_queues(each.route) for each in routes},
        )
        for each in routes:
            clash = clashes.get(each.route.name)
            barrier = self._waits(each.given) if clash is None else Barrier(*clash)
            if barrier is None:
                each.admit()
            elif not each.bar(barrier.why, barrier.what_to_do, failed=barrier.failed):
                self._drain(self._running.pop(each.route.name))
                self._start(each.given)

    def _version_queues(self, route: Route) -> dict[str, str]:
        """Return the versions by the identity of their queue, as far as these were found."""
        queues = ((each.name, each.queue) for each in reversed(route.versions))
        known = self._identities
        return {
            known[queue]: name for name, queue in queues if queue is not None and queue in known
        }

    def _drain(self, route: RunningRoute) -> None:
        route.stop(REPLACED_DRAIN_SECONDS)
        self._draining.add(route)
