"""How soon replicas agree, notice that they are cut off, and promote in another's place."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.state.kubernetes import KubernetesStore
from gateway.core.rollout.route_state import RouteState
from gateway.demo.kubernetes.objects import ObjectStore
from tests.fakes.kube_client import FakeKubernetesClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.looptime


class Replica:
    """A store that follows, and its client."""

    def __init__(self, objects: ObjectStore, name: str) -> None:
        client: Any = FakeKubernetesClient(objects)
        self.client: FakeKubernetesClient = client
        self.changed = asyncio.Event()
        clock = asyncio.get_running_loop().time
        self.store = KubernetesStore(client, "state", replica=name, clock=clock)
        self.task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        await self.store.open()
        self.task = asyncio.create_task(self.store.follow(self.changed.set))

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    @property
    def weight(self) -> int | None:
        state = self.store.state.of("orders")
        return state.weight if isinstance(state, RouteState) else None

    async def set(self, weight: int) -> None:
        await self.store.update("orders", lambda _: RouteState(weight=weight))

    async def until_weight(self, weight: int) -> float:
        """Return how long it took."""
        began = now()
        while self.weight != weight:
            self.changed.clear()
            await self.changed.wait()
        return now() - began


@asynccontextmanager
async def replicas() -> AsyncIterator[tuple[Replica, Replica]]:
    """Two replicas at 25 %, the first of which promotes."""
    objects = ObjectStore()
    first, second = Replica(objects, "a"), Replica(objects, "b")
    for each in (first, second):
        await each.start()
        await asyncio.sleep(0.5)
    await first.set(25)
    await second.until_weight(25)
    assert [first.store.may_promote(), second.store.may_promote()] == [True, False]
    try:
        yield first, second
    finally:
        await first.stop()
        await second.stop()


async def seconds_until(condition: Callable[[], bool]) -> float:
    """Look every half of a second of virtual time; return how long it took."""
    for looks in range(200):
        if condition():
            return looks / 2
        await asyncio.sleep(0.5)
    raise AssertionError("it never was")


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_change_is_seen_at_once() -> None:
    async with replicas() as (first, second):
        await asyncio.sleep(1_000)
        await second.set(0)
        assert await first.until_weight(0) == 0.0


@pytest.mark.parametrize("after", [0.1, 1.0, 2.3, 3.9])
async def test_a_change_is_seen_within_5_s_though_the_watch_is_half_open(after: float) -> None:
    async with replicas() as (first, second):
        second.client.half_open = True
        await first.set(50)  # the watch notices that it is half-open only here
        await second.until_weight(50)
        await asyncio.sleep(after)
        await first.set(0)
        assert await second.until_weight(0) <= 5.0


async def test_a_replica_notices_that_it_is_cut_off_and_stops_promoting_in_time() -> None:
    async with replicas() as (first, second):
        first.client.away = True
        began = now()
        assert await seconds_until(lambda: not first.store.may_promote()) <= 10.0
        await seconds_until(second.store.may_promote)
        assert 10.0 < now() - began <= 20.0
        assert first.store.silent_seconds() == pytest.approx(now() - began, abs=5.0)
        assert first.store.problems


async def test_contact_is_back_soon_after_the_api_is() -> None:
    async with replicas() as (first, second):
        first.client.away = True
        await asyncio.sleep(120)
        await second.set(0)
        assert first.weight == 25
        first.client.away = False
        assert await first.until_weight(0) <= 10.0
        assert first.store.silent_seconds() < 5.0
        await asyncio.sleep(110)
        assert list(first.store.problems) == []


async def test_in_contact_silence_stays_far_below_15_s() -> None:
    async with replicas() as (first, _):
        longest = 0.0
        for _ in range(600):
            await asyncio.sleep(0.5)
            longest = max(longest, first.store.silent_seconds())
        assert longest <= 5.0


async def test_one_call_that_is_lost_does_not_make_a_replica_cautious() -> None:
    async with replicas() as (first, _):
        longest = 0.0
        for at in range(200):
            first.client.away = at % 60 == 0
            await asyncio.sleep(0.5)
            longest = max(longest, first.store.silent_seconds())
        assert longest < 15.0


async def test_there_are_never_two_that_promote() -> None:
    async with replicas() as (first, second):
        for round_ in range(300):
            first.client.away = round_ % 70 > 35
            second.client.away = round_ % 90 > 60
            await asyncio.sleep(0.7)
            assert not (first.store.may_promote() and second.store.may_promote())
