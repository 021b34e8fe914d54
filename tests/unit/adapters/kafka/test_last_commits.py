"""What comes of commits; refused in a rebalance, the last one is made again."""

from __future__ import annotations

from types import SimpleNamespace
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


def assignment(said: list[Any]) -> Assignment:
    """Make one that says all of it into a list."""
    listener = Listener(*[lambda *_: None] * 9)
    plan = KafkaPlan(("kafka:9092",), TopicAddress("orders"), "g", Start.EARLIEST)
    return Assignment(plan, listener, lambda _, *what: said.extend(what), 1)


def committed(consumer: Consumer) -> list[Any]:
    """Commit, and return what was said of it."""
    said: list[Any] = []
    made: Any = consumer
    assignment(said).commit_now(made, {("orders", 0): 5})
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


def place(number: int, code: int | None = None) -> Any:
    """Make what the library says of one partition of a commit."""
    error = None if code is None else KafkaError(code)
    return SimpleNamespace(topic="orders", partition=number, offset=7, error=error)


def test_of_a_commit_that_failed_in_part_both_parts_are_told() -> None:
    said: list[Any] = []
    both = [place(0), place(1, KafkaError.UNKNOWN_TOPIC_OR_PART)]
    assignment(said).on_commit(None, both)
    confirmed, why = said
    assert confirmed == {("orders", 0): 7}
    assert "commit" in why


def test_a_commit_that_failed_confirms_nothing() -> None:
    said: list[Any] = []
    assignment(said).on_commit(KafkaError(KafkaError.ILLEGAL_GENERATION), [place(0)])
    assert len(said) == 1
    assert isinstance(said[0], str)
