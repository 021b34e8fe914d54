"""A look at a queue: what was received is given back, whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.sqs.peek import LEASE_SECONDS, Peek
from gateway.core.messages.message import Message
from gateway.ports import Batch, EntryError, SourceError, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Queue:
    """A queue that gives its batches one after the other, then none."""

    def __init__(self, *sizes: int) -> None:
        numbers = iter(range(1000))
        self.batches = [Batch([message(next(numbers)) for _ in range(size)]) for size in sizes]
        self.limits: list[int] = []
        self.given_back: list[tuple[str, int]] = []
        self.errors: list[SourceError | Mapping[int, EntryError]] = []
        self.on_receive: Any = lambda: None

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """Return the next batch."""
        self.limits.append(limit)
        self.on_receive()
        await asyncio.sleep(0)
        return self.batches.pop(0) if self.batches else Batch()

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """Refuse to delete."""
        raise AssertionError("a look deletes nothing")

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """Keep them, unless an error is there."""
        error = self.errors.pop(0) if self.errors else {}
        if isinstance(error, SourceError):
            raise error
        self.given_back += [lease for at, lease in enumerate(leases) if at not in error]
        return error


def message(number: int) -> Message:
    return Message(f"m-{number}", "{}", f"r-{number}")


def receipts(*numbers: int) -> list[tuple[str, int]]:
    return [(f"r-{number}", 0) for number in numbers]


async def test_messages_are_received_until_there_are_enough_and_given_back_at_once() -> None:
    queue = Queue(1, 2, 3)
    found = await Peek(queue, 3).run()
    assert [each.message_id for each in found] == ["m-0", "m-1", "m-2"]
    assert queue.limits == [3, 2]
    assert queue.given_back == receipts(0, 1, 2)


async def test_a_look_ends_where_nothing_is_left() -> None:
    queue = Queue(1)
    assert len(await Peek(queue, 10).run()) == 1
    assert queue.limits == [10, 9]


async def test_no_more_than_ten_are_received() -> None:
    queue = Queue(10, 1)
    assert len(await Peek(queue, 50).run()) == 10
    assert queue.limits == [10]


async def test_a_stop_receives_no_more_and_gives_back() -> None:
    queue = Queue(2, 2, 2)
    peek = Peek(queue, 10)
    queue.on_receive = lambda: len(queue.limits) == 2 and peek.stop()
    await peek.run()
    assert queue.given_back == receipts(0, 1, 2, 3)


async def test_a_cancel_gives_back_what_was_received() -> None:
    queue = Queue(2, 2)
    task = asyncio.create_task(Peek(queue, 10).run())
    queue.on_receive = lambda: len(queue.limits) == 2 and task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert queue.given_back == receipts(0, 1)


async def test_a_failed_receive_gives_back_what_was_received() -> None:
    queue = Queue(2)

    def fail() -> None:
        if len(queue.limits) == 2:
            raise SourceError("receive_message: no")

    queue.on_receive = fail
    with pytest.raises(SourceError):
        await Peek(queue, 10).run()
    assert queue.given_back == receipts(0, 1)


async def test_giving_back_is_tried_again_for_those_that_failed() -> None:
    queue = Queue(3)
    busy, lost = EntryError("Busy", "busy"), EntryError("ReceiptHandleIsInvalid", "no", True)  # noqa: FBT003
    queue.errors = [SourceError("no"), {0: busy, 1: lost}]
    peek = Peek(queue, 3)
    await peek.run()
    assert queue.given_back == receipts(2, 0)
    assert peek.problems == []


async def test_what_stays_away_is_said() -> None:
    queue = Queue(2)
    queue.errors = [SourceError("denied")] * 3
    peek = Peek(queue, 2)
    await peek.run()
    (problem,) = peek.problems
    assert problem.startswith("2 messages could not be given back")
    assert problem.endswith(f"within {LEASE_SECONDS} s: denied")


async def test_a_message_that_cannot_be_read_is_said() -> None:
    queue = Queue(1)
    queue.batches[0].unreadable = [Unreadable("m-9", "Body: missing")]
    peek = Peek(queue, 5)
    assert len(await peek.run()) == 1
    (problem,) = peek.problems
    assert problem.startswith("message m-9 comes back by itself")
    assert problem.endswith("Body: missing")
