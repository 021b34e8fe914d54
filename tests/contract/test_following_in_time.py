"""Routes that follow through hours of trouble, in virtual time: adapter and follower together."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.kubernetes.errors import KubernetesError, UnknownKindError
from gateway.adapters.kubernetes.objects import KubernetesObjects
from gateway.adapters.kubernetes.resource import Verb
from gateway.core.routing.decider import decider_of
from gateway.core.routing.mesh.events import FollowChanged
from gateway.demo.kubernetes.objects import Kind, ObjectStore
from tests.builders import message
from tests.fakes import VIRTUAL_TIME
from tests.fakes.kube_client import CALL_SECONDS, FakeKubernetesClient
from tests.unit.runtime.following.test_follower import World, following, service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.core.routing.route import Route
    from gateway.follow_port import FollowView

pytestmark = VIRTUAL_TIME

SERVICES = Kind("networking.istio.io", "v1", "virtualservices", "shop")
IDS = [str(at) for at in range(1000)]
DEADLINE = 100.0
"""Of a watch: 90 s as the server is asked for, and 10 more."""

BACKOFF = 4.0


class Replica(World):
    """One replica over a client in memory; others may share its objects."""

    def __init__(self, objects: ObjectStore) -> None:
        client: Any = FakeKubernetesClient(objects)
        self.client: FakeKubernetesClient = client
        source: Any = KubernetesObjects({})
        source._client = client
        super().__init__(source)
        self._canary: tuple[object, float] = (None, 0.0)

    def canary(self) -> float:
        """Work it out once for each route that is in force."""
        route = self.routes.in_force()[0].route
        if self._canary[0] is not route:
            self._canary = (route, super().canary())
        return self._canary[1]

    @property
    def view(self) -> FollowView:
        return self.follower.views()[0]

    @property
    def events(self) -> list[FollowChanged]:
        return self.observer.of(FollowChanged)

    def decisions(self) -> list[tuple[object, ...]]:
        decider = decider_of(self.routes.in_force()[0].route)
        found = [decider.decide(message(message_id=each)) for each in IDS]
        return [(each.version, each.reason, each.rule, each.bucket) for each in found]

    async def until(self, holds: Callable[[], object]) -> float:
        """Return the virtual seconds until it holds."""
        began = now()
        while not holds():
            await asyncio.sleep(0.02)
            assert now() - began < 4 * 3600
        return now() - began


def now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def replica(
    objects: ObjectStore | None = None, *, canary: int | None = 50, route: Route | None = None
) -> AsyncIterator[Replica]:
    """A replica that has followed for a second."""
    made = Replica(ObjectStore() if objects is None else objects)
    if canary is not None:
        made.client.objects.create(SERVICES, service(canary))
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(made.follower.run()), tasks.create_task(made.driver.run())]
        made.routes.begin(tasks)
        made.swap(route or following())
        await asyncio.sleep(1)
        yield made
        made.routes.halt()
        for task in running:
            task.cancel()


def abort(objects: ObjectStore) -> None:
    objects.update(SERVICES, "b", service(0))


# ---- half-open ----------------------------------------------------------------------------


async def test_an_abort_on_a_half_open_connection_is_in_force_within_the_read_deadline() -> None:
    """100 s after the watch began it is given up, and the list comes after one short backoff."""
    waited = []
    for _ in range(5):
        async with replica() as made:
            made.client.half_open = True
            abort(made.client.objects)
            await asyncio.sleep(30)
            made.client.half_open = False
            assert made.canary() > 0
            waited.append(30 + await made.until(lambda: made.canary() == 0))
    print(f"half-open, of 5: {min(waited):.1f} to {max(waited):.1f} virtual seconds")
    assert 60 < min(waited) <= max(waited) <= DEADLINE + 0.3


# ---- away ---------------------------------------------------------------------------------


async def test_an_hour_without_the_api_changes_no_decision_and_its_return_is_noticed_soon() -> None:
    """At ten moments of the backoff; a call that was made in vain is given up first."""
    waited = []
    for phase in range(10):
        async with replica() as made:
            before, synced_at = made.decisions(), made.view.synced_at
            made.client.away = True
            made.client.cut_watches()
            abort(made.client.objects)
            await asyncio.sleep(CALL_SECONDS + 9.5)
            assert not made.view.valid
            await asyncio.sleep(60 + phase if phase else 3600)
            assert made.decisions() == before
            assert made.routes.unready() == []
            assert (made.view.valid, made.view.synced_at) == (False, synced_at)
            assert [each.valid for each in made.events] == [True, False]
            made.client.away = False
            waited.append(await made.until(lambda: made.canary() == 0))
            await made.until(lambda: made.view.valid)
    print(f"back after an hour, of 10: at most {max(waited):.1f} virtual seconds")
    assert max(waited) < 10


async def test_it_counts_as_out_of_reach_after_ten_seconds_of_failures() -> None:
    async with replica() as made:
        made.client.refuses = {None: KubernetesError("list: 503 going away", 503)}
        made.client.cut_watches()
        gone_at = now()
        await asyncio.sleep(9)
        assert made.view.valid
        await made.until(lambda: not made.events[-1].valid)
        assert 10 <= now() - gone_at < 12
        assert made.view.problem == "list: 503 going away"


async def test_a_connection_that_breaks_is_no_event_once_it_is_back() -> None:
    """An API server that restarts while the object stays as it is."""
    async with replica() as made:
        for _ in range(20):
            made.client.cut_watches()
            await asyncio.sleep(15)
            assert made.view.valid
        assert len(made.events) == 1


async def test_a_watch_that_is_not_let_is_said_and_the_object_is_listed_meanwhile() -> None:
    async with replica() as made:
        made.client.refuses = {Verb.WATCH: KubernetesError("watch: forbidden", 403)}
        made.client.cut_watches()
        await made.until(lambda: not made.view.valid)
        abort(made.client.objects)
        assert await made.until(lambda: made.canary() == 0) <= BACKOFF + 0.1
        await asyncio.sleep(600)
        assert (made.view.valid, made.view.problem) == (False, "watch: forbidden")
        assert not any(each.valid for each in made.events[1:])
        made.client.refuses = {}
        await made.until(lambda: made.view.valid)


# ---- what becomes of the object -----------------------------------------------------------


async def test_an_object_that_is_deleted_and_made_again_is_followed_again() -> None:
    async with replica() as made:
        for weight in (20, 20, 80):
            made.client.objects.delete(SERVICES, "b")
            await made.until(lambda: not made.view.found and made.canary() == 0)
            made.client.objects.create(SERVICES, service(weight))
            await made.until(lambda at=weight: at - 5 < made.canary() < at + 5)  # type: ignore[misc]
        assert made.view.valid


async def test_an_object_from_a_backup_is_followed_with_its_lower_versions() -> None:
    """Also where its resourceVersion is one that was seen before, of other content."""
    async with replica() as made:
        seen = made.client.objects.get(SERVICES, "b")
        assert seen is not None
        restored = ObjectStore()
        restored.version = int(seen["metadata"]["resourceVersion"]) - 1
        restored.on_change(made.client._changed.set)
        again = restored.create(SERVICES, service(0))
        assert again["metadata"]["resourceVersion"] == seen["metadata"]["resourceVersion"]
        assert again["metadata"]["uid"] != seen["metadata"]["uid"]
        made.client.objects = restored
        made.client.cut_watches()
        assert await made.until(lambda: made.canary() == 0) < 1
        restored.update(SERVICES, "b", service(100))
        assert await made.until(lambda: made.canary() == 100) < 1


@pytest.mark.parametrize("away", [False, True])
async def test_where_its_namespace_is_deleted_stable_gets_all(*, away: bool) -> None:
    """By the watch's event, or by the list after the API was away."""
    async with replica() as made:
        made.client.away = away
        if away:
            made.client.cut_watches()
            await asyncio.sleep(60)
        made.client.objects.delete(SERVICES, "b")
        made.client.away = False
        await made.until(lambda: not made.view.found and made.canary() == 0)
        await made.until(lambda: made.view.valid)
        assert made.routes.unready() == []


async def test_a_kind_that_returns_without_the_object_leaves_stable_alone() -> None:
    """Its CustomResourceDefinition is deleted and made again while the API is away."""
    async with replica() as made:
        made.client.refuses = {None: UnknownKindError("the API server does not know it", 404)}
        made.client.cut_watches()
        made.client.objects.delete(SERVICES, "b")
        await asyncio.sleep(60)
        assert made.canary() > 0, "a kind that the API server does not know is no response"
        made.client.refuses = {}
        await made.until(lambda: not made.view.found and made.canary() == 0)
        await made.until(lambda: made.view.valid)


async def test_what_differs_in_status_and_metadata_alone_changes_and_logs_nothing() -> None:
    async with replica() as made:
        before = made.routes.in_force()[0].route
        for at in range(100):
            fields = [{"manager": "istiod", "time": str(at)}]
            patch = {"status": {"seen": at}, "metadata": {"managedFields": fields}}
            made.client.objects.merge_patch(SERVICES, "b", patch)
            await asyncio.sleep(0.1)
        made.client.objects.forget_changes()
        made.client.cut_watches()
        await asyncio.sleep(600)
        assert made.routes.in_force()[0].route is before
        assert len(made.events) == 1
        synced_at = made.view.synced_at
        assert synced_at is not None
        assert now() - synced_at < DEADLINE, "a clean end says that all has been seen"


async def test_of_twenty_writes_in_a_second_the_last_one_wins() -> None:
    async with replica() as made:
        for at in range(20):
            made.client.objects.update(SERVICES, "b", service(100 if at % 2 == 0 else 0))
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        assert made.canary() == 0
        await asyncio.sleep(300)
        assert made.canary() == 0


# ---- two replicas -------------------------------------------------------------------------


async def test_two_replicas_decide_alike_independent_of_what_each_has_been_through() -> None:
    """One has seen each write; one was cut off, broken and refused; one begins at the end."""
    objects = ObjectStore()
    async with replica(objects) as one, replica(objects, canary=None) as other:
        for weight in (60, 0, 100, 35):
            other.client.away = True
            other.client.cut_watches()
            objects.update(SERVICES, "b", service(weight))
            await asyncio.sleep(20)
            other.client.away = False
            other.client.refuses = {Verb.LIST: KubernetesError("list: 429", 429)}
            await asyncio.sleep(10)
            other.client.refuses = {}
            await asyncio.sleep(10)
            assert one.decisions() == other.decisions()
        async with replica(objects, canary=None) as late:
            assert late.decisions() == one.decisions()
            assert {each[0].name for each in late.decisions()} == {"stable", "canary"}  # type: ignore[attr-defined]
