"""The emulator's model of a FIFO queue, in virtual time: the test says what time it is."""

from __future__ import annotations

import pytest

from tools.emulator.errors import SqsError
from tools.emulator.messages import Draft, Message
from tools.emulator.queues import Queue
from tools.emulator.traits import DEFAULTS, FIFO_DEFAULTS


def fifo_queue(number: int = 1, **attributes: str) -> Queue:
    return Queue(
        f"q{number}.fifo", f"arn:{number}", number, DEFAULTS | FIFO_DEFAULTS | attributes, 0
    )


def send(queue: Queue, group: str, *bodies: str, now: float = 0) -> None:
    for body in bodies:
        queue.send(Draft(body, group=group, deduplication_id=f"{group}{body}"), f"id-{body}", now)


def bodies(messages: list[Message]) -> list[str]:
    return [message.draft.body for message in messages]


def refused(code: str) -> pytest.RaisesExc[SqsError]:
    return pytest.RaisesExc(SqsError, check=lambda error: error.code == code)


def test_one_receive_takes_up_to_ten_of_one_group_in_order() -> None:
    queue = fifo_queue()
    send(queue, "g", *"abcdefghijkl")

    assert bodies(queue.receive(10, 30, now=0)) == list("abcdefghij")


def test_one_receive_fills_up_with_other_groups() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b")
    send(queue, "h", "c", "d")

    assert bodies(queue.receive(3, 30, now=0)) == ["a", "b", "c"]


def test_a_group_with_a_message_in_flight_is_blocked_and_others_are_not() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b")
    send(queue, "h", "c")
    queue.receive(1, 30, now=0)

    assert bodies(queue.receive(10, 30, now=1)) == ["c"]


def test_a_group_goes_on_when_the_last_of_it_in_flight_is_deleted() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b", "c")
    first, second = queue.receive(2, 30, now=0)

    queue.delete(first.receipt, now=1)
    assert queue.receive(10, 30, now=1) == []

    queue.delete(second.receipt, now=2)
    assert bodies(queue.receive(10, 30, now=2)) == ["c"]


def test_a_message_given_back_comes_before_its_successors() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b", "c")
    queue.receive(2, 30, now=0)

    assert bodies(queue.receive(10, 30, now=30)) == ["a", "b", "c"]


def test_a_message_given_back_waits_for_its_neighbour_in_flight() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b")
    first, second = queue.receive(2, 30, now=0)
    queue.change_visibility(first.receipt, 0, now=1)
    assert queue.receive(10, 30, now=1) == []

    queue.delete(second.receipt, now=2)
    assert bodies(queue.receive(10, 30, now=2)) == ["a"]


def test_a_delayed_message_holds_up_its_group() -> None:
    queue = fifo_queue(DelaySeconds="5")
    send(queue, "g", "a", now=0)
    queue.configure(queue.attributes | {"DelaySeconds": "0"}, now=1)
    send(queue, "g", "b", now=1)

    assert queue.receive(10, 30, now=4) == []
    assert bodies(queue.receive(10, 30, now=5)) == ["a", "b"]


def test_deleting_after_the_lease_is_refused() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    with refused("InvalidParameterValue") as caught:
        queue.delete(receipt, now=30)

    assert caught.value.entry_code == "ReceiptHandleIsInvalid"
    assert bodies(queue.receive(1, 30, now=30)) == ["a"]


def test_deleting_with_an_older_receipt_is_refused() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    older = queue.receive(1, 30, now=0)[0].receipt
    queue.receive(1, 30, now=30)

    with refused("InvalidParameterValue"):
        queue.delete(older, now=31)


def test_deleting_twice_succeeds() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    queue.delete(receipt, now=1)
    queue.delete(receipt, now=2)

    assert queue.messages[0].events[-1][1] == "deleted_again"


def test_extending_after_the_lease_is_refused() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    receipt = queue.receive(1, 30, now=0)[0].receipt

    with refused("InvalidParameterValue"):
        queue.change_visibility(receipt, 30, now=30)


def test_a_duplicate_within_five_minutes_is_taken_and_not_queued() -> None:
    queue = fifo_queue()
    first = queue.send(Draft("a", group="g", deduplication_id="d"), "id-1", now=0)

    assert queue.send(Draft("a", group="g", deduplication_id="d"), "id-2", now=299) is first
    assert queue.send(Draft("a", group="g", deduplication_id="d"), "id-3", now=300) is not first


def test_a_duplicate_does_not_prolong_the_five_minutes() -> None:
    queue = fifo_queue()
    first = queue.send(Draft("a", group="g", deduplication_id="d"), "id-1", now=0)
    queue.send(Draft("a", group="g", deduplication_id="d"), "id-2", now=200)

    assert queue.send(Draft("a", group="g", deduplication_id="d"), "id-3", now=301) is not first


def test_a_duplicate_of_a_deleted_message_is_still_one() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    queue.delete(queue.receive(1, 30, now=0)[0].receipt, now=1)
    send(queue, "g", "a", now=2)

    assert queue.receive(1, 30, now=2) == []


@pytest.mark.parametrize(("scope", "queued"), [("queue", 1), ("messageGroup", 2)])
def test_deduplication_looks_at_the_queue_or_at_the_group(scope: str, queued: int) -> None:
    queue = fifo_queue(DeduplicationScope=scope)
    for group in "gh":
        queue.send(Draft("a", group=group, deduplication_id="d"), f"id-{group}", now=0)

    assert len(queue.messages) == queued


def test_the_same_attempt_id_gets_the_same_answer_and_a_fresh_lease() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b")
    first = queue.receive(10, 30, now=0, attempt_id="t")
    receipts = [message.receipt for message in first]

    again = queue.receive(10, 30, now=20, attempt_id="t")

    assert [message.receipt for message in again] == receipts
    assert [message.receive_count for message in again] == [1, 1]
    assert queue.receive(10, 30, now=49) == []
    assert bodies(queue.receive(10, 30, now=50)) == ["a", "b"]


def test_another_attempt_id_does_not_get_past_the_lock() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b")
    queue.receive(1, 30, now=0, attempt_id="t")

    assert queue.receive(1, 30, now=1, attempt_id="u") == []


def test_an_attempt_is_not_repeated_once_one_of_its_messages_was_touched() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    send(queue, "h", "b", "c")
    first, second = queue.receive(2, 30, now=0, attempt_id="t")
    queue.change_visibility(first.receipt, 60, now=1)
    queue.delete(second.receipt, now=1)

    assert bodies(queue.receive(2, 30, now=2, attempt_id="t")) == ["c"]


def test_each_repetition_starts_another_five_minutes() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    for now in (0, 200, 400):
        assert bodies(queue.receive(1, 3600, now=now, attempt_id="t")) == ["a"]


def test_an_attempt_is_forgotten_after_five_minutes() -> None:
    queue = fifo_queue()
    send(queue, "g", "a")
    queue.receive(1, 3600, now=0, attempt_id="t")

    assert queue.receive(1, 3600, now=300, attempt_id="t") == []


def test_a_group_goes_on_when_its_first_message_moves_to_the_dead_letter_queue() -> None:
    target = fifo_queue(number=2)
    policy = '{"deadLetterTargetArn": "arn:2", "maxReceiveCount": 1}'
    queue = fifo_queue(number=1, RedrivePolicy=policy)
    queue.dead_letters = target
    send(queue, "g", "a", "b")
    queue.receive(1, 30, now=0)

    (second,) = queue.receive(10, 30, now=30)
    queue.delete(second.receipt, now=31)
    send(queue, "g", "c", now=31)

    assert bodies([second, *queue.receive(10, 30, now=31)]) == ["b", "c"]
    assert bodies(target.receive(10, 30, now=31)) == ["a"]


def test_a_purge_frees_the_groups() -> None:
    queue = fifo_queue()
    send(queue, "g", "a", "b")
    queue.receive(1, 30, now=0)

    queue.purge(now=1)
    send(queue, "g", "c", now=2)

    assert bodies(queue.receive(10, 30, now=2)) == ["c"]
