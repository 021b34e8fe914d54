"""Receipts of several partitions are settled in one call."""

from __future__ import annotations

import pytest

from gateway.adapters.kafka.partitions import Partitions
from gateway.core.kafka.plan import KafkaPlan, Order, Start, TopicAddress
from gateway.core.messages.record import Record

PLAN = KafkaPlan(("k:9092",), TopicAddress("orders"), "g", Start.EARLIEST, order=Order.NONE)


@pytest.fixture
def partitions() -> Partitions:
    """Make two partitions with three records each, of the first assignment."""
    made = Partitions(PLAN)
    made.assign({("orders", number): 1 for number in (0, 1)})
    for number in (0, 1):
        made.add(("orders", number), [Record("orders", number, at, None, b"") for at in range(3)])
    return made


def test_each_record_is_settled_in_its_own_partition(partitions: Partitions) -> None:
    receipts = [each.receipt for each in partitions.take(6, 0.0)]
    settled = [each for each in receipts if not each.endswith("1/2")]
    assert partitions.settle(settled[::-1]) == []
    assert partitions.offsets() == {("orders", 0): 3, ("orders", 1): 2}


def test_what_is_not_given_out_is_refused_at_its_position(partitions: Partitions) -> None:
    receipts = [each.receipt for each in partitions.take(6, 0.0)]
    of_the_next_assignment = receipts[1].replace("1#", "2#")
    asked = [receipts[0], of_the_next_assignment, receipts[3], receipts[0], "1#orders/1/9"]
    assert sorted(partitions.settle(asked)) == [1, 3, 4]
    left = sum(each.window.left + each.window.out for each in partitions)
    assert left == 6 - 2


def test_nothing_of_a_partition_that_left_is_settled(partitions: Partitions) -> None:
    receipts = [each.receipt for each in partitions.take(6, 0.0)]
    partitions.drop([("orders", 0)])
    gone = [at for at, each in enumerate(receipts) if "orders/0/" in each]
    assert len(gone) == 3
    assert partitions.settle(receipts) == gone
    assert partitions.offsets() == {("orders", 1): 3}
