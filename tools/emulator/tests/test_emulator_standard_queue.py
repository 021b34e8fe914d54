"""The emulator's model of a standard queue, in virtual time: the test says what time it is."""

from __future__ import annotations

import json

import pytest

from tools.emulator.errors import SqsError
from tools.emulator.messages import Draft, Message
from tools.emulator.queues import Queue
from tools.emulator.traits import DEFAULTS
from tools.sqs_model.message import Stage

HOUR = 3600


def queue_of(number: int = 1, **attributes: str) -> Queue:
    return Queue(f"q{number}", f"arn:{number}", number, DEFAULTS | attributes, now=0)


def send(queue: Queue, *bodies: str, now: float = 0, delay_seconds: int | None = None) -> None:
    for number, body in enumerate(bodies):
        queue.send(Draft(body), f"id-{number}", now, delay_seconds)


def bodies(messages: list[Message]) -> list[str]:
    return [message.draft.body for message in messages]


def refused(code: str) -> pytest.RaisesExc[SqsError]:
    return pytest.RaisesExc(SqsError, check=lambda error: error.code.endswith(code))


def test_messages_come_in_the_order_of_sending_up_to_the_limit() -> None:
    queue = queue_of()
    send(queue, "a", "b", "c")

    assert bodies(queue.receive(2, 30, now=1)) == ["a", "b"]
    assert bodies(queue.receive(2, 30, now=1)) == ["c"]
    assert queue.receive(2, 30, now=1) == []


def test_a_leased_message_is_hidden_until_exactly_the_end_of_its_lease() -> None:
    queue = queue_of()
    send(queue, "a")
    queue.receive(1, 30, now=100)

    assert queue.receive(1, 30, now=129.999) == []
    assert bodies(queue.receive(1, 30, now=130)) == ["a"]


def test_each_receive_counts_and_gives_another_receipt() -> None:
    queue = queue_of()
    send(queue, "a")

    first = queue.receive(1, 0, now=1)[0].receipt
    message = queue.receive(1, 0, now=2)[0]

    assert message.receipt != first
    assert (message.receive_count, message.first_received_at) == (2, 1)


def test_a_delayed_message_appears_when_its_delay_is_over() -> None:
    queue = queue_of(DelaySeconds="10")
    send(queue, "by the queue")
    send(queue, "by the sender", delay_seconds=5)
    send(queue, "at once", delay_seconds=0)

    assert bodies(queue.receive(10, 30, now=4)) == ["at once"]
    assert bodies(queue.receive(10, 30, now=5)) == ["by the sender"]
    assert bodies(queue.receive(10, 30, now=10)) == ["by the queue"]


def test_a_deleted_message_never_comes_back() -> None:
    queue = queue_of()
    send(queue, "a")
    queue.delete(queue.receive(1, 30, now=0)[0].receipt, now=1)

    assert queue.receive(1, 30, now=HOUR) == []
    assert queue.counts[Stage.DELETED] == 1


def test_deleting_twice_succeeds() -> None:
    queue = queue_of()
    send(queue, "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    queue.delete(receipt, now=1)
    queue.delete(receipt, now=2)

    assert [what for _, what, _ in queue.messages[0].events] == [
        "received",
        "deleted",
        "deleted_again",
    ]


def test_the_newest_receipt_deletes_even_after_its_lease() -> None:
    queue = queue_of()
    send(queue, "a", "b")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    queue.delete(receipt, now=31)

    assert bodies(queue.receive(10, 30, now=32)) == ["b"]


def test_an_older_receipt_deletes_nothing_and_does_not_say_so() -> None:
    queue = queue_of()
    send(queue, "a")
    older = queue.receive(1, 30, now=0)[0].receipt
    queue.receive(1, 30, now=30)

    queue.delete(older, now=31)

    assert bodies(queue.receive(1, 30, now=60)) == ["a"]
    assert queue.totals.deletes_ignored == 1


@pytest.mark.parametrize("receipt", ["", "zzz", "AQEB"])
def test_a_text_that_is_no_receipt_is_refused(receipt: str) -> None:
    with refused("ReceiptHandleIsInvalid"):
        queue_of().delete(receipt, now=0)


def test_a_receipt_of_another_queue_is_refused() -> None:
    queue, other = queue_of(number=1), queue_of(number=2)
    for each in (queue, other):
        send(each, "a")
    receipt = other.receive(1, 30, now=0)[0].receipt

    with refused("ReceiptHandleIsInvalid"):
        queue.delete(receipt, now=0)


def test_extending_a_lease_counts_from_the_change() -> None:
    queue = queue_of()
    send(queue, "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    queue.change_visibility(receipt, 30, now=20)

    assert queue.receive(1, 30, now=49) == []
    assert bodies(queue.receive(1, 30, now=50)) == ["a"]


def test_a_visibility_of_zero_gives_the_message_back_at_once() -> None:
    queue = queue_of()
    send(queue, "a")
    queue.change_visibility(queue.receive(1, 30, now=0)[0].receipt, 0, now=1)

    assert bodies(queue.receive(1, 30, now=1)) == ["a"]


def test_two_changes_to_the_same_end_give_the_message_back_once() -> None:
    queue = queue_of()
    send(queue, "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt
    queue.change_visibility(receipt, 9, now=1)
    queue.change_visibility(receipt, 9, now=1)

    assert bodies(queue.receive(10, 30, now=10)) == ["a"]
    assert queue.counts == [0, 0, 1, 0, 0]


def test_a_lease_may_last_twelve_hours_from_the_receive_and_no_longer() -> None:
    queue = queue_of()
    send(queue, "a")
    receipt = queue.receive(1, 600, now=0)[0].receipt

    queue.change_visibility(receipt, 12 * HOUR - 300, now=300)
    with refused("InvalidParameterValue"):
        queue.change_visibility(receipt, 12 * HOUR - 299, now=300)


def test_a_new_receive_starts_another_twelve_hours() -> None:
    queue = queue_of()
    send(queue, "a")
    queue.receive(1, HOUR, now=HOUR)
    receipt = queue.receive(1, 30, now=2 * HOUR)[0].receipt

    queue.change_visibility(receipt, 12 * HOUR - 1, now=2 * HOUR + 1)

    assert queue.receive(1, 30, now=14 * HOUR - 1) == []


def test_changing_the_visibility_of_a_visible_message_is_refused() -> None:
    queue = queue_of()
    send(queue, "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    with refused("MessageNotInflight"):
        queue.change_visibility(receipt, 30, now=30)


def test_changing_the_visibility_with_an_older_receipt_is_refused() -> None:
    queue = queue_of()
    send(queue, "a")
    older = queue.receive(1, 30, now=0)[0].receipt
    queue.receive(1, 30, now=30)

    with refused("InvalidParameterValue"):
        queue.change_visibility(older, 30, now=31)


def test_changing_the_visibility_of_a_deleted_message_is_refused() -> None:
    queue = queue_of()
    send(queue, "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt
    queue.delete(receipt, now=1)

    with refused("InvalidParameterValue"):
        queue.change_visibility(receipt, 30, now=2)


def redriving(target: Queue, max_receive_count: int) -> Queue:
    policy = {"deadLetterTargetArn": target.arn, "maxReceiveCount": max_receive_count}
    queue = queue_of(number=1, RedrivePolicy=json.dumps(policy))
    queue.dead_letters = target
    return queue


def test_a_message_received_too_often_moves_instead_of_being_received_again() -> None:
    target = queue_of(number=2)
    queue = redriving(target, max_receive_count=2)
    send(queue, "bad")
    queue.receive(1, 1, now=0)
    queue.receive(1, 1, now=1)
    send(queue, "good", now=2)

    assert bodies(queue.receive(10, 30, now=2)) == ["good"]
    assert queue.counts[Stage.MOVED] == 1


def test_a_moved_message_keeps_its_id_and_its_receive_count() -> None:
    target = queue_of(number=2)
    queue = redriving(target, max_receive_count=1)
    send(queue, "bad")
    queue.receive(1, 1, now=0)
    queue.receive(1, 1, now=1)

    moved = target.receive(1, 30, now=1)[0]

    assert (moved.message_id, moved.receive_count, moved.source_arn) == ("id-0", 2, "arn:1")


def test_deleting_a_moved_message_in_its_old_queue_changes_nothing() -> None:
    target = queue_of(number=2)
    queue = redriving(target, max_receive_count=1)
    send(queue, "bad")
    receipt = queue.receive(1, 1, now=0)[0].receipt
    queue.receive(1, 1, now=1)

    queue.delete(receipt, now=2)

    assert queue.counts == [0, 0, 0, 0, 1]
    assert bodies(target.receive(1, 30, now=2)) == ["bad"]


def test_a_purge_deletes_what_is_visible_leased_and_delayed() -> None:
    queue = queue_of()
    send(queue, "leased", "visible")
    queue.receive(1, 30, now=0)
    send(queue, "delayed", delay_seconds=5)

    queue.purge(now=1)

    assert queue.counts == [0, 0, 0, 3, 0]
    assert queue.receive(10, 30, now=HOUR) == []


def test_counts_follow_every_step() -> None:
    queue = queue_of()
    send(queue, "a", "b", "c")
    send(queue, "d", delay_seconds=5)
    assert queue.counts == [1, 3, 0, 0, 0]

    first, _ = queue.receive(2, 30, now=1)
    queue.delete(first.receipt, now=2)
    assert queue.counts == [1, 1, 1, 1, 0]

    queue.advance(now=31)
    assert queue.counts == [0, 3, 0, 1, 0]


def test_extending_for_ever_leaves_no_heap_of_leftovers() -> None:
    """Each extension leaves an entry behind; without clearing there would be 10,000."""
    queue = queue_of()
    send(queue, "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    for millisecond in range(10_000):
        queue.change_visibility(receipt, HOUR, now=millisecond / 1000)

    assert len(queue.model.deadlines) < 2_000
    assert queue.next_change_at() == HOUR + 9.999
