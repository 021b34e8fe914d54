"""The weights of a followed object: their order has no effect, a rising canary only gains keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed, FollowedDecision
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version

STABLE = version("stable", url="http://b-primary.shop:8080/")
CANARY = version("canary", url="http://b-canary.shop:8080/")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders")
KEYS = st.text(st.characters(), min_size=1)
HOSTS = ("b-primary", "b-canary", "b-experiment")


def decided(weights: list[tuple[str, int]], key: str) -> FollowedDecision:
    route = [{"destination": {"host": host}, "weight": weight} for host, weight in weights]
    meta = {"name": "b", "namespace": "shop"}
    document = {"metadata": meta, "spec": {"hosts": ["b"], "http": [{"route": route}]}}
    seen = read_virtual_service(document)
    return Followed(seen, Follow(8080, namespace="shop"), FOLLOWING).decide(message(message_id=key))


@given(KEYS, st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(any), st.data())
def test_weights_in_another_order_give_the_same_decision(
    key: str, weights: list[int], data: st.DataObject
) -> None:
    pairs = list(zip(HOSTS, weights, strict=True))
    assert decided(data.draw(st.permutations(pairs)), key) == decided(pairs, key)


@given(KEYS, st.integers(0, 100), st.integers(0, 100))
def test_a_rising_canary_weight_only_moves_keys_to_it(key: str, one: int, other: int) -> None:
    low, high = sorted((one, other))
    before = decided([("b-primary", 100 - low), ("b-canary", low)], key).decision.version
    after = decided([("b-canary", high), ("b-primary", 100 - high)], key).decision.version
    assert after is CANARY or before is STABLE
