"""The weights of a followed object: their order has no effect, a rising canary only gains keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.values import FollowedObject
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version

if TYPE_CHECKING:
    from gateway.core.routing.mesh.outcomes import FollowedDecision
    from gateway.core.routing.version import Version

STABLE = version("stable", url="http://b-primary.shop:8080/")
CANARY = version("canary", url="http://b-canary.shop:8080/")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders")
KEYS = st.text(st.characters(), min_size=1)
HOSTS = ("b-primary", "b-canary", "b-experiment")


META = {"name": "b", "namespace": "shop"}

Weights = list[tuple[str, int]]


def virtual_service(weights: Weights) -> FollowedObject:
    route = [{"destination": {"host": host}, "weight": weight} for host, weight in weights]
    spec = {"hosts": ["b"], "http": [{"route": route}]}
    return read_virtual_service({"metadata": META, "spec": spec})


def http_route(weights: Weights) -> FollowedObject:
    backends = [{"name": host, "port": 8080, "weight": weight} for host, weight in weights]
    parents = [{"group": "", "kind": "Service", "name": "b"}]
    spec = {"parentRefs": parents, "rules": [{"backendRefs": backends}]}
    return read_http_route({"metadata": META, "spec": spec})


KINDS = st.sampled_from([virtual_service, http_route])
Read = Callable[[Weights], FollowedObject]


def decided(read: Read, weights: Weights, key: str) -> FollowedDecision:
    followed = Followed(read(weights), Follow(8080, namespace="shop"), FOLLOWING)
    return followed.decide(message(message_id=key))


@given(KINDS, KEYS, st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(any), st.data())
def test_weights_in_another_order_give_the_same_decision(
    read: Read, key: str, weights: list[int], data: st.DataObject
) -> None:
    pairs = list(zip(HOSTS, weights, strict=True))
    assert decided(read, data.draw(st.permutations(pairs)), key) == decided(read, pairs, key)


@given(KINDS, KEYS, st.integers(0, 100), st.integers(0, 100), st.data())
def test_a_rising_canary_weight_only_moves_keys_to_it(
    read: Read, key: str, one: int, other: int, data: st.DataObject
) -> None:
    """In any order of the destinations, before and after."""

    def version_at(weight: int) -> Version | None:
        pairs = [("b-primary", 100 - weight), ("b-canary", weight)]
        return decided(read, data.draw(st.permutations(pairs)), key).decision.version

    before, after = version_at(min(one, other)), version_at(max(one, other))
    assert after is CANARY or before is STABLE
