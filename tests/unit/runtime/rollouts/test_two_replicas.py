"""Two replicas that judge one canary together, over the state that they share."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from gateway.adapters.state.kubernetes import KubernetesStore
from gateway.core.delivery.disposition import Responded
from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.verbs import Verb
from gateway.demo.kubernetes.objects import ObjectStore
from tests.fakes import VIRTUAL_TIME
from tests.fakes.judged import Judged, judged, route_of
from tests.fakes.kube_client import FakeKubernetesClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = VIRTUAL_TIME

ROLLOUT = "rollout: {steps: [10, 50, 100], every: 10s, min_messages: 20, max_failure_ratio: 5%}"


class Pair:
    """Two replicas, and the client of each to the API."""

    def __init__(self) -> None:
        self.objects = ObjectStore()
        self.clients: list[FakeKubernetesClient] = []
        self.replicas: list[Judged] = []

    def store(self, name: str) -> KubernetesStore:
        client: Any = FakeKubernetesClient(self.objects)
        self.clients.append(client)
        clock = asyncio.get_running_loop().time
        return KubernetesStore(client, "state", replica=name, clock=clock)

    @property
    def weights(self) -> list[float]:
        """The canary's weight in force on each replica."""
        return [each.weight for each in self.replicas]

    async def load(self, seconds: int, *, rate: int = 50) -> None:
        """Send messages to both, for a time."""
        await asyncio.gather(*(each.load(seconds, rate=rate) for each in self.replicas))

    async def until(self, weights: list[float]) -> float:
        """Return once these weights are in force, and how long that took."""
        began = asyncio.get_running_loop().time()
        for _ in range(36_000):
            if self.weights == weights:
                return asyncio.get_running_loop().time() - began
            await asyncio.sleep(0.1)
        raise AssertionError(f"the weights stay {self.weights}")


@asynccontextmanager
async def two(keys: str = ROLLOUT) -> AsyncIterator[Pair]:
    pair = Pair()
    async with AsyncExitStack() as stack:
        for name in ("a", "b"):
            store = pair.store(name)
            pair.replicas.append(await stack.enter_async_context(judged(route_of(keys), store)))
            await asyncio.sleep(0.5)
        yield pair


async def test_both_climb_together_and_their_evidence_adds_up() -> None:
    async with two() as pair:
        await pair.until([10, 10])
        while pair.replicas[0].view.phase is not RolloutPhase.PROMOTED:
            await pair.load(5)
        await pair.until([100, 100])
        first, second = (each.view for each in pair.replicas)
        assert first.history == second.history
        assert [each.action for each in first.history] == ["begin", "step", "step", "promote"]
        sent = sum(len(each.rig.canary.sent) for each in pair.replicas)
        own = max(len(each.rig.canary.sent) for each in pair.replicas)
        assert own < sent
        told = [[each.here for each in one.changes] for one in pair.replicas]
        assert sorted(sum(here) for here in told) == [0, 4]  # each change is one replica's


async def test_a_canary_that_fails_on_one_replica_is_at_0_on_both_within_5_s() -> None:
    async with two() as pair:
        await pair.until([10, 10])
        bad = pair.replicas[1]  # the one that does not promote
        assert not bad.store.may_promote()
        bad.rig.canary.default = Responded(500)
        while bad.weight:
            await bad.load(1)
        assert await pair.until([0, 0]) <= 5
        assert [e.action for e in pair.replicas[0].view.history].count("abort") == 1


async def test_both_abort_at_once_and_it_is_recorded_and_told_once() -> None:
    async with two() as pair:
        await pair.until([10, 10])
        for each in pair.replicas:
            each.rig.canary.default = Responded(500)
        while any(pair.weights):
            await pair.load(1)
        await pair.until([0, 0])
        await pair.load(10)
        for each in pair.replicas:
            assert [entry.action for entry in each.view.history] == ["begin", "abort"]
        told = [change for one in pair.replicas for change in one.changes if change.rolled_back]
        assert [change.here for change in told].count(True) == 1
        assert len(told) == 2


async def test_a_replica_that_is_cut_off_never_has_the_higher_weight_for_long() -> None:
    async with two() as pair:
        first, second = pair.replicas
        await pair.until([10, 10])
        pair.clients[1].away = True
        seen: list[tuple[float, float]] = []
        began = asyncio.get_running_loop().time()
        while first.view.phase is not RolloutPhase.PROMOTED:
            await pair.load(1, rate=20)
            seen.append((first.weight, second.weight))
        assert all(cut_off <= other for other, cut_off in seen)
        await asyncio.sleep(max(0.0, began + 70 - asyncio.get_running_loop().time()))
        assert pair.weights == [100, 0]  # it has not heard that the canary was promoted
        pair.clients[1].away = False
        assert await pair.until([100, 100]) <= 15


async def test_a_replica_that_is_cut_off_follows_an_abort_within_15_s_of_its_return() -> None:
    async with two() as pair:
        await pair.until([10, 10])
        pair.clients[1].away = True
        await asyncio.sleep(5)
        await pair.replicas[0].requests.command("orders", Verb.ABORT, by="ann")
        await asyncio.sleep(5)
        pair.clients[1].away = False
        assert await pair.until([0, 0]) <= 10


async def test_weights_set_on_one_replica_are_in_force_on_the_other_within_5_s() -> None:
    async with two("split: {stable: 90, canary: 10}") as pair:
        await pair.until([10, 10])
        await pair.replicas[1].requests.set_weights("orders", {"canary": 0}, by="ann")
        assert await pair.until([0, 0]) <= 5
        await pair.replicas[0].requests.clear_weights("orders", by="ann")
        assert await pair.until([10, 10]) <= 5


async def test_the_other_promotes_once_the_first_is_gone() -> None:
    async with two() as pair:
        first, second = pair.replicas
        await pair.until([10, 10])
        assert first.store.may_promote()
        assert first.task is not None
        first.task.cancel()
        await asyncio.wait([first.task])
        while second.view.phase is not RolloutPhase.PROMOTED:
            await second.load(5)
        assert second.weight == 100
