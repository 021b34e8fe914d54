"""One queue in two routes, and dead-letter queues in a circle: the later route is not polled."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.core.events import Phase, PhaseChanged
from gateway.core.routing.route import RoutingTable
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
    found = find_clashes(resolved)
    assert found.keys() == barred.keys()
    assert all(f"route {first}," in found[name].why for name, first in barred.items())


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
