"""Objects that are large or change all the time: the loop goes on, and the log stays short."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.routing.mesh.events import FollowChanged
from gateway.core.routing.mesh.plan import ObjectKind, ObjectName
from gateway.follow_port import FollowView
from gateway.runtime.following.follower import MOST_GAP_SECONDS
from gateway.runtime.following.news import BURST, BURST_SECONDS, News
from gateway.runtime.following.watched import MOST_VALUES_AT_ONCE, WatchedObject
from tests.fakes import VIRTUAL_TIME
from tests.hostile_objects import nested, on_headers
from tests.unit.config.test_follow_objects import URLS
from tests.unit.config.test_rollout_objects import route_of
from tests.unit.runtime.following.test_follower import following, service, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME

TAKES_SECONDS = 0.1
OTHERS = URLS.replace("b-", "c-")


class Aside:
    """Calls functions beside the loop, which takes virtual time; counts them."""

    def __init__(self, seconds: float = TAKES_SECONDS) -> None:
        self.calls = 0
        self._seconds = seconds

    async def __call__(self, act: Callable[[], Any], /) -> Any:
        self.calls += 1
        result = act()
        await asyncio.sleep(self._seconds)
        return result


def large(canary: int, **spec: Any) -> dict[str, Any]:
    made = service(canary)
    first = {"match": on_headers(300), "route": made["spec"]["http"][0]["route"]}
    made["spec"]["http"].insert(0, first)
    made["spec"] |= spec
    return made


def other(name: str) -> Route:
    return route_of(f"follow: {{virtualService: {name}}}\n", versions=URLS, name=name)


async def test_a_large_object_is_compiled_beside_the_loop() -> None:
    aside = Aside()
    async with world(aside=aside) as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(large(100))
        made.listener.synced()
        await asyncio.sleep(TAKES_SECONDS)
        assert made.canary() == 0
        assert not made.follower.views()[0].valid
        await asyncio.sleep(1)
        assert made.canary() == 100
        assert aside.calls == 2, "read, and compiled for its route"
        made.swap(following("sticky: group\n"))
        assert made.canary() == 100, "a new plan has no object that was made for it"


async def test_a_small_object_is_compiled_in_the_loop() -> None:
    aside = Aside()
    async with world(aside=aside) as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(service(100))
        made.listener.synced()
        await asyncio.sleep(1)
        assert (made.canary(), aside.calls) == (100, 0)


async def test_a_large_object_that_changes_all_the_time_is_obeyed_and_leaves_time() -> None:
    aside = Aside()
    async with world(aside=aside) as made:
        made.swap(following())
        await asyncio.sleep(1)
        seen = []
        for change in range(4000):
            made.listener.changed(large(change % 2 * 100, exportTo=["*", str(change)]))
            made.listener.synced()
            await asyncio.sleep(0.005)
            seen.append(made.follower.views()[0].since)
        assert aside.calls * TAKES_SECONDS <= 20 / (1 + MOST_GAP_SECONDS / (2 * TAKES_SECONDS)) + 1
        came = asyncio.get_running_loop().time() - 20 + 0.005
        waited = [at for at, since in enumerate(seen) if since is None]
        assert len(waited) * 0.005 <= 2
        behind = [came + at * 0.005 - since for at, since in enumerate(seen) if since is not None]
        assert max(behind) <= 2
        await asyncio.sleep(2)
        assert made.canary() == 100


async def test_an_invalid_large_object_leaves_the_last_good_one_and_says_why() -> None:
    async with world(aside=Aside()) as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(large(100))
        made.listener.synced()
        await asyncio.sleep(2)
        made.listener.changed(large(0, hosts=[7]))
        await asyncio.sleep(2)
        view = made.follower.views()[0]
        assert (made.canary(), view.valid) == (100, False)
        assert "spec.hosts[0]: must be a string" in view.problem
        made.listener.changed(large(0, http=[{"route": [{"destination": {"host": "x"}}]}] * 300))
        await asyncio.sleep(2)
        assert "no destination is a version" in made.follower.views()[0].problem
        assert made.canary() == 100
        made.listener.changed(large(0))
        await asyncio.sleep(2)
        assert (made.canary(), made.follower.views()[0].problem) == (0, "")


async def test_a_reload_while_a_large_object_is_compiled_gets_one_of_its_own() -> None:
    async with world(aside=Aside()) as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(large(100))
        made.listener.synced()
        await asyncio.sleep(1.5 * TAKES_SECONDS)
        made.swap(following("sticky: group\n"))
        await asyncio.sleep(2)
        followed = made.routes.in_force()[0].route.followed
        assert made.canary() == 100
        assert followed is not None
        assert followed.split.sticky == made.routes.in_force()[0].given.follow.versions.sticky  # type: ignore[union-attr]


async def test_a_reload_takes_the_last_good_large_object_along_and_back_again() -> None:
    async with world(aside=Aside()) as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(large(100))
        made.listener.synced()
        await asyncio.sleep(2)
        made.listener.changed(large(0, hosts=[7]))
        await asyncio.sleep(2)
        made.swap(following("sticky: group\n"))
        assert made.canary() == 100
        assert "spec.hosts[0]: must be a string" in made.follower.views()[0].problem
        made.swap(route_of("follow: {virtualService: b}", versions=OTHERS))
        assert made.canary() == 0
        await asyncio.sleep(2)
        assert not made.follower.views()[0].valid
        made.swap(following())
        assert made.canary() == 100


async def test_versions_that_a_large_object_has_not_are_told_and_forgotten() -> None:
    aside = Aside()
    async with world(aside=aside) as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.changed(large(100))
        made.listener.synced()
        await asyncio.sleep(2)
        made.swap(route_of("follow: {virtualService: b}", versions=OTHERS))
        await asyncio.sleep(2)
        assert "no destination is a version" in made.follower.views()[0].problem
        assert made.canary() == 0
        made.swap(following())
        assert (made.canary(), made.follower.views()[0].problem) == (100, "")
        assert aside.calls == 2, "what has been compiled on the reload is not again"


async def test_the_log_is_told_of_five_changes_in_ten_seconds_and_of_the_last_one() -> None:
    async with world() as made:
        made.swap(following())
        await asyncio.sleep(1)
        made.listener.synced()
        for change in range(2000):
            made.listener.changed(service(change % 101))
            await asyncio.sleep(0.005)
        told = made.observer.of(FollowChanged)
        assert len(told) <= BURST + 2
        await asyncio.sleep(BURST_SECONDS + 1)
        told = made.observer.of(FollowChanged)
        assert len(told) <= 2 * BURST
        assert sum(each.left_out for each in told) > 100
        made.listener.changed(service(1))
        await asyncio.sleep(1)
        assert made.observer.of(FollowChanged)[-1].left_out == 0


def view(problem: str = "", since: float = 1.0) -> FollowView:
    valid = not problem
    return FollowView("orders", "b", found=True, valid=valid, problem=problem, since=since)


def test_what_is_told_last_is_true_again_within_ten_seconds() -> None:
    news = News()
    for at in range(BURST):
        assert news.take([view(since=at)], at)
    assert news.take([view("is invalid")], BURST) == []
    assert news.take([view(since=8.0)], BURST + 1) == []
    assert news.due_at == BURST_SECONDS
    (told,) = news.take([view(since=8.0)], BURST_SECONDS)
    assert (told.valid, told.left_out) == (True, 1)
    assert news.due_at is None


def test_routes_that_are_gone_are_forgotten() -> None:
    news = News()
    assert news.take([view()], 0)
    assert news.take([], 1) == []
    assert news.take([view()], 2)


def test_objects_that_are_nested_too_deep_to_compare_are_a_change() -> None:
    changes = []
    seen = WatchedObject(
        ObjectName(ObjectKind.VIRTUAL_SERVICE, "shop", "b"),
        lambda: changes.append(1),
        clock=float,
        wall=float,
    )
    for _ in range(2):
        seen.changed({"spec": {"http": nested(100_000)}})
    assert len(changes) == 2
    assert seen.values <= MOST_VALUES_AT_ONCE + 1


def test_a_long_text_counts_as_several_values() -> None:
    seen = WatchedObject(
        ObjectName(ObjectKind.VIRTUAL_SERVICE, "shop", "b"), lambda: None, clock=float, wall=float
    )
    for spec in ({"hosts": ["x" * 60_000]}, {"x" * 60_000: 1}):
        seen.changed({"spec": spec})
        assert seen.values == MOST_VALUES_AT_ONCE + 1
    seen.changed({"spec": {"hosts": ["x" * 1024]}})
    assert seen.values == 3 + 10


@pytest.mark.parametrize("count", [0, 10, MOST_VALUES_AT_ONCE, 1_000_000])
def test_values_are_counted_no_further_than_needed(count: int) -> None:
    seen = WatchedObject(
        ObjectName(ObjectKind.VIRTUAL_SERVICE, "shop", "b"), lambda: None, clock=float, wall=float
    )
    seen.changed({"spec": {"hosts": ["b"] * count}})
    assert seen.values == min(count + 2, MOST_VALUES_AT_ONCE + 1)
