"""One queue in two routes, and dead-letter queues in a circle: the later route is not polled."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.core.addresses import parse_queue
from gateway.core.events import Phase, PhaseChanged
from gateway.core.routing.route import RoutingTable
from gateway.core.routing.version import Version
from gateway.ports import SourceTraits
from gateway.runtime.shared_queues import find_clashes
from tests.builders import route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation
from tests.unit.runtime.test_route_set import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.core.routing.route import Route
    from gateway.runtime.running_route import RunningRoute
    from tests.fakes.source import InMemorySource

FIRST, SECOND, OTHER = (route(name=name, queue=f"queue-{name}") for name in ("a", "b", "c"))


def traits(identity: str, *dead_letters: str) -> SourceTraits:
    return SourceTraits("url", 30, identity=identity, dead_letters=frozenset(dead_letters))


@pytest.mark.parametrize(
    ("resolved", "barred"),
    [
        ({"a": traits("1"), "b": traits("2")}, {}),
        ({"a": traits("1"), "b": traits("1"), "c": traits("1")}, {"b": "a", "c": "a"}),
        ({"a": traits("1", "2"), "b": traits("2")}, {}),
        ({"a": traits("1", "2"), "b": traits("2", "1")}, {"b": "a"}),
        ({"a": traits("1", "2"), "b": traits("2", "3"), "c": traits("3", "1")}, {"c": "b"}),
        ({"a": traits("1", "2"), "b": traits("2", "1"), "c": traits("2")}, {"b": "a"}),
        ({"a": traits("1", "3"), "b": traits("2", "3"), "c": traits("3")}, {}),
        ({"a": SourceTraits("u", 30), "b": SourceTraits("u", 30)}, {}),
    ],
)
def test_the_later_one_of_two_that_clash_is_barred_and_names_the_first(
    resolved: dict[str, SourceTraits], barred: dict[str, str]
) -> None:
    found = find_clashes(resolved, {name: {} for name in resolved})
    assert found.keys() == barred.keys()
    assert all(f"route {first}," in found[name].why for name, first in barred.items())


THREE = {"a": traits("1"), "b": traits("2"), "c": traits("3")}


@pytest.mark.parametrize(
    ("targets", "barred"),
    [
        ({"a": {"2": "v"}, "b": {"3": "v"}, "c": {}}, {}),
        ({"a": {"2": "v"}, "b": {"9": "v", "1": "w"}, "c": {}}, {"b": ("w", "b to a to b")}),
        (
            {"a": {"2": "v"}, "b": {"3": "v"}, "c": {"1": "v"}},
            {"c": ("v", "c to a to b to c")},
        ),
        ({"a": {"1": "v"}, "b": {"2": "x"}, "c": {}}, {"a": ("v", "a to a"), "b": ("x", "b to b")}),
        # What is not polled closes no circle for others; two ways to one queue are no circle.
        (
            {"a": {"2": "v"}, "b": {"1": "v", "3": "w"}, "c": {"2": "v"}},
            {"b": ("v", "b to a to b")},
        ),
        ({"a": {"2": "v", "3": "w"}, "b": {"3": "v"}, "c": {}}, {}),
        # The shortest of several circles is told.
        (
            {"a": {"2": "v"}, "b": {"3": "v"}, "c": {"1": "v", "2": "w"}},
            {"c": ("w", "c to b to c")},
        ),
    ],
)
def test_the_route_that_closes_a_circle_by_its_version_s_queue_is_barred_and_tells_the_way(
    targets: dict[str, dict[str, str]], barred: dict[str, tuple[str, str]]
) -> None:
    found = find_clashes(THREE, targets)
    assert found.keys() == barred.keys()
    for name, (version, way) in barred.items():
        assert f"version {version} closes a circle" in found[name].why
        assert found[name].why.replace("route ", "").endswith(f": {way}")


def test_the_queue_of_a_route_that_is_not_resolved_closes_no_circle() -> None:
    targets = {"a": {"2": "v"}, "b": {"1": "v"}}
    assert find_clashes({"a": traits("1"), "b": SourceTraits("u", 30)}, targets) == {}
    assert find_clashes({"a": traits("1")}, targets) == {}


class Clashing(World):
    """A world in which the queues of routes a and b are one; `late` is resolved a minute later."""

    def __init__(self, late: str = "") -> None:
        super().__init__()
        self._late = late

    def _make(self, of: Route) -> RunningRoute:
        running = super()._make(of)
        queue = self.queues[of.queue.name]
        queue.round_trip_seconds = 60.0 if of.name == self._late else 0.0
        if of.name in "ab":
            self._clash(queue)
        return running

    def _clash(self, queue: InMemorySource) -> None:
        queue.identity = "one"

    def shown(self) -> dict[str, PhaseChanged]:
        return {view.route.name: view.phase for view in self.routes.views()}

    async def until(self, **phases: Phase) -> None:
        await self.bell.until(
            lambda: {name: shown.phase for name, shown in self.shown().items()} == phases
        )

    def receives(self, queue: str) -> int:
        return len(self.queues[queue].calls_of(Operation.RECEIVE))


class Circle(Clashing):
    """A world in which the dead letters of a and b go to each other's queue."""

    def _clash(self, queue: InMemorySource) -> None:
        queue.identity = queue.name
        queue.dead_letter_identities = frozenset({"queue-a", "queue-b"} - {queue.name})


@asynccontextmanager
async def clashing(world_made: Clashing) -> AsyncIterator[Clashing]:
    async with world(made=world_made):
        yield world_made


@VIRTUAL_TIME
@pytest.mark.parametrize("kind", [Clashing, Circle])
@pytest.mark.parametrize("late", ["a", "b", ""])
async def test_of_two_routes_that_clash_the_later_one_is_not_polled(
    kind: type[Clashing], late: str
) -> None:
    """Whichever of them is resolved first."""
    async with clashing(kind(late)) as made:
        made.routes.swap(RoutingTable((FIRST, SECOND, OTHER)))
        await made.until(a=Phase.POLLING, b=Phase.FAILED, c=Phase.POLLING)
        why = made.shown()["b"].why
        assert "route a," in why
        assert made.routes.unready() == [f"route b: {why}"]
        await asyncio.sleep(600)
        assert (made.receives("queue-b"), made.receives("queue-a") > 0) == (0, True)
        failed = [each for each in made.observer.of(PhaseChanged) if each.phase is Phase.FAILED]
        assert len(failed) == 1
        assert failed[0].what_to_do


class Slow(Clashing):
    """A world in which the queue of route a is resolved some turns of the loop after b's."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._turns = turns

    def _clash(self, queue: InMemorySource) -> None:
        super()._clash(queue)
        if queue.name == "queue-a":
            resolve = queue.open

            async def late() -> SourceTraits:
                for _ in range(self._turns):
                    await asyncio.sleep(0)
                return await resolve()

            queue.open = late  # type: ignore[method-assign]


@VIRTUAL_TIME
@pytest.mark.parametrize("turns", range(8))
async def test_a_route_that_is_barred_just_before_it_would_poll_does_not(turns: int) -> None:
    """Its queue is resolved; a turn of the loop later, before its first poll, so is another's."""
    async with clashing(Slow(turns)) as made:
        made.routes.swap(RoutingTable((FIRST, SECOND)))
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
        await asyncio.sleep(60)
        assert made.shown()["b"].phase is Phase.FAILED


@VIRTUAL_TIME
@pytest.mark.parametrize("kind", [Clashing, Circle])
async def test_once_a_reload_removes_the_first_one_the_second_is_polled(
    kind: type[Clashing],
) -> None:
    async with clashing(kind()) as made:
        made.routes.swap(RoutingTable((FIRST, SECOND)))
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
        made.routes.swap(RoutingTable((SECOND,)))
        await made.until(b=Phase.POLLING)
        assert made.routes.unready() == []


@VIRTUAL_TIME
async def test_a_reload_that_puts_the_second_one_first_has_it_polled_instead() -> None:
    async with clashing(Clashing()) as made:
        made.routes.swap(RoutingTable((FIRST, SECOND)))
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
        made.routes.swap(RoutingTable((SECOND, FIRST)))
        await made.until(b=Phase.POLLING, a=Phase.FAILED)
        assert "route b," in made.shown()["a"].why


@VIRTUAL_TIME
async def test_a_route_that_waits_for_another_s_queue_stops_at_once() -> None:
    async with clashing(Clashing()) as made:
        made.routes.swap(RoutingTable((FIRST, SECOND)))
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
    assert made.queues["queue-b"].closed


# ---- circles by the queues of versions ----------------------------------------------------


class Named(Clashing):
    """A world in which each queue is what its name says."""

    def _clash(self, queue: InMemorySource) -> None:
        queue.identity = queue.name


def forwarding(name: str, to: str) -> Route:
    return route(name=name, queue=f"queue-{name}", versions=[version_at(to)])


def version_at(queue: str) -> Version:
    return Version("pull", "v1", queue=parse_queue(queue))


THERE, BACK = forwarding("a", "at-b"), forwarding("b", "at-a")


def found(made: Clashing, *queues: str) -> None:
    """Have these addresses of versions turn out to be queues of routes."""
    for queue in queues:
        made.routes.found(parse_queue(queue), queue.replace("at-", "queue-"))


@VIRTUAL_TIME
@pytest.mark.parametrize("order", [("at-a", "at-b"), ("at-b", "at-a")])
async def test_a_circle_that_shows_late_ends_the_polls_of_the_later_route(
    order: tuple[str, str],
) -> None:
    """Both are polled until the second queue is found; then it stays so over its new start."""
    async with clashing(Named()) as made:
        made.routes.swap(RoutingTable((THERE, BACK)))
        await made.until(a=Phase.POLLING, b=Phase.POLLING)
        found(made, order[0])
        assert made.routes.unready() == []
        found(made, order[1])
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
        (why,) = made.routes.unready()
        assert why == (
            "route b: the queue of its version pull closes a circle, messages would go round for"
            " ever: route b to route a to route b"
        )
        assert made.shown()["b"].what_to_do
        await asyncio.sleep(600)
        found(made, *order)
        await asyncio.sleep(600)
        failed = [each for each in made.observer.of(PhaseChanged) if each.phase is Phase.FAILED]
        assert (len(failed), made.receives("queue-b")) == (1, 0)


@VIRTUAL_TIME
async def test_a_circle_that_is_known_before_the_queues_are_resolved_is_never_polled() -> None:
    async with clashing(Named()) as made:
        made.routes.swap(RoutingTable((THERE, BACK)))
        found(made, "at-a", "at-b")
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
        await asyncio.sleep(600)
        assert made.receives("queue-b") == 0


@VIRTUAL_TIME
async def test_a_reload_that_opens_the_circle_has_the_later_route_polled() -> None:
    async with clashing(Named()) as made:
        made.routes.swap(RoutingTable((THERE, BACK)))
        found(made, "at-a", "at-b")
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
        made.routes.swap(RoutingTable((forwarding("a", "at-c"), BACK)))
        await made.until(a=Phase.POLLING, b=Phase.POLLING)
        found(made, "at-c")
        assert made.routes.unready() == []


@VIRTUAL_TIME
async def test_an_address_that_comes_to_mean_another_queue_is_judged_anew() -> None:
    async with clashing(Named()) as made:
        made.routes.swap(RoutingTable((THERE, BACK)))
        found(made, "at-a", "at-b")
        await made.until(a=Phase.POLLING, b=Phase.FAILED)
        made.routes.found(parse_queue("at-a"), "another")
        await made.until(a=Phase.POLLING, b=Phase.POLLING)
