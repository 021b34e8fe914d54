"""Deletes and releases: ten a call, repeated until they work, with the newest receipt."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from gateway.core.delivery.disposition import Responded
from gateway.core.events import Action, Settled, SettlementFailed
from gateway.core.routing.route import Linger
from tests.builders import route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import BUSY, LOST, Fault, Operation, entries_fail, refused, reply_lost
from tests.fakes.rig import Rig, at_work

if TYPE_CHECKING:
    from tests.fakes.source import Call

pytestmark = VIRTUAL_TIME


def deletes(rig: Rig) -> list[Call]:
    return rig.queue.calls_of(Operation.DELETE)


def releases(rig: Rig) -> list[Call]:
    return rig.queue.calls_of(Operation.CHANGE_VISIBILITY)


def failed(rig: Rig, action: Action) -> list[SettlementFailed]:
    return [event for event in rig.observer.of(SettlementFailed) if event.action is action]


def settled(rig: Rig, action: Action) -> int:
    return sum(event.messages for event in rig.observer.of(Settled) if event.action is action)


async def test_deletes_go_out_ten_a_call() -> None:
    async with at_work(route()) as rig:
        rig.stable.hold()
        rig.queue.send_many(30)
        await rig.until(lambda: rig.stable.running == 30)
        rig.stable.release()
        await rig.empty()
        assert [len(call.asked) for call in deletes(rig)] == [10, 10, 10]


async def test_a_full_batch_does_not_linger() -> None:
    async with at_work(route()) as rig:
        rig.queue.send_many(10)
        began = rig.now
        await rig.empty()
        assert rig.now == began


async def test_a_batch_does_not_linger_over_permits_that_a_receive_waits_for() -> None:
    """What waits may hold a tenth of the permits: here that is none of the four."""
    async with at_work(route(max_in_flight=4)) as rig:
        rig.stable.takes_seconds = 1
        rig.queue.send_many(8)
        await rig.empty()
        assert rig.now == pytest.approx(2, abs=0.001)


async def test_a_batch_lingers_over_a_tenth_of_the_permits_though_a_receive_waits() -> None:
    async with at_work(route(max_in_flight=20)) as rig:
        rig.stable.pace = lambda name: 1 if name in ("m-1", "m-2") else 10
        rig.queue.send_many(20)
        await rig.until(lambda: deletes(rig))
        assert rig.now == pytest.approx(1 + Linger().delete_seconds, abs=0.001)
        assert [len(call.asked) for call in deletes(rig)] == [2]


async def test_a_batch_that_is_not_full_waits_for_company_for_a_moment_only() -> None:
    async with at_work(route()) as rig:
        began = rig.now
        rig.queue.send()
        await rig.rest(Linger().delete_seconds / 2)
        rig.queue.send()
        await rig.empty()
        assert [len(call.asked) for call in deletes(rig)] == [2]
        assert deletes(rig)[0].began_at - began == Linger().delete_seconds


async def test_releases_are_batched_as_deletes_are() -> None:
    async with at_work(route()) as rig:
        rig.stable.default = Responded(500)
        rig.queue.send_many(20)
        await rig.until(lambda: settled(rig, Action.RELEASE) == 20)
        assert [len(call.asked) for call in releases(rig)] == [10, 10]


async def test_failed_entries_of_a_delete_are_repeated_alone() -> None:
    """Complaint 7: DeleteMessageBatch answers 200 with failed entries in it."""
    async with at_work(route()) as rig:
        rig.queue.faults.script(Operation.DELETE, entries_fail(2, 5))
        names = rig.queue.send_many(10)
        await rig.empty()
        first, second = deletes(rig)
        assert len(first.asked) == 10
        assert second.asked == (first.asked[2], first.asked[5])
        assert len(rig.stable.sent) == len(names)
        assert settled(rig, Action.DELETE) == 10
        assert len(failed(rig, Action.DELETE)) == 2


async def test_a_failed_delete_is_repeated_with_the_newest_receipt() -> None:
    """Complaint 7: the receipt of the first try is out of date once the message came again."""
    async with at_work(route(visibility_seconds=2)) as rig:
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(0, error=LOST))
        rig.queue.faults.script(Operation.DELETE, *[entries_fail(0)] * 5)
        rig.queue.send()
        await rig.empty()
        assert deletes(rig)[0].asked == ("m-1#1",)
        assert deletes(rig)[-1].asked == ("m-1#2",)
        assert len(rig.stable.sent) == 1


async def test_a_delete_that_failed_as_a_whole_is_repeated_until_it_works() -> None:
    async with at_work(route()) as rig:
        rig.queue.faults.script(Operation.DELETE, *[refused()] * 20)
        rig.queue.send_many(10)
        await rig.empty()
        assert len(deletes(rig)) == 21
        assert len(rig.stable.sent) == 10
        assert {each.receive_count for each in rig.queue.messages} == {1}


async def test_repeated_deletes_come_less_and_less_often() -> None:
    async with at_work(route()) as rig:
        rig.queue.faults.script(Operation.DELETE, *[refused()] * 9)
        rig.queue.send_many(10)
        await rig.empty()
        began = [call.began_at for call in deletes(rig)]
        pauses = [round(b - a, 3) for a, b in pairwise(began)]
        assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]


async def test_a_delete_whose_answer_was_lost_is_repeated_and_not_delivered_again() -> None:
    async with at_work(route()) as rig:
        rig.queue.faults.script(Operation.DELETE, reply_lost())
        rig.queue.send_many(3)
        await rig.empty()
        await rig.rest(120)
        assert len(rig.stable.sent) == 3
        assert rig.running.view().in_flight == 0


async def test_entries_that_took_effect_without_a_word_are_deleted_again_to_no_harm() -> None:
    """An entry that the answer does not mention counts as failed; deleting twice succeeds."""
    async with at_work(route()) as rig:
        rig.queue.faults.script(Operation.DELETE, entries_fail(0, 1, error=BUSY, applied=True))
        rig.queue.send_many(10)
        await rig.empty()
        await rig.until(lambda: len(deletes(rig)) == 2)
        await rig.until(lambda: not rig.running.view().in_flight)
        assert len(rig.stable.sent) == 10


async def test_a_delete_whose_lease_is_lost_is_given_up_and_counted() -> None:
    async with at_work(route(queue="orders.fifo", visibility_seconds=30)) as rig:
        rig.queue.faults.script(Operation.DELETE, entries_fail(0, error=LOST))
        rig.queue.send(group="g")
        await rig.until(lambda: failed(rig, Action.DELETE))
        assert [event.lease_lost for event in failed(rig, Action.DELETE)] == [True]
        assert rig.running.view().in_flight == 0
        await rig.empty()
        assert len(rig.stable.sent) == 2, "SQS hands it out again, so it is delivered again"


async def test_a_release_that_failed_is_repeated() -> None:
    async with at_work(route()) as rig:
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, refused(), entries_fail(0))
        rig.stable.answer("m-1", Responded(500))
        rig.queue.send()
        await rig.until(lambda: settled(rig, Action.RELEASE))
        assert [call.asked for call in releases(rig)] == [(("m-1#1", 2),)] * 3


async def test_a_release_that_keeps_failing_is_left_to_the_lease() -> None:
    async with at_work(route(visibility_seconds=30)) as rig:
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, *[refused()] * 5)
        rig.stable.answer("m-1", Responded(500))
        rig.queue.send()
        await rig.until(lambda: len(failed(rig, Action.RELEASE)) == 5)
        assert rig.running.view().in_flight == 0
        await rig.empty()
        assert rig.queue.message("m-1").receives == [0, 30]


async def test_permits_come_back_once_a_message_is_settled_and_not_before() -> None:
    async with at_work(route(max_in_flight=10)) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.DELETE, *[Fault(before=slow)] * 10)
        rig.queue.send_many(20)
        await rig.until(lambda: deletes(rig))
        await rig.rest(10)
        assert len(rig.stable.sent) == 10
        slow.set()
        await rig.empty()
        assert len(rig.stable.sent) == 20


async def test_one_batch_that_hangs_does_not_hold_up_the_next() -> None:
    """Complaint 9."""
    async with at_work(route()) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.DELETE, Fault(before=slow))
        rig.queue.send_many(30)
        await rig.until(lambda: len(rig.queue.left) == 10)
        slow.set()


async def test_a_delay_is_cut_to_what_is_left_of_twelve_hours() -> None:
    """A message that was in hand for an hour can be hidden for eleven more."""
    async with at_work(route(visibility_seconds=43_200)) as rig:
        rig.stable.answer("m-1", Responded(503, retry_after_seconds=50_000))
        rig.stable.takes_seconds = 20
        rig.queue.send()
        await rig.until(lambda: releases(rig))
        asked_at = releases(rig)[0].began_at
        ((_, seconds),) = releases(rig)[0].asked
        assert 43_198 <= asked_at + seconds <= 43_200
        assert failed(rig, Action.RELEASE) == []
