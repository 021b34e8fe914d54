"""A number of permits that finds itself: grows where they are wanted, shrinks where not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.delivery.permit_limit import FIRST_LIMIT, PermitLimit


def test_it_begins_within_its_bounds() -> None:
    assert PermitLimit(10, 2000).limit == FIRST_LIMIT
    assert PermitLimit(1, 7).limit == 7
    assert PermitLimit(100, 2000).limit == 100


def test_it_grows_as_more_are_wanted_but_at_most_doubles_in_a_window() -> None:
    limit = PermitLimit(10, 2000)
    assert limit.look(1.0, held=50, wanted=20) == 70
    assert limit.look(1.05, held=70, wanted=20) == 90
    assert limit.look(1.06, held=90, wanted=20) == 100
    assert limit.look(1.2, held=100, wanted=20) == 120


def test_it_stays_where_no_version_has_room_for_more() -> None:
    assert PermitLimit(10, 2000).look(1.0, held=50, wanted=0) == FIRST_LIMIT


def test_what_is_not_held_by_half_decays() -> None:
    limit = PermitLimit(10, 2000, first=1000)
    for at in range(200):
        limit.look(float(at), held=15, wanted=10)
    assert limit.limit == 30


def test_other_bounds_hold_at_once() -> None:
    limit = PermitLimit(10, 2000, first=1000)
    limit.hold_to(10, 100)
    assert limit.look(1.0, held=100, wanted=20) == 100


@given(
    st.integers(1, 100),
    st.integers(0, 500),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3000), st.integers(0, 20))),
)
def test_it_is_never_below_the_least_nor_above_the_most(
    least: int, more: int, looks: list[tuple[float, int, int]]
) -> None:
    limit, now = PermitLimit(least, least + more), 0.0
    for passed, held, wanted in looks:
        now += passed
        assert least <= limit.look(now, held, wanted) <= least + more
