"""State in a ConfigMap: the contract of every store, and what replicas promise each other."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateway.adapters.kubernetes.access import in_cluster
from gateway.adapters.kubernetes.client import KubernetesClient
from gateway.adapters.state import kubernetes
from gateway.adapters.state.config_map import IDLE_SECONDS
from gateway.adapters.state.kubernetes import KubernetesStore, name_replica
from gateway.core.rollout.contact import limit_weight, may_raise
from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.route_state import RouteState, Torn
from gateway.core.rollout.stored import dump_state, dump_sums
from gateway.demo.kubernetes.objects import Kind
from gateway.demo.kubernetes.script import rule
from gateway.state_port import StateError
from tests.contract.state_stores import (
    ONES,
    STATE,
    LastingStoreContract,
    following,
    set_to,
    until,
)
from tools.kube_api.running import NAMESPACE, Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MAPS = Kind("", "v1", "configmaps", NAMESPACE)
LEASES = Kind("coordination.k8s.io", "v1", "leases", NAMESPACE)
NAME = "gateway-state"


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class InAConfigMap:
    """Stores of one ConfigMap; each has a client, and one clock for all."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.clock = Clock()

    def make(self, replica: str = "pod") -> KubernetesStore:
        account = self.server.account / replica
        account.mkdir(exist_ok=True)
        for file in ("ca.crt", "namespace", "token"):
            shutil.copy(self.server.account / file, account)
        access = in_cluster(self.server.environment, account)
        client = KubernetesClient(access, call_seconds=2.0)
        return KubernetesStore(client, NAME, replica=replica, clock=self.clock)

    def let_in(self, replica: str, *, token: str = "token-1") -> None:
        """Give a replica another token; with one that is not accepted it is cut off."""
        (self.server.account / replica / "token").write_text(token)

    def tear(self, text: str) -> None:
        self.write({"route.orders": text})

    def write(self, data: dict[str, Any]) -> None:
        self.server.api.objects.merge_patch(MAPS, NAME, {"data": data})

    @property
    def data(self) -> dict[str, str]:
        found = self.server.api.objects.get(MAPS, NAME)
        assert found is not None
        return dict(found.get("data") or {})


@asynccontextmanager
async def open_stores(place: InAConfigMap, *replicas: str) -> AsyncIterator[list[KubernetesStore]]:
    stores = [place.make(replica) for replica in replicas]
    for store in stores:
        await store.open()
    try:
        yield stores
    finally:
        for store in stores:
            await store.close()


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[InAConfigMap]:
    async with served(tmp_path) as server:
        yield InAConfigMap(server)


class TestKubernetesStore(LastingStoreContract):
    """The fixture `place` of this module."""


async def grow_idle(place: InAConfigMap, *stores: KubernetesStore) -> None:
    """Let time pass in which no evidence comes; the first of the stores holds the Lease."""
    for _ in range(4):
        place.clock.now += IDLE_SECONDS / 2
        for store in stores:
            await store.look()  # renews the Lease
            await store.look()


# ---- the ConfigMap ------------------------------------------------------------------------


async def test_a_config_map_of_the_chart_is_used_as_it_is(place: InAConfigMap) -> None:
    """Without data, and without the right to create one."""
    place.server.api.objects.create(MAPS, {"metadata": {"name": NAME}})
    place.server.api.objects.create(LEASES, {"metadata": {"name": NAME}})
    place.server.api.script.rules = [
        rule("get list watch patch", "configmaps", NAME),
        rule("get update", "leases", NAME),
    ]
    async with open_stores(place, "a") as (store,), following(store) as changed:
        await store.update("orders", set_to(5))
        await store.publish({"orders": ONES})
        await place.server.api.requests.wait_for("watch")
        place.write({"route.payments": dump_state(RouteState(1, 7))})
        await until(changed, lambda: store.state.of("payments") is not None)
        await store.look()
        assert store.may_promote()
        assert list(store.problems) == []


async def test_a_missing_config_map_that_may_not_be_created_names_the_rule(
    place: InAConfigMap,
) -> None:
    place.server.api.script.rules = [rule("get", "configmaps")]
    with pytest.raises(StateError, match=r"configmaps shop/gateway-state.*verbs: \[\"create\"\]"):
        await place.make().open()


async def test_a_deleted_config_map_is_written_again_from_what_is_known(
    place: InAConfigMap,
) -> None:
    async with open_stores(place, "a") as (store,):
        await store.update("orders", set_to(5))
        place.server.api.objects.delete(MAPS, NAME)
        place.clock.now += 5
        await store.look()
        assert place.data == {"route.orders": dump_state(RouteState(1, 5))}


async def test_one_route_that_is_torn_does_not_concern_the_others(place: InAConfigMap) -> None:
    async with open_stores(place, "a", "b") as (store, other):
        await store.update("orders", set_to(5))
        await store.update("payments", set_to(7))
        place.tear("{")
        place.clock.now += 5
        await other.look()
        assert isinstance(other.state.of("orders"), Torn)
        assert other.state.of("payments") == RouteState(1, 7)
        assert other.problems == (
            "the state of route orders in configmaps shop/gateway-state is no JSON",
        )


async def test_a_replica_that_knew_the_state_counts_on_where_it_was_torn(
    place: InAConfigMap,
) -> None:
    async with open_stores(place, "a") as (store,):
        await store.update("orders", set_to(5))
        await store.update("orders", set_to(6))
        place.tear("{")
        assert await store.update("orders", set_to(0)) == RouteState(3, 0)


async def test_keys_of_others_are_left_alone(place: InAConfigMap) -> None:
    async with open_stores(place, "a") as (store,):
        place.write({"notes": "by hand"})
        await store.update("orders", set_to(5))
        assert place.data["notes"] == "by hand"


async def test_sums_that_have_not_changed_are_not_written_again(place: InAConfigMap) -> None:
    async with open_stores(place, "a") as (store,):
        for _ in range(3):
            await store.publish({"orders": ONES})
        assert place.server.api.requests.count("patch") == 1


async def test_two_replicas_that_begin_at_once_create_one_lease_and_none_is_in_trouble(
    place: InAConfigMap,
) -> None:
    async with open_stores(place, "a", "b") as stores:
        place.server.api.script.requests_open.clear()
        looks = [asyncio.create_task(store.look()) for store in stores]
        await place.server.api.requests.wait_for("get", 4)  # each finds that there is none
        place.server.api.script.requests_open.set()
        await asyncio.gather(*looks)
        assert place.server.api.requests.count("create") == 3  # the ConfigMap, and twice the Lease
        assert [store.problems for store in stores] == [(), ()]
        assert sorted(store.may_promote() for store in stores) == [False, True]


async def test_evidence_has_no_place_in_a_config_map_that_is_gone(place: InAConfigMap) -> None:
    async with open_stores(place, "a") as (store,):
        place.server.api.objects.delete(MAPS, NAME)
        with pytest.raises(StateError, match="does not exist"):
            await store.publish({"orders": ONES})
        place.clock.now += 5
        await store.look()
        await store.publish({"orders": ONES})
        assert list(store.problems) == []


async def test_without_the_right_to_watch_reads_keep_up_and_the_rule_is_named(
    place: InAConfigMap,
) -> None:
    place.server.api.script.rules = [
        rule("create get patch", "configmaps"),
        rule("create get update", "leases"),
    ]
    async with open_stores(place, "a") as (store,), following(store):
        await place.server.api.requests.wait_for("list", 2)
        assert [each for each in store.problems if 'verbs: ["list"]' in each]
        place.write({"route.orders": dump_state(RouteState(1, 7))})
        place.clock.now += 5
        await store.look()
        assert store.state.of("orders") == RouteState(1, 7)


async def test_a_change_that_others_always_forestall_is_given_up(
    place: InAConfigMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes, "CONFLICT_SECONDS", 0.0)
    async with open_stores(place, "a") as (store,):
        numbers = itertools.count()

        def forestall(*_: object) -> None:
            place.write({"x": str(next(numbers))})
            place.server.api.script.before_update = forestall

        place.server.api.script.before_update = forestall
        with pytest.raises(StateError, match="was changed by others 20 times in a row"):
            await store.update("orders", set_to(5))
        assert store.state.of("orders") is None


# ---- two replicas -------------------------------------------------------------------------


async def test_two_replicas_agree(place: InAConfigMap) -> None:
    async with (
        open_stores(place, "a", "b") as (one, other),
        following(one) as seen_by_one,
        following(other) as seen_by_other,
    ):
        await place.server.api.requests.wait_for("watch", 2)
        await one.update("orders", lambda _: STATE)
        await until(seen_by_other, lambda: other.state.of("orders") == STATE)
        await other.update("orders", set_to(0))
        await until(seen_by_one, lambda: one.state.of("orders") == RouteState(2, 0))


async def test_a_change_is_made_again_where_another_replica_was_first(
    place: InAConfigMap,
) -> None:
    """An abort between the reading and the writing of a promotion: the promotion sees it."""
    async with open_stores(place, "a", "b") as (one, other):
        await one.update("orders", set_to(25))
        aborted = dump_state(RouteState(2, 0))
        place.server.api.script.before_update = lambda *_: place.write({"route.orders": aborted})
        seen = []

        def promote(stored: Any) -> RouteState | None:
            seen.append(stored)
            return None if stored.weight == 0 else RouteState(weight=50)

        assert await other.update("orders", promote) == RouteState(2, 0)
        assert seen == [RouteState(1, 25), RouteState(2, 0)]
        assert place.data["route.orders"] == aborted


async def test_changes_of_many_replicas_at_once_are_all_counted(place: InAConfigMap) -> None:
    async with open_stores(place, "a", "b", "c") as stores:

        def higher(stored: Any) -> RouteState:
            return RouteState(weight=0 if stored is None else stored.weight + 1)

        for _ in range(3):
            await asyncio.gather(*(store.update("orders", higher) for store in stores))
        assert await stores[0].update("orders", lambda _: None) == RouteState(9, 8)


async def test_evidence_of_the_others_is_added_up(place: InAConfigMap) -> None:
    async with open_stores(place, "a", "b", "c") as stores:
        for number, store in enumerate(stores, 1):
            await store.publish({"orders": (float(number),) * LENGTH})
        place.clock.now += 5
        for store in stores:
            await store.look()
        seen = [store.state.evidence["orders"][0] for store in stores]
        assert seen == [5.0, 4.0, 3.0]


async def test_the_evidence_of_one_replica_needs_no_version(place: InAConfigMap) -> None:
    """Each has a key of its own, so what others write in between is no conflict."""
    async with open_stores(place, "a", "b") as (one, other):
        place.server.api.script.before_update = lambda *_: place.write({"x": "1"})
        await one.publish({"orders": ONES})
        await other.publish({"orders": ONES})
        assert max(place.data) == "x"
        assert len(place.data) == 3


async def test_a_contribution_that_is_torn_is_told_and_the_others_count(
    place: InAConfigMap,
) -> None:
    async with open_stores(place, "a", "b") as (one, other):
        await one.publish({"orders": ONES})
        place.write({"replica.gone.1": "{"})
        place.clock.now += 5
        await other.look()
        assert other.state.evidence == {"orders": ONES}
        assert other.problems == (
            "the evidence of gone.1 is no JSON (configmaps shop/gateway-state)",
        )


async def test_contributions_of_replicas_that_are_gone_are_folded_by_the_holder(
    place: InAConfigMap,
) -> None:
    """A Deployment has new pods at each release: their keys would fill the ConfigMap."""
    async with open_stores(place, "gone", "a", "b") as (gone, one, other):
        await gone.publish({"orders": ONES})
        await one.publish({"orders": ONES})
        await grow_idle(place, other, one)
        assert [key for key in place.data if key.startswith("replica.")] == []
        assert other.state.evidence == {"orders": (2.0,) * LENGTH}
        assert one.state.evidence == {"orders": ONES}


async def test_a_folded_replica_that_is_still_there_goes_on_and_counts_once(
    place: InAConfigMap,
) -> None:
    async with open_stores(place, "a", "b") as (one, other):
        await one.publish({"orders": ONES})
        await grow_idle(place, other)
        await one.look()
        await one.publish({"orders": (3.0,) * LENGTH})
        assert one.state.evidence == {"orders": (0.0,) * LENGTH}
        place.clock.now += 5
        await other.look()
        assert other.state.evidence == {"orders": (3.0,) * LENGTH}


async def test_sums_stored_under_a_name_that_was_just_folded_do_not_count_twice(
    place: InAConfigMap,
) -> None:
    """The replica has not seen yet that it was folded."""
    async with open_stores(place, "a", "b") as (one, other):
        await one.publish({"orders": ONES})
        await grow_idle(place, other)
        await one.publish({"orders": (3.0,) * LENGTH})
        place.clock.now += 5
        await other.look()
        assert other.state.evidence == {"orders": ONES}
        await one.publish({"orders": (3.0,) * LENGTH})
        place.clock.now += 5
        await other.look()
        assert other.state.evidence == {"orders": (3.0,) * LENGTH}


async def test_sums_whose_confirmation_was_lost_are_known_as_stored_before_they_are_folded(
    place: InAConfigMap,
) -> None:
    async with open_stores(place, "a", "b") as (one, other):
        await one.publish({"orders": ONES})
        (key,) = [key for key in place.data if key.startswith("replica.")]
        place.write({key: dump_sums({"orders": (3.0,) * LENGTH})})
        place.clock.now += 5
        await one.look()
        await one.publish({"orders": (3.0,) * LENGTH})
        await one.close()
        await grow_idle(place, other)
        await one.open()
        assert one.state.evidence == {"orders": (0.0,) * LENGTH}
        assert other.state.evidence == {"orders": (3.0,) * LENGTH}


# ---- who promotes -------------------------------------------------------------------------


async def test_one_replica_promotes_and_another_after_it_is_gone(place: InAConfigMap) -> None:
    async with open_stores(place, "a", "b") as (one, other):
        for store in (one, other):
            await store.look()
        assert [one.may_promote(), other.may_promote()] == [True, False]
        for _ in range(7):
            place.clock.now += 2
            await other.look()
        assert [one.may_promote(), other.may_promote()] == [False, False]  # between 10 and 15 s
        place.clock.now += 2
        await other.look()
        assert [one.may_promote(), other.may_promote()] == [False, True]
        await one.look()
        assert [one.may_promote(), other.may_promote()] == [False, True]


async def test_a_holder_that_renews_keeps_it(place: InAConfigMap) -> None:
    async with open_stores(place, "a", "b") as (one, other):
        for _ in range(20):
            place.clock.now += 2
            await one.look()
            await other.look()
            assert [one.may_promote(), other.may_promote()] == [True, False]
        spec = (place.server.api.objects.get(LEASES, NAME) or {})["spec"]
        assert spec["leaseTransitions"] == 1
        assert spec["holderIdentity"].startswith("a.")


async def test_a_holder_that_stops_leaves_it_at_once(place: InAConfigMap) -> None:
    async with open_stores(place, "a", "b") as (one, other):
        await one.look()
        await other.look()
        await one.close()
        await other.look()
        assert other.may_promote()


async def test_two_that_take_it_at_once_do_not_both_get_it(place: InAConfigMap) -> None:
    async with open_stores(place, "a", "b") as stores:
        await asyncio.gather(*(store.look() for store in stores))
        await asyncio.gather(*(store.look() for store in stores))
        assert sorted(store.may_promote() for store in stores) == [False, True]


# ---- a replica that is cut off ------------------------------------------------------------


async def test_a_replica_that_is_cut_off_lowers_its_weight_and_says_why(
    place: InAConfigMap,
) -> None:
    """The other one aborts meanwhile, which it cannot know: it never raises, and ends at 0."""
    async with open_stores(place, "a", "b") as (one, other):
        await one.update("orders", set_to(25))
        await one.look()
        assert one.may_promote()
        place.let_in("a", token="none")
        await other.update("orders", set_to(0))
        given = []
        for _ in range(7):
            place.clock.now += 10
            await one.look()
            await other.look()
            silent = one.silent_seconds()
            given.append((silent, limit_weight(50, [25], silent), may_raise(silent)))
        assert given[:2] == [(10.0, 50, True), (20.0, 25, False)]
        assert [weight for silent, weight, _ in given if silent >= 60] == [0, 0]
        assert one.state.of("orders") == RouteState(1, 25)
        assert [one.may_promote(), other.may_promote()] == [False, True]
        assert any("does not accept the token" in each for each in one.problems)
        assert list(other.problems) == []


async def test_a_replica_that_is_cut_off_cannot_write(place: InAConfigMap) -> None:
    async with open_stores(place, "a") as (one,):
        await one.update("orders", set_to(25))
        place.let_in("a", token="none")
        with pytest.raises(StateError, match="out of reach"):
            await one.update("orders", set_to(50))
        with pytest.raises(StateError, match="out of reach"):
            await one.publish({"orders": ONES})
        assert one.state.of("orders") == RouteState(1, 25)


async def test_a_replica_that_is_let_in_again_takes_what_was_decided_and_is_well(
    place: InAConfigMap,
) -> None:
    async with open_stores(place, "a", "b") as (one, other):
        await one.update("orders", set_to(25))
        place.let_in("a", token="none")
        await other.update("orders", set_to(0))
        place.clock.now += 100
        await one.look()
        assert one.problems
        place.let_in("a")
        await one.look()
        assert one.silent_seconds() == 0.0
        assert one.state.of("orders") == RouteState(2, 0)
        assert list(one.problems) == []


async def test_a_state_older_than_what_is_known_is_put_right(place: InAConfigMap) -> None:
    """As a restored backup of the cluster would have: the higher generation counts."""
    async with open_stores(place, "a") as (store,):
        for weight in (5, 25, 0):
            await store.update("orders", set_to(weight))
        place.tear(dump_state(RouteState(2, 25)))
        place.clock.now += 5
        await store.look()
        assert store.state.of("orders") == RouteState(3, 0)
        assert place.data["route.orders"] == dump_state(RouteState(3, 0))


async def test_a_silent_watch_does_not_hide_an_abort(place: InAConfigMap) -> None:
    """Half-open: the ConfigMap is read beside the watch."""
    async with open_stores(place, "a", "b") as (one, other):
        await one.update("orders", set_to(25))
        await other.look()
        place.server.api.go_silent()
        await one.update("orders", set_to(0))
        place.clock.now += 4
        await other.look()
        assert other.state.of("orders") == RouteState(2, 0)


@pytest.mark.parametrize("host", ["pod-1", "a b/c", "x" * 300, "émile"])
def test_a_replica_s_name_is_a_key_of_a_config_map(host: str) -> None:
    name = name_replica(host)
    assert name != name_replica(host)
    assert len(name) < 200
    assert name.isascii()
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
