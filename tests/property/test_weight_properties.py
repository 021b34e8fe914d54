"""However many versions, and whatever their shares: a canary's weight moves only its own keys."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rollout.plan import Plan
from gateway.core.routing.split import BUCKETS
from gateway.core.routing.weights import canary_share, weighted
from tests.builders import route, version

if TYPE_CHECKING:
    from gateway.core.routing.route import Route


@st.composite
def routes(draw: st.DrawFn) -> Route:
    """Draw a route of 2 to 5 versions in any order, of which one is stable and one the canary."""
    names = draw(st.permutations(["a", "b", "c", "d", "e"]))[: draw(st.integers(2, 5))]
    versions = [version(name) for name in names]
    weights = {name: draw(st.integers(0, 200)) for name in names}
    weights[names[0]] += 1
    stable, canary = draw(st.permutations(versions))[:2]
    plan = Plan(canary.name, canary.url, canary.tag)
    return route(weights, versions=versions, stable=stable, plan=plan)


WEIGHTS = st.integers(0, 100)


def owners(of: Route) -> list[str]:
    split = of.split
    assert split is not None
    return [split.pick(bucket).name for bucket in range(BUCKETS)]


@given(routes(), WEIGHTS, WEIGHTS)
def test_from_one_weight_to_a_higher_one_buckets_move_from_stable_to_the_canary_alone(
    base: Route, one: int, other: int
) -> None:
    assert base.plan is not None
    lower, higher = (owners(weighted(base, weight)) for weight in sorted((one, other)))
    moves = {(old, new) for old, new in zip(lower, higher, strict=True) if old != new}
    assert moves <= {(base.stable.name, base.plan.canary)}


@given(routes(), WEIGHTS)
def test_the_canary_gets_its_weight_or_all_that_the_others_leave(base: Route, weight: int) -> None:
    assert base.plan is not None
    before = owners(base)
    shared = [name in (base.stable.name, base.plan.canary) for name in before]
    after = owners(weighted(base, weight))
    assert after.count(base.plan.canary) == min(weight * BUCKETS // 100, sum(shared))
    kept = [(old, new) for old, new, both in zip(before, after, shared, strict=True) if not both]
    assert all(old == new for old, new in kept)


@given(routes(), WEIGHTS, WEIGHTS)
def test_weighing_again_is_weighing_the_file_s_route(base: Route, one: int, other: int) -> None:
    assert weighted(weighted(base, one), other) == weighted(base, other)


@given(routes(), WEIGHTS)
def test_edges_rise_and_the_weights_shown_are_the_shares(base: Route, weight: int) -> None:
    found = weighted(base, weight)
    assert found.split is not None
    assert all(low < high for low, high in pairwise((0, *found.split.edges)))
    assert found.split.edges[-1] == BUCKETS
    after, weights = owners(found), found.split_weights()
    unit = BUCKETS // sum(weights.values())
    assert {name: after.count(name) for name in weights} == {
        name: count * unit for name, count in weights.items()
    }


@given(routes(), WEIGHTS)
def test_the_share_to_pair_by_is_within_its_bounds(base: Route, weight: int) -> None:
    assert base.plan is not None
    found = weighted(base, weight)
    after = owners(found)
    canary, stable = after.count(base.plan.canary), after.count(base.stable.name)
    share = canary_share(found)
    if canary and stable:
        assert 1 <= share <= 99
        assert abs(share - 100 * canary / (canary + stable)) <= 1
    else:
        assert share == (100 if canary else 0)
