"""The commit before partitions are left: refused in a rebalance, it is made again."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from gateway.adapters.kafka.assignment import Assignment
from gateway.adapters.kafka.listener import Listener
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress


class Consumer:
    """Refuses commits with these codes, one after the other."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.commits = 0

    def commit(self, **_: Any) -> None:
        self.commits += 1
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))


def committed(consumer: Consumer) -> list[Any]:
    """Commit, and return what was said of it."""
    said: list[Any] = []
    listener = Listener(*[lambda *_: None] * 8)
    plan = KafkaPlan(("kafka:9092",), TopicAddress("orders"), "g", Start.EARLIEST)
    assignment = Assignment(plan, listener, lambda _, *what: said.extend(what), 1)
    made: Any = consumer
    assignment.commit_now(made, {("orders", 0): 5})
    return said


@pytest.mark.parametrize("code", [KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS])
def test_one_that_a_rebalance_refuses_is_made_again_and_no_more_is_said(code: int) -> None:
    consumer = Consumer(code)
    assert committed(consumer) == []
    assert consumer.commits == 2


def test_one_that_is_always_refused_is_told_of_at_last() -> None:
    consumer = Consumer(*[KafkaError.ILLEGAL_GENERATION] * 9)
    assert len(committed(consumer)) == 1
    assert consumer.commits == 3


def test_one_of_a_member_that_is_out_of_the_group_is_not_made_again() -> None:
    consumer = Consumer(KafkaError.UNKNOWN_MEMBER_ID)
    assert len(committed(consumer)) == 1
    assert consumer.commits == 1
