"""A canary's weight: which buckets it takes, and that they move one way only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.core.rollout.plan import Plan
from gateway.core.routing.decider import Decider
from gateway.core.routing.split import BUCKETS, bucket_of
from gateway.core.routing.weights import weighted
from tests.builders import CANARY, STABLE, THIRD, message, route

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

PLAN = Plan("canary", CANARY.url, CANARY.tag)
AT_REST = route({"stable": 1, "canary": 0}, plan=PLAN)
THREE = (STABLE, CANARY, THIRD)
WITH_THIRD = route({"stable": 70, "canary": 10, "third": 20}, versions=THREE, plan=PLAN)


def owners(of: Route) -> list[str]:
    """Return the name of the version of each bucket."""
    assert of.split is not None
    return [of.split.pick(bucket).name for bucket in range(BUCKETS)]


def taken_by(of: Route, name: str) -> set[int]:
    return {bucket for bucket, owner in enumerate(owners(of)) if owner == name}


@pytest.mark.parametrize("weight", [0, 1, 5, 25, 50, 99, 100])
def test_the_canary_takes_the_buckets_that_a_split_of_that_weight_gives_it(weight: int) -> None:
    found = weighted(AT_REST, weight)
    assert owners(found) == owners(route({"stable": 100 - weight, "canary": weight}))
    assert found.split_weights() == {"stable": 100 - weight, "canary": weight}


@pytest.mark.parametrize("base", [AT_REST, WITH_THIRD], ids=["two", "three"])
def test_a_rising_weight_moves_buckets_to_the_canary_alone(base: Route) -> None:
    before = owners(weighted(base, 0))
    for weight in range(1, 81):
        after = owners(weighted(base, weight))
        assert {new for old, new in zip(before, after, strict=True) if old != new} == {"canary"}
        before = after


def test_other_versions_keep_their_buckets_at_every_weight() -> None:
    third = taken_by(WITH_THIRD, "third")
    assert len(third) == 2_000
    assert all(taken_by(weighted(WITH_THIRD, weight), "third") == third for weight in (0, 5, 100))


def test_the_canary_gets_at_most_what_other_versions_leave() -> None:
    found = weighted(WITH_THIRD, 100)
    assert found.split_weights() == {"stable": 0, "canary": 80, "third": 20}


def test_a_lower_weight_keeps_the_first_of_the_canarys_own_buckets() -> None:
    own = taken_by(WITH_THIRD, "canary")
    assert taken_by(weighted(WITH_THIRD, 5), "canary") < own
    assert taken_by(weighted(WITH_THIRD, 10), "canary") == own


@pytest.mark.parametrize("base", [AT_REST, WITH_THIRD], ids=["two", "three"])
@pytest.mark.parametrize("first", [0, 7, 100])
def test_a_weight_says_the_same_whatever_was_in_force_before(base: Route, first: int) -> None:
    for weight in (0, 3, 60):
        assert weighted(weighted(base, first), weight) == weighted(base, weight)


def test_weights_are_in_buckets_where_they_are_no_whole_per_cent() -> None:
    odd = route({"stable": 2, "canary": 0, "third": 1}, versions=THREE, plan=PLAN)
    assert weighted(odd, 5).split_weights() == {"stable": 6_167, "canary": 500, "third": 3_333}


def test_without_a_weight_the_split_of_the_file_is_in_force() -> None:
    assert weighted(WITH_THIRD, None) is WITH_THIRD


def test_seed_and_sticky_key_stay() -> None:
    base = route({"stable": 1, "canary": 0}, queue="orders.fifo", seed="shop", plan=PLAN)
    found = weighted(base, 50)
    for group in map(str, range(50)):
        decision = Decider(found).decide(message(group=group))
        assert decision.version is (CANARY if bucket_of("shop", group) < 5_000 else STABLE)


@pytest.mark.parametrize("weight", [-1, 101])
def test_a_weight_out_of_range_is_an_error(weight: int) -> None:
    with pytest.raises(ValueError, match="a weight of"):
        weighted(AT_REST, weight)


def test_a_route_without_a_plan_has_no_canary() -> None:
    with pytest.raises(ValueError, match="no plan"):
        weighted(route({"stable": 1}), 5)
