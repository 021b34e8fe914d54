"""Whatever is wrong turns the verdict red, each by its own line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.demo.audit import audit
from gateway.demo.checks import Check, alike_check, order_checks, queue_check, stop_check
from tests.unit.demo.audits import WEIGHTS, good_run, order, sighting

if TYPE_CHECKING:
    from gateway.demo.audit import Order, Sighting


def red(orders: list[Order], sightings: list[Sighting], asked: int | None = None) -> list[Check]:
    account = audit(orders, sightings, WEIGHTS)
    checks = order_checks(account, len(orders) if asked is None else asked)
    return [check for check in checks if not check.good]


def names(checks: list[Check]) -> list[str]:
    return [check.name for check in checks]


def test_a_run_in_which_all_is_right_is_green() -> None:
    assert red(*good_run()) == []


def test_a_lost_order_is_red_and_named() -> None:
    orders, sightings = good_run()
    (check,) = red(orders, sightings[:-1])
    assert (check.name, list(check.orders)) == ("lost", ["order-99"])


def test_a_doubled_order_is_red_and_named() -> None:
    orders, sightings = good_run()
    (check,) = red(orders, [*sightings, sightings[0]])
    assert (check.name, list(check.orders)) == ("doubled", ["order-0"])


def test_a_crossed_order_is_red_and_named() -> None:
    orders, sightings = good_run()
    sightings[1] = sighting(orders[1], ("A", "B", "C1", "D"))
    (check,) = red(orders, sightings)
    assert (check.name, list(check.orders)) == ("crossed", ["order-1"])


def test_a_misrouted_order_is_red_and_named() -> None:
    orders, sightings = good_run()
    sightings[1] = sighting(orders[1], ("A", "B1", "C1", "D"), "v2")
    (check,) = red(orders, sightings)
    assert (check.name, list(check.orders)) == ("misrouted", ["order-1"])


def test_a_pinned_order_that_the_split_took_is_red() -> None:
    pinned = order(1, "v2", pin="v2")
    assert names(red([pinned], [sighting(pinned, ("A", "B", "C", "D"), "v1")])) == ["misrouted"]


def test_a_share_far_from_its_weight_is_red_though_every_order_went_as_computed() -> None:
    orders = [order(n, "v2") for n in range(100)]
    assert names(red(orders, [sighting(one) for one in orders])) == ["share", "share"]


def test_an_order_that_a_did_not_take_is_red() -> None:
    orders, sightings = good_run(100)
    assert names(red(orders, sightings, asked=101)) == ["taken"]


def test_every_failed_check_is_reported_at_once() -> None:
    orders, sightings = good_run()
    sightings[1] = sighting(orders[1], ("A", "B", "C1", "D"))
    sightings[2] = sighting(orders[2], version="v2")
    assert names(red(orders, [*sightings[:-1], sightings[3]])) == [
        "lost",
        "doubled",
        "crossed",
        "misrouted",
    ]


@pytest.mark.parametrize(("canaries", "good"), [(10, True), (20, True), (40, False), (0, True)])
def test_ways_that_split_differently_are_red(canaries: int, *, good: bool) -> None:
    """Of 100 each, 10 went to v2 one way: by chance some 21 more or less may go the other."""
    messages = audit(*good_run(), WEIGHTS)
    orders = [order(n, "v2" if n < canaries else "v1") for n in range(100)]
    requests = audit(orders, [sighting(one) for one in orders], WEIGHTS)
    assert alike_check(messages, requests).good is good


@pytest.mark.parametrize(("left", "good"), [(0, True), (1, False)])
def test_a_queue_that_is_not_empty_is_red(left: int, *, good: bool) -> None:
    assert queue_check(left).good is good


@pytest.mark.parametrize(("status", "good"), [(0, True), (1, False), (-9, False)])
def test_a_gateway_that_did_not_stop_cleanly_is_red(status: int, *, good: bool) -> None:
    assert stop_check(status).good is good
