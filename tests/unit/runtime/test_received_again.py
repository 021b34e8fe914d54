"""A message that comes again: suppressed while it is in hand, never once it was given back."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.delivery.disposition import Responded
from tests.builders import route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import LOST, Fault, Operation, entries_fail, reply_lost
from tests.fakes.rig import Rig, at_work

pytestmark = VIRTUAL_TIME

AT_ONCE = Responded(503, retry_after_seconds=0)


def deleted_with(rig: Rig) -> list[tuple[str, ...]]:
    return [call.asked for call in rig.queue.calls_of(Operation.DELETE)]


async def test_a_message_received_again_during_its_delivery_is_not_delivered_twice() -> None:
    async with at_work(route(visibility_seconds=2)) as rig:
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(0, error=LOST))
        rig.stable.takes_seconds = 3
        rig.queue.send()
        await rig.empty()
        assert rig.queue.message("m-1").receive_count == 2
        assert len(rig.stable.sent) == 1
        assert deleted_with(rig) == [("m-1#2",)]


async def test_a_message_received_again_during_its_delete_is_deleted_with_the_new_receipt() -> None:
    """Complaint 8: the old receipt deletes nothing, although SQS answers that it did."""
    async with at_work(route(visibility_seconds=2)) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.DELETE, Fault(before=slow))
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(0, error=LOST))
        rig.queue.send()
        await rig.until(lambda: rig.queue.message("m-1").receive_count == 2)
        slow.set()
        await rig.empty()
        assert deleted_with(rig) == [("m-1#1",), ("m-1#2",)]
        assert len(rig.stable.sent) == 1


async def test_a_delete_that_came_too_late_is_repeated_with_the_new_receipt() -> None:
    """The old lease is lost, the new one is not."""
    async with at_work(route(visibility_seconds=2)) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.DELETE, Fault(entries={0: LOST}, before=slow))
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(0, error=LOST))
        rig.queue.send()
        await rig.until(lambda: rig.queue.message("m-1").receive_count == 2)
        slow.set()
        await rig.empty()
        assert deleted_with(rig) == [("m-1#1",), ("m-1#2",)]
        assert len(rig.stable.sent) == 1


@pytest.mark.parametrize("queue", ["orders", "orders.fifo"])
async def test_a_message_given_back_and_received_before_the_release_has_returned_is_delivered(
    queue: str,
) -> None:
    """Complaint 8: to suppress it now would be to lose it until its lease ends."""
    async with at_work(route(queue=queue)) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, Fault(after=slow))
        rig.stable.answer("m-1", AT_ONCE)
        rig.queue.send(group="g")
        await rig.until(lambda: rig.queue.message("m-1").receive_count == 2)
        if queue == "orders":
            await rig.until(lambda: len(rig.stable.sent) == 2)
        slow.set()
        await rig.empty()
        assert len(rig.stable.sent) == 2
        at_once = pytest.approx(rig.queue.message("m-1").changes[0][0], abs=0.01)
        assert rig.queue.message("m-1").receives == [0, at_once]


@pytest.mark.parametrize("queue", ["orders", "orders.fifo"])
async def test_a_release_whose_answer_was_lost_does_no_harm_to_the_message_that_came_again(
    queue: str,
) -> None:
    async with at_work(route(queue=queue)) as rig:
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, reply_lost())
        rig.stable.answer("m-1", AT_ONCE)
        rig.queue.send(group="g")
        await rig.empty()
        assert len(rig.stable.sent) == 2
        assert rig.queue.message("m-1").receive_count == 2
        assert len(rig.queue.calls_of(Operation.CHANGE_VISIBILITY)) == 1, "the old receipt is void"


async def test_no_permit_is_lost_or_won_by_a_message_that_comes_again() -> None:
    async with at_work(route(max_in_flight=10)) as rig:
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, reply_lost())
        rig.stable.answer("m-1", AT_ONCE)
        rig.queue.send()
        await rig.empty()
        rig.stable.hold()
        rig.queue.send_many(20)
        await rig.until(lambda: rig.stable.running == 10)
        await rig.rest(5)
        assert rig.stable.running == 10
        rig.stable.release()


async def test_a_receive_that_brings_only_what_is_in_hand_gives_all_its_permits_back() -> None:
    async with at_work(route(max_in_flight=10, visibility_seconds=2)) as rig:
        rig.queue.faults.script(
            Operation.CHANGE_VISIBILITY, *[entries_fail(*range(5), error=LOST)] * 4
        )
        rig.stable.hold()
        rig.queue.send_many(5)
        await rig.until(lambda: rig.queue.message("m-5").receive_count == 4)
        rig.queue.send_many(5)
        await rig.until(lambda: rig.stable.running == 10)
        rig.stable.release()
        await rig.empty()
        assert len(rig.stable.sent) == 10


async def test_a_message_the_service_takes_back_once_more_counts_its_receives() -> None:
    """The decision is made anew, with the new receive count."""
    async with at_work(route()) as rig:
        rig.stable.answer("m-1", AT_ONCE, AT_ONCE)
        rig.queue.send()
        await rig.empty()
        counts = [each.headers["x-aws-sqsd-receive-count"] for each in rig.stable.sent]
        assert counts == ["1", "2", "3"]
