"""The follower over a scripted source, in virtual time, beside the driver of rollouts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gateway.adapters.state.memory import MemoryStore
from gateway.core.rollout.state import RolloutPhase
from gateway.core.routing.decider import decider_of
from gateway.core.routing.mesh.events import FollowChanged
from gateway.core.routing.route import RoutingTable
from gateway.follow_port import FollowError, ObjectListener
from gateway.runtime.following.follower import Follower
from gateway.runtime.following.watched import OUT_OF_REACH_SECONDS
from gateway.runtime.rollouts.driver import RolloutDriver
from gateway.runtime.rollouts.requests import RolloutRequests
from gateway.runtime.routes import RouteSet
from gateway.runtime.running_route import RunningRoute
from tests.builders import message
from tests.fakes import VIRTUAL_TIME
from tests.fakes.bell import Bell
from tests.fakes.observer import FakeObserver
from tests.fakes.source import InMemorySource
from tests.fakes.target import FakeTarget
from tests.unit.config.test_follow_objects import URLS
from tests.unit.config.test_rollout_objects import route_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Never

    from gateway.core.routing.mesh.plan import ObjectName
    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME


class ScriptedObjects:
    """An ObjectSource whose listeners a test calls; with `refuses` it cannot be opened."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.listeners: dict[str, ObjectListener] = {}
        self.closed = False

    async def open(self) -> str:
        if self.refuses:
            raise FollowError(self.refuses)
        return "shop"

    async def follow(self, name: ObjectName, listener: ObjectListener) -> Never:
        self.listeners[str(name)] = listener
        try:
            while True:
                await asyncio.Event().wait()
        finally:
            del self.listeners[str(name)]

    async def close(self) -> None:
        self.closed = True


class World:
    """One replica: a route that follows, judged too, over a queue in memory."""

    def __init__(self, source: ScriptedObjects, aside: Any = asyncio.to_thread) -> None:
        self.source = source
        self.observer = FakeObserver(Bell())
        loop = asyncio.get_running_loop()
        self.routes = RouteSet(self._running, lambda route: self.follower.waits(route))  # noqa: PLW0108
        self.follower = Follower(
            source, self.routes, self.observer, clock=loop.time, wall=loop.time, aside=aside
        )
        self.driver = RolloutDriver(MemoryStore(), self.routes, self.observer, wall=loop.time)
        self.requests = RolloutRequests(self.driver, wall=loop.time)

    def _running(self, route: Route) -> RunningRoute:
        target = FakeTarget(self.observer.bell)
        return RunningRoute(
            route,
            InMemorySource(route.queue.name, bell=self.observer.bell),
            lambda _: target,
            self.observer,
            wall=lambda: 0.0,
            random=lambda: 0.5,
            weigh=lambda given: self.follower.weigh(self.driver.weigh(given)),
        )

    def swap(self, *routes: Route) -> None:
        self.routes.swap(RoutingTable(routes))

    @property
    def listener(self) -> ObjectListener:
        (found,) = self.source.listeners.values()
        return found

    def canary(self) -> float:
        """The canary's share of a thousand messages, in per cent."""
        decider = decider_of(self.routes.in_force()[0].route)
        found = [decider.decide(message(message_id=str(at))).version for at in range(1000)]
        return 100 * sum(each is not None and each.name == "canary" for each in found) / 1000


@asynccontextmanager
async def world(
    source: ScriptedObjects | None = None, aside: Any = asyncio.to_thread
) -> AsyncIterator[World]:
    made = World(source or ScriptedObjects(), aside)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(made.follower.run()), tasks.create_task(made.driver.run())]
        made.routes.begin(tasks)
        yield made
        made.routes.halt()
        for task in running:
            task.cancel()
    assert made.source.closed


def service(canary: int) -> dict[str, Any]:
    hosts = {"b-primary": 100 - canary, "b-canary": canary}
    route = [{"destination": {"host": host}, "weight": weight} for host, weight in hosts.items()]
    meta = {"name": "b", "namespace": "shop"}
    return {"metadata": meta, "spec": {"hosts": ["b"], "http": [{"route": route}]}}


def following(more: str = "", follow: str = "virtualService: b") -> Route:
    return route_of(f"follow: {{{follow}}}\n{more}", versions=URLS)


async def test_weights_by_hand_stand_over_the_object_until_they_are_cleared() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(service(100))
        made.listener.synced()
        await asyncio.sleep(1)
        assert made.canary() == 100
        assert made.requests.view("orders").phase is RolloutPhase.IDLE
        await made.requests.set_weights("orders", {"canary": 0}, by="Ana")
        assert made.canary() == 0
        made.listener.changed(service(50))
        await asyncio.sleep(1)
        assert made.canary() == 0
        await made.requests.clear_weights("orders", by="Ana")
        assert 45 < made.canary() < 55
        assert made.requests.view("orders").weights == {"stable": 50.0, "canary": 50.0}


async def test_out_of_reach_is_told_after_ten_seconds_and_when_it_is_over() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(service(10))
        made.listener.synced()
        made.listener.failed("no response in time")
        await asyncio.sleep(OUT_OF_REACH_SECONDS - 2)
        assert made.follower.views()[0].valid
        await asyncio.sleep(4)
        view = made.follower.views()[0]
        assert (view.valid, view.problem) == (False, "no response in time")
        made.listener.synced()
        await asyncio.sleep(1)
        assert not made.follower.views()[0].valid, "a list alone brings no changes"
        made.listener.reached()
        await asyncio.sleep(1)
        assert made.follower.views()[0].valid
        assert [each.valid for each in made.observer.of(FollowChanged)] == [True, False, True]
        assert made.routes.unready() == []


async def test_many_changes_are_compiled_together_and_the_last_one_counts() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        for weight in range(101):
            made.listener.changed(service(weight))
        made.listener.synced()
        await asyncio.sleep(1)
        assert made.canary() == 100
        assert len(made.observer.of(FollowChanged)) == 1


def deciders_urls(made: World) -> set[str]:
    decider = decider_of(made.routes.in_force()[0].route)
    found = [decider.decide(message(message_id=str(at))).version for at in range(100)]
    return {each.url for each in found if each is not None}


async def test_a_reload_takes_the_last_good_object_with_it() -> None:
    """The newest one is invalid, and messages go to the urls of the file in force all the same."""
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(service(50))
        made.listener.synced()
        await asyncio.sleep(1)
        made.listener.changed({**service(0), "spec": {"hosts": 5}})
        await asyncio.sleep(1)
        made.swap(route_of("follow: {virtualService: b}", versions=URLS.replace("8080", "9090")))
        await asyncio.sleep(1)
        assert not made.follower.views()[0].valid
        assert deciders_urls(made) == {
            "http://b-primary.shop:9090/events?x=1", "http://b-canary.shop:9090/events",
        }  # fmt: skip
        assert 45 < made.canary() < 55


async def test_a_reload_to_versions_that_the_object_has_not_gives_stable_all() -> None:
    """Nothing goes to versions that the file has no more; the object's next write is obeyed."""
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(service(50))
        made.listener.synced()
        await asyncio.sleep(1)
        other = (
            "{stable: http://c-primary.shop:8080/events, next: http://c-canary.shop:8080/events}"
        )
        made.swap(route_of("follow: {virtualService: b}", versions=other))
        await asyncio.sleep(1)
        assert "no destination is a version" in made.follower.views()[0].problem
        assert deciders_urls(made) == {"http://c-primary.shop:8080/events"}
        made.swap(following())
        await asyncio.sleep(1)
        assert 45 < made.canary() < 55
        assert made.follower.views()[0].valid


def with_delegate(canary: int) -> dict[str, Any]:
    """Give a root whose first route is a delegate's."""
    root = service(canary)
    root["spec"]["http"].insert(
        0, {"match": [{"uri": {"prefix": "/x"}}], "delegate": {"name": "d", "namespace": "shop"}}
    )
    return root


async def test_a_delegate_that_was_never_read_holds_back_no_abort_for_long() -> None:
    """The root's change and its delegate come together, and the delegate may not be read."""
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        root = made.listener
        root.changed(service(50))
        root.synced()
        await asyncio.sleep(1)
        root.changed(with_delegate(0))
        await asyncio.sleep(1)
        (delegate,) = (each for each in made.source.listeners.values() if each is not root)
        delegate.failed("403: may not get virtualservices.networking.istio.io d")
        await asyncio.sleep(OUT_OF_REACH_SECONDS + 2)
        assert made.canary() == 0
        view = made.follower.views()[0]
        assert (view.valid, view.problem[:3]) == (False, "403")


async def test_a_route_does_not_start_without_a_delegate_that_it_could_not_read() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        root = made.listener
        root.changed(with_delegate(100))
        root.synced()
        await asyncio.sleep(1)
        (delegate,) = (each for each in made.source.listeners.values() if each is not root)
        delegate.failed("403: may not get virtualservices.networking.istio.io d")
        await asyncio.sleep(OUT_OF_REACH_SECONDS + 2)
        assert made.routes.unready() != []
        delegate.reached()
        delegate.synced()
        await asyncio.sleep(2)
        assert made.routes.unready() == []


async def test_without_an_api_the_reason_is_shown_and_start_stable_begins() -> None:
    source = ScriptedObjects("there is no Kubernetes API to be found")
    async with world(source) as made:
        stable = following(follow="virtualService: b, start: stable")
        made.swap(stable)
        await asyncio.sleep(1)
        assert made.routes.unready() == []
        view = made.follower.views()[0]
        assert (view.problem, view.host, view.read) == (source.refuses, None, False)
        assert [each.problem for each in made.observer.of(FollowChanged)] == [source.refuses]
        source.refuses = ""
        await asyncio.sleep(6)
        made.listener.changed(service(100))
        await asyncio.sleep(1)
        assert made.canary() == 0, "it was not said yet whether there are delegates"
        made.listener.synced()
        await asyncio.sleep(1)
        assert made.canary() == 100
        view = made.follower.views()[0]
        assert (view.host, view.read) == ("b", True), "the object's first host"


async def test_nothing_is_opened_before_a_route_follows_and_a_reload_may_end_it() -> None:
    async with world(ScriptedObjects("never asked")) as made:
        made.swap(route_of("split: {stable: 90, canary: 10}", versions=URLS))
        await asyncio.sleep(60)
        assert made.observer.of(FollowChanged) == []
        made.source.refuses = ""
        made.swap(following())
        await asyncio.sleep(1)
        assert list(made.source.listeners) == ["VirtualService shop/b"]
        made.swap(route_of("split: {stable: 90, canary: 10}", versions=URLS))
        await asyncio.sleep(1)
        assert made.source.listeners == {}
        assert made.follower.views() == []
        made.swap(following())
        await asyncio.sleep(1)
        assert list(made.source.listeners) == ["VirtualService shop/b"]
        made.swap()
        await asyncio.sleep(60)
        assert made.source.listeners == {}


async def test_a_reload_puts_the_last_good_object_in_force_for_the_new_versions() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(service(100))
        made.listener.synced()
        await asyncio.sleep(1)
        made.listener.changed(service(-1))
        await asyncio.sleep(1)
        assert made.canary() == 100, "the newest is invalid"
        renamed = URLS.replace("canary:", "other:")
        made.swap(route_of("follow: {virtualService: b}", versions=renamed))
        (route,) = [each.route for each in made.routes.in_force()]
        assert dict(route.weights) == {"stable": 0, "other": 100}
        made.swap(route_of("follow: {virtualService: b}", versions="{stable: http://c.shop}"))
        (route,) = [each.route for each in made.routes.in_force()]
        assert decider_of(route).decide(message()).version == route.stable
        assert not made.follower.views()[0].valid
        made.swap(following())
        assert made.canary() == 100, "its versions are there again"
        assert made.routes.unready() == []


async def test_a_valid_object_without_a_version_of_the_new_file_is_told_as_invalid() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(service(100))
        made.listener.synced()
        await asyncio.sleep(1)
        gone = "{stable: http://c.shop/events, canary: http://d.shop/events}"
        made.swap(route_of("follow: {virtualService: b}", versions=gone))
        await asyncio.sleep(1)
        assert made.canary() == 0
        assert "no destination is a version" in made.follower.views()[0].problem
        assert not made.follower.views()[0].valid


async def test_weights_are_per_cent_also_while_there_is_no_object() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        for found, canary in ((service(40), 40), (None, 0), (service(30), 30)):
            made.listener.changed(found)
            made.listener.synced()
            await asyncio.sleep(1)
            (route,) = [each.route for each in made.routes.in_force()]
            weights = {"stable": 100 - canary, "canary": canary}
            assert route.split_weights() == weights
            assert made.requests.view("orders").weights == weights
