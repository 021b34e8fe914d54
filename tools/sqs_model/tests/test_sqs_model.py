"""The model of a queue itself, where its users' tests do not reach: time comes with each call."""

from __future__ import annotations

import pytest

from tools.sqs_model.message import Event, Message, Stage
from tools.sqs_model.queue import Queue, Refusal
from tools.sqs_model.receipts import Receipts
from tools.sqs_model.visible import FifoOrder

RECEIPTS = Receipts(7)


def queue_of(*groups: str | None, fifo: bool = False) -> Queue[Message]:
    queue: Queue[Message] = Queue(RECEIPTS, fifo=fifo)
    for group in groups:
        queue.send(Message(group), 0.0)
    return queue


def receipt_of(message: Message) -> str:
    return RECEIPTS.make(message.sequence, message.receive_count)


def sequences(messages: list[Message]) -> list[int]:
    return [message.sequence for message in messages]


def test_a_receipt_is_read_by_the_queue_that_made_it_and_by_no_other() -> None:
    receipt = RECEIPTS.make(3, 2)

    assert RECEIPTS.parse(receipt) == (3, 2)
    assert Receipts(8).parse(receipt) is None


@pytest.mark.parametrize("cut", [slice(0, 0), slice(1, None), slice(None, -1)])
def test_a_part_of_a_receipt_is_none(cut: slice) -> None:
    assert RECEIPTS.parse(RECEIPTS.make(3, 2)[cut]) is None


def test_a_lease_ends_at_its_time_although_sums_of_floats_fall_short_of_it() -> None:
    """0.1 + 0.2 is more than 0.3."""
    queue = queue_of(None)
    queue.receive(1, 0.2, 0.1)

    assert sequences(queue.receive(1, 30, 0.3)) == [0]


def test_messages_put_back_in_any_order_are_received_in_the_order_of_sending() -> None:
    order: FifoOrder[Message] = FifoOrder()
    messages = [Message("g") for _ in range(5)]
    for sequence, message in enumerate(messages):
        message.sequence = sequence
        order.add(message)
    first = order.take(4)
    for at in (2, 0, 3, 1):
        order.put_back(first[at])

    assert sequences(order.take(10)) == [0, 1, 2, 3, 4]


def test_a_group_is_blocked_until_its_last_leased_message_is_back() -> None:
    queue = queue_of("g", "g", "g", fifo=True)
    first, second = queue.receive(2, 30, 0.0)

    assert queue.change_visibility(receipt_of(second), 0, 1.0) is None
    assert queue.receive(10, 30, 1.0) == []
    assert queue.delete(receipt_of(first), 2.0) is None
    assert sequences(queue.receive(10, 30, 2.0)) == [1, 2]


def test_a_used_up_message_is_dead_lettered_and_leaves_its_place_to_another() -> None:
    queue, dead = queue_of(None, None), []
    queue.max_receive_count = 1
    queue.dead_letter = lambda message, _now: dead.append(message.sequence)
    queue.receive(1, 1, 0.0)
    assert sequences(queue.receive(1, 1, 0.5)) == [1]

    assert queue.receive(10, 1, 5.0) == []

    assert dead == [0, 1]
    assert queue.counts[Stage.MOVED] == 2


def test_a_leased_message_that_is_leased_again_counts_twice_and_renews_its_receipt() -> None:
    queue = queue_of(None)
    (message,) = queue.receive(1, 30, 0.0)
    older = receipt_of(message)

    assert queue.lease_again(0.5, 30, 1.0) is message

    assert queue.change_visibility(older, 60, 2.0) is Refusal.NOT_AVAILABLE
    assert queue.counts[Stage.LEASED] == 1
    assert queue.totals.receives == 2


def test_every_event_is_recorded_with_its_time_and_number() -> None:
    events: list[tuple[float, Event, int]] = []
    queue: Queue[Message] = Queue(
        RECEIPTS, record=lambda _message, now, event, number: events.append((now, event, number))
    )
    message = queue.send(Message(), 0.0)
    queue.receive(1, 30, 1.0)
    queue.change_visibility(receipt_of(message), 5, 2.0)
    queue.advance(7.0)
    queue.receive(1, 30, 8.0)
    for now in (9.0, 10.0):
        queue.delete(receipt_of(message), now)

    assert events == [
        (1.0, Event.RECEIVED, 1),
        (2.0, Event.VISIBILITY_CHANGED, 5),
        (7.0, Event.LEASE_ENDED, 0),
        (8.0, Event.RECEIVED, 2),
        (9.0, Event.DELETED, 0),
        (10.0, Event.DELETED_AGAIN, 0),
    ]


def test_the_model_knows_no_clock_and_no_loop() -> None:
    for module in ("attempts", "deadlines", "message", "queue", "receipts", "visible", "window"):
        names = vars(__import__(f"tools.sqs_model.{module}", fromlist=["*"]))
        assert names.keys().isdisjoint({"asyncio", "time", "datetime"}), module
