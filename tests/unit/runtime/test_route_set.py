"""The routes of a table at work: started, swapped, drained and stopped together."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress
from gateway.core.routing.route import Route, RoutingTable
from gateway.runtime.routes import RouteSet, plan
from gateway.runtime.running_route import RunningRoute
from tests.builders import route, version
from tests.fakes import VIRTUAL_TIME
from tests.fakes.bell import Bell
from tests.fakes.observer import FakeObserver
from tests.fakes.source import InMemorySource
from tests.fakes.target import FakeTarget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.core.routing.version import Version

pytestmark = VIRTUAL_TIME

HOUR = 3600.0
PATIENT = version("stable", "v1", timeout_seconds=2 * HOUR)


class World:
    """A RouteSet whose routes have queues in memory, by the queue's name, and one target."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.observer = FakeObserver(self.bell)
        self.target = FakeTarget(self.bell)
        self.queues: dict[str, InMemorySource] = {}
        self.routes = RouteSet(self._make)

    def _make(self, of: Route) -> RunningRoute:
        queue = self.queues[of.queue.name] = InMemorySource(of.queue.name, bell=self.bell)
        loop = asyncio.get_running_loop()
        return RunningRoute(
            of, queue, self._target, self.observer, wall=loop.time, random=lambda: 0.0
        )

    def _target(self, _version: Version) -> FakeTarget:
        return self.target

    async def holding(self, queue: str, messages: int) -> None:
        """Send messages to a queue, and have the target hold their deliveries."""
        self.target.hold()
        before = self.target.running
        self.queues[queue].send_many(messages)
        await self.bell.until(lambda: self.target.running == before + messages)


@asynccontextmanager
async def world(*routes: Route, made: World | None = None) -> AsyncIterator[World]:
    """Begin with these routes; when the block ends, all are stopped."""
    async with asyncio.timeout(24 * HOUR), asyncio.TaskGroup() as tasks:
        made = made or World()
        made.routes.begin(tasks)
        made.routes.swap(RoutingTable(routes))
        await made.routes.started()
        yield made
        made.target.release()
        made.routes.stop(HOUR)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


def on_queue(queue: str) -> Route:
    return route(queue=queue, versions=[PATIENT])


async def test_routes_are_shown_in_file_order_and_ready_once_all_poll() -> None:
    async with world(route(name="b"), route(name="a")) as made:
        assert [view.route.name for view in made.routes.views()] == ["b", "a"]
        assert made.routes.unready() == []
        made.routes.swap(RoutingTable((route(name="c"), route(name="a"), route(name="b"))))
        assert [view.route.name for view in made.routes.views()] == ["c", "a", "b"]
        assert made.routes.unready() == ["route c: its queue is not resolved yet"]


def test_what_a_consumer_was_begun_with_replaces_a_route_and_all_else_is_swapped_in_place() -> None:
    topic = TopicAddress("orders")
    kafka = KafkaPlan(("kafka:9092",), topic, "orders", Start.EARLIEST)
    before = replace(route(), queue=topic, kafka=kafka)
    longer = replace(before, kafka=replace(kafka, max_attempts=99))
    wider = replace(before, kafka=replace(kafka, max_behind=99))
    running = {before.name: before}
    assert plan(running, RoutingTable((longer,))).swap == (longer,)
    assert plan(running, RoutingTable((wider,))).replace == (wider,)


async def test_before_it_begins_nothing_is_started() -> None:
    made = World()
    made.routes.swap(RoutingTable((route(),)))
    assert made.routes.views() == made.routes.unready() == made.routes.stuck() == []
    assert made.queues == {}


async def test_a_replaced_route_drains_beside_its_successor_and_both_count() -> None:
    async with world(on_queue("old")) as made:
        await made.holding("old", 3)
        made.routes.swap(RoutingTable((on_queue("new"),)))
        await made.routes.started()
        assert [view.route.queue.name for view in made.routes.views()] == ["new"]
        await made.holding("new", 2)
        assert made.routes.in_flight() == {"orders": 5}
        made.target.release()
        await made.bell.until(lambda: made.queues["old"].closed)
        await made.bell.until(lambda: made.routes.in_flight() == {"orders": 0})
        assert not made.queues["old"].left
        assert made.routes.unready() == []


async def test_a_removed_route_drains_for_hours_and_is_shown_no_more() -> None:
    other = route(name="other", queue="other")
    async with world(on_queue("orders"), other) as made:
        await made.holding("orders", 1)
        change = made.routes.swap(RoutingTable((other,)))
        assert change.stop == ("orders",)
        assert [view.route.name for view in made.routes.views()] == ["other"]
        assert made.routes.in_flight() == {"other": 0}
        await asyncio.sleep(HOUR)
        assert not made.queues["orders"].closed
        made.target.release()
        await made.bell.until(lambda: made.queues["orders"].closed)
        assert not made.queues["orders"].left


async def test_a_stop_gives_a_draining_route_no_more_time_than_the_others() -> None:
    async with world(on_queue("old")) as made:
        await made.holding("old", 1)
        made.routes.swap(RoutingTable((on_queue("new"),)))
        await made.routes.started()
        began = asyncio.get_running_loop().time()
        made.routes.stop(5)
        wait_seconds = on_queue("old").wait_seconds
        await made.bell.until(lambda: made.queues["old"].closed and made.queues["new"].closed)
        assert asyncio.get_running_loop().time() - began <= wait_seconds + 2
        assert made.queues["old"].left


async def test_a_halt_stops_running_and_draining_routes_at_once() -> None:
    async with world(on_queue("old")) as made:
        await made.holding("old", 1)
        made.routes.swap(RoutingTable((on_queue("new"),)))
        await made.routes.started()
        await made.holding("new", 1)
        made.routes.stop(HOUR)
        made.routes.halt()
        await made.bell.until(lambda: made.queues["old"].closed and made.queues["new"].closed)
        assert all(each.cancelled for each in made.target.sent)


async def test_a_stopping_gateway_is_not_ready_for_one_reason() -> None:
    async with world(route(), route(name="other")) as made:
        made.routes.stop(HOUR)
        assert made.routes.unready() == ["the gateway is stopping"]
