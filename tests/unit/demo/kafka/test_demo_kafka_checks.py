"""What is wrong with keys and offsets turns a check of the demo with Kafka red."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gateway.config.file import read
from gateway.demo.audit import PATHS, Order, Sighting
from gateway.demo.kafka.checks import offsets_check, order_check, shares_of_keys, sticky_check
from gateway.demo.load import customer_of, plan
from gateway.demo.routing import expected_tag, read_route
from tests.unit.demo.audits import WEIGHTS, sighting

PACKAGED = Path(__file__).parents[4] / "gateway" / "demo" / "kafka" / "routes.yaml"


def run(orders: int = 40) -> tuple[list[Order], list[Sighting]]:
    """Return a run in which all is right: one key in ten is the canary's, one order pinned."""
    made = []
    for number in range(orders):
        key = number // 4
        tag = "v2" if key % 10 == 9 else "v1"
        place = f"orders/{key % 4}/{number}"
        made.append(Order(f"order-{number + 1}", place, None, tag, f"key-{key}"))
    made[5] = replace(made[5], pin="v2", tag="v2")
    return made, [sighting(each) for each in made]


def test_keys_that_stick_and_arrive_in_order_are_green() -> None:
    orders, seen = run()
    assert sticky_check(orders, seen).good
    assert order_check(orders, seen).good
    assert [share.got for share in shares_of_keys(orders, seen, WEIGHTS)] == [9, 1]
    assert "0 of 10 keys" in sticky_check(orders, seen).text


def test_a_key_at_both_versions_is_red_by_name() -> None:
    orders, seen = run()
    seen[2] = replace(seen[2], path=PATHS["v2"])
    check = sticky_check(orders, seen)
    assert (check.good, check.orders) == (False, ["key-0"])


def test_two_orders_of_a_key_that_changed_places_are_red_also_where_one_is_pinned() -> None:
    orders, seen = run()
    seen[4], seen[5] = seen[5], seen[4]
    assert sticky_check(orders, seen).good
    check = order_check(orders, seen)
    assert (check.good, check.orders) == (False, ["key-1"])


def test_orders_of_two_keys_may_change_places() -> None:
    orders, seen = run()
    seen[3], seen[4] = seen[4], seen[3]
    assert order_check(orders, seen).good


def test_the_order_is_that_of_offsets_and_not_of_names() -> None:
    orders, seen = run()
    for one, other in ((orders[8], orders[9]),):
        orders[8], orders[9] = (
            replace(one, message_id=other.message_id),
            replace(other, message_id=one.message_id),
        )
    assert not order_check(orders, seen).good


def test_a_record_that_is_not_committed_is_red() -> None:
    assert offsets_check(0).good
    assert not offsets_check(1).good


def test_of_each_customer_there_are_four_orders_in_a_row_and_at_most_one_is_pinned() -> None:
    names = list(plan(40))
    customers = [customer_of(name) for name, _ in names]
    assert customers == [f"customer-{number // 4}" for number in range(40)]
    pinned = [customer_of(name) for name, pin in names if pin]
    assert len(pinned) == len(set(pinned)) == 4


def test_the_demo_reads_the_file_with_a_topic_as_the_gateway_does() -> None:
    (gateways,) = read(PACKAGED).routes
    demos = read_route(PACKAGED.read_text("utf-8"))
    assert demos.queue == gateways.queue
    assert demos.weights == gateways.weights
    keys = [f"customer-{number}" for number in range(200)]
    tags = [
        [expected_tag(route, f"orders/0/{number}", None, key) for number, key in enumerate(keys)]
        for route in (demos, gateways)
    ]
    assert tags[0] == tags[1]
    assert set(tags[0]) == {"v1", "v2"}
    assert tags[0] == [expected_tag(demos, "orders/1/7", None, key) for key in keys]
