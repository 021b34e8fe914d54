"""What comes into force, and what does not: the last good table stays through every problem."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.config.file import read
from gateway.config.watcher import FileWeights
from gateway.core.events import Event, Reloaded, ReloadFailed, TableInForce
from gateway.core.routing.route import RoutingTable
from gateway.ports import Loaded
from gateway.reloader import Reloader
from gateway.runtime.routes import RouteSet
from tests.builders import route
from tests.fakes.observer import FakeObserver

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.core.routing.route import Route
    from gateway.runtime.running_route import RunningRoute


def text(weight: int) -> str:
    return f"""
routes:
  - name: orders
    queue: orders
    versions: {{stable: http://b.test/, canary: http://b1.test/}}
    split: {{stable: 90, canary: {weight}}}
"""


def other_table(name: str) -> RoutingTable:
    return RoutingTable((route(name=name),), digest=name)


def no_route(_route: Route) -> RunningRoute:
    raise AssertionError("nothing is started before the routes begin")


class Desk:
    """A Reloader of a file, with routes that are never started, and the events it emits."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.first = read(file)
        self.routes = RouteSet(no_route)
        self.observer = FakeObserver()
        weights = FileWeights(file, self.first.digest)
        self.reloader = Reloader(weights, self.routes, self.observer, self.first)

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.observer.timed]

    def in_force(self) -> RoutingTable:
        return self.observer.of(TableInForce)[-1].table


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    file = tmp_path / "routes.yaml"
    file.write_text(text(10))
    made = Desk(file)
    made.reloader.begin()
    return made


async def test_the_first_table_is_the_first_generation(desk: Desk) -> None:
    assert desk.events == [TableInForce(desk.first, 1), Reloaded(1, ("orders",))]
    assert desk.reloader.generation == 1


async def test_a_changed_file_is_the_next_generation(desk: Desk) -> None:
    desk.file.write_text(text(20))
    result = await desk.reloader.reload()
    assert isinstance(result, Reloaded)
    assert desk.reloader.generation == result.generation == 2
    assert desk.in_force().routes[0].split_weights() == {"stable": 90, "canary": 20}
    assert desk.events[-2:] == [TableInForce(desk.in_force(), 2), result]


async def test_the_same_content_is_accepted_and_is_no_new_generation(desk: Desk) -> None:
    assert await desk.reloader.reload() == Reloaded(1)
    assert desk.events[2:] == [Reloaded(1)]


async def test_a_broken_file_changes_nothing_and_every_problem_is_told(desk: Desk) -> None:
    desk.file.write_text("routes: [")
    result = await desk.reloader.reload()
    assert isinstance(result, ReloadFailed)
    assert result.generation == desk.reloader.generation == 1
    assert all(problem.startswith(str(desk.file)) for problem in result.problems)
    assert desk.events[2:] == [result]
    desk.file.write_text(text(10))
    assert await desk.reloader.reload() == Reloaded(1)


async def test_a_missing_file_changes_nothing(desk: Desk) -> None:
    desk.file.unlink()
    result = await desk.reloader.reload()
    assert isinstance(result, ReloadFailed)
    assert "cannot be read" in result.problems[0]
    assert desk.in_force() is desk.first


async def test_a_new_table_comes_too_late_once_the_gateway_stops(desk: Desk) -> None:
    desk.routes.stop(0)
    desk.file.write_text(text(20))
    result = await desk.reloader.reload()
    assert isinstance(result, ReloadFailed)
    assert "the gateway is stopping" in result.problems[0]
    assert desk.in_force() is desk.first


async def test_what_is_offered_comes_into_force(desk: Desk) -> None:
    other = other_table("payments")

    async def load() -> Loaded:
        return Loaded("other", other)

    await desk.reloader.offer(load)
    assert desk.in_force() is other
    assert desk.events[-1] == Reloaded(2, ("payments",))


async def test_an_offer_that_is_outdated_changes_nothing_and_says_nothing(desk: Desk) -> None:
    async def load() -> None:
        return None

    await desk.reloader.offer(load)
    assert len(desk.events) == 2


async def test_offers_are_loaded_one_at_a_time_in_their_order(desk: Desk) -> None:
    """Else a slow load of older content could replace newer content."""
    began: list[str] = []
    may_end = asyncio.Event()

    async def slow() -> Loaded:
        began.append("slow")
        await may_end.wait()
        return Loaded("older", other_table("older"))

    async def quick() -> Loaded:
        began.append("quick")
        return Loaded("newer", other_table("newer"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.reloader.offer(slow))
        tasks.create_task(desk.reloader.offer(quick))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert began == ["slow"]
        may_end.set()
    assert began == ["slow", "quick"]
    assert desk.in_force().routes[0].name == "newer"
