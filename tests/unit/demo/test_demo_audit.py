"""The account of a run: paths, shares, percentiles and each kind of defect, on made-up ledgers."""

from __future__ import annotations

import pytest

from gateway.demo.audit import (
    PATHS,
    Audit,
    Defect,
    Order,
    Path,
    Share,
    Sighting,
    audit,
    percentile,
    tag_of,
)
from tests.unit.demo.audits import WEIGHTS, good_run, order, sighting

NO_DEFECTS: dict[Defect, tuple[str, ...]] = dict.fromkeys(Defect, ())


def account(orders: list[Order], sightings: list[Sighting]) -> Audit:
    return audit(orders, sightings, WEIGHTS)


def test_a_run_in_which_all_is_right_has_no_defect() -> None:
    found = account(*good_run())
    assert found.orders == 100
    assert found.defects == NO_DEFECTS
    assert [(path.path, path.split) for path in found.paths] == [
        (PATHS["v1"], 90),
        (PATHS["v2"], 10),
    ]


def test_an_order_that_never_came_is_lost() -> None:
    orders, sightings = good_run()
    assert account(orders, sightings[1:]).defects == NO_DEFECTS | {Defect.LOST: ("order-0",)}


def test_an_order_that_came_twice_is_doubled_and_counts_once() -> None:
    orders, sightings = good_run()
    found = account(orders, [*sightings, sightings[7]])
    assert found.defects == NO_DEFECTS | {Defect.DOUBLED: ("order-7",)}
    assert sum(path.split for path in found.paths) == len(orders)


@pytest.mark.parametrize("path", [("A", "B", "C1", "D"), ("A", "B1", "C", "D")])
def test_an_order_that_left_its_version_on_the_way_is_crossed(path: tuple[str, ...]) -> None:
    found = account([order(1)], [sighting(order(1), path)])
    assert found.defects == NO_DEFECTS | {Defect.CROSSED: ("order-1",)}


def test_a_crossed_path_has_a_row_of_its_own() -> None:
    path = ("A", "B", "C1", "D")
    found = account([order(1)], [sighting(order(1), path)])
    assert [(row.path, row.split) for row in found.paths] == [
        (PATHS["v1"], 0),
        (PATHS["v2"], 0),
        (path, 1),
    ]


@pytest.mark.parametrize(
    ("path", "version"),
    [
        pytest.param(PATHS["v2"], "v2", id="the other version's path"),
        pytest.param(("A", "B", "D"), "v1", id="a hop left out"),
        pytest.param(PATHS["v1"], "v2", id="the other version's header"),
        pytest.param(PATHS["v1"], None, id="no version header"),
    ],
)
def test_an_order_on_another_way_than_decided_is_misrouted(
    path: tuple[str, ...], version: str | None
) -> None:
    found = account([order(1)], [sighting(order(1), path, version)])
    assert found.defects == NO_DEFECTS | {Defect.MISROUTED: ("order-1",)}


def test_the_second_sighting_is_judged_as_strictly_as_the_first() -> None:
    one = order(1)
    found = account([one], [sighting(one), sighting(one, PATHS["v2"], "v2")])
    assert found.defects == NO_DEFECTS | {
        Defect.DOUBLED: ("order-1",),
        Defect.MISROUTED: ("order-1",),
    }


def test_orders_of_another_sender_do_not_count() -> None:
    orders, sightings = good_run()
    stranger = sighting(order(999), ("A", "B", "C1", "D"))
    assert account(orders, [*sightings, stranger]) == account(orders, sightings)


def test_pinned_orders_do_not_count_for_the_share() -> None:
    orders, sightings = good_run()
    pinned = [order(1_000 + n, "v2", pin="v2") for n in range(50)]
    found = account([*orders, *pinned], [*sightings, *map(sighting, pinned)])
    assert [(share.tag, share.got, share.of) for share in found.shares] == [
        ("v1", 90, 100),
        ("v2", 10, 100),
    ]
    assert found.pinned == {"v2": 50}
    assert [(path.split, path.pinned) for path in found.paths] == [(90, 0), (10, 50)]


def test_lost_orders_do_not_count_for_the_share() -> None:
    orders, sightings = good_run()
    assert [share.of for share in account(orders, sightings[10:]).shares] == [90, 90]


@pytest.mark.parametrize(
    ("got", "of", "plausible"),
    [
        (200, 2_000, True),
        (268, 2_000, True),  # 5 sigmas are 67.1, and one order more
        (269, 2_000, False),
        (132, 2_000, True),
        (131, 2_000, False),
        (0, 0, True),
        (1, 1, True),
        (2, 2, True),
        (10, 10, False),
    ],
)
def test_a_share_is_plausible_within_five_sigmas(got: int, of: int, *, plausible: bool) -> None:
    assert Share("v2", got, of, expected=0.1).plausible is plausible


@pytest.mark.parametrize(
    ("path", "version", "defect"),
    [
        (("A", "B", "C", "D"), "v1", None),
        (("A", "B1", "C1", "D"), "v2", None),
        (("A", "B1", "C1", "D"), "v1", Defect.MISROUTED),
        (("A", "B", "D"), "v1", Defect.MISROUTED),
        (("A", "B1", "C", "D"), "v2", Defect.CROSSED),
    ],
)
def test_an_order_without_a_tag_may_take_either_path_but_no_other(
    path: Path, version: str, defect: Defect | None
) -> None:
    one = Order("request-1", "", None, None)
    found = account([one], [Sighting(one.name, path, version, 0.01)]).defects
    assert [each for each, orders in found.items() if orders] == ([defect] if defect else [])


def test_a_share_of_nothing_is_zero() -> None:
    assert Share("v2", 0, 0, 0.1).observed == 0


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 0.5), (95, 0.95), (99, 0.99), (100, 1.0), (0, 0.01), (50.5, 0.51)]
)
def test_percentiles_are_nearest_ranks(percent: float, value: float) -> None:
    assert percentile([n / 100 for n in range(1, 101)], percent) == value


def test_there_is_no_percentile_of_nothing() -> None:
    assert percentile([], 50) is None


def test_a_single_value_is_every_percentile() -> None:
    assert {percentile([7.0], percent) for percent in (0, 50, 99, 100)} == {7.0}


def test_seconds_of_a_path_are_ascending_for_any_order_of_arrival() -> None:
    orders = [order(1), order(2), order(3)]
    seen = [sighting(one, seconds=s) for one, s in zip(orders, (0.3, 0.1, 0.2), strict=True)]
    assert account(orders, seen).paths[0].seconds == (0.1, 0.2, 0.3)


def test_only_the_two_ways_through_the_chain_have_a_tag() -> None:
    assert [tag_of(path) for path in (*PATHS.values(), ("A", "B", "C1", "D"))] == ["v1", "v2", None]
