"""The thread of a consumer polls again in time, whatever the loop asks of it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.adapters.kafka import consumer_thread
from gateway.adapters.kafka.consumer_thread import ConsumerThread
from gateway.adapters.kafka.listener import Listener
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress

if TYPE_CHECKING:
    import pytest

PLAN = KafkaPlan(("kafka:9092",), TopicAddress("orders"), "g", Start.EARLIEST)


class Consumer:
    """Notes what is done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def pause(self, _partitions: list[Any]) -> None:
        self.done.append("pause")

    def commit(self, **_: Any) -> None:
        self.done.append("commit")


def waited(consumer: Any) -> ConsumerThread:
    """Have enough fetched, and wait once while a commit is asked for."""
    made = ConsumerThread(PLAN, Listener(*[lambda *_: None] * 9), lambda *_: None, 1)
    made._assignment._generations = {("orders", 0): 1}
    made.hold(enough=True)
    made._run_commands(consumer)
    made.commit({("orders", 0): (1, 5)})
    made._wait(consumer)
    return made


def test_what_was_fetched_is_kept_while_commits_come() -> None:
    consumer = Consumer()
    assert not waited(consumer)._held
    assert consumer.done == ["commit"]


def test_it_holds_all_and_polls_for_a_rebalance_though_commits_come_all_the_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer_thread, "LONGEST_HOLD_SECONDS", 0.0)
    consumer = Consumer()
    assert waited(consumer)._held
    assert consumer.done == ["pause"]
