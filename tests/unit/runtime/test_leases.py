"""A message in flight keeps its lease, for as long as its delivery runs."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.delivery.disposition import Responded
from gateway.core.events import Action, LeaseCapped, ReceiveFailed, Settled, SettlementFailed
from gateway.core.routing.route import Backoff, Linger
from gateway.runtime.lease_keeper import PARALLEL_CALLS, STEP
from tests.builders import route, version
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import BUSY, LOST, NONE, Fault, Operation, entries_fail, refused
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import Call, InMemorySource

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME

HOUR = 3600
TOO_LATE = "its lease ended before its turn came"


def patient(**rest: Any) -> Route:
    """A route whose one version may take as long as it likes."""
    return route(versions=[version("stable", timeout_seconds=100 * HOUR)], **rest)


def changes(rig: Rig) -> list[Call]:
    return rig.queue.calls_of(Operation.CHANGE_VISIBILITY)


def failures(rig: Rig, action: Action = Action.EXTEND) -> list[SettlementFailed]:
    return [event for event in rig.observer.of(SettlementFailed) if event.action is action]


def receive_counts(rig: Rig) -> set[int]:
    return {each.receive_count for each in rig.queue.messages}


async def test_deliveries_much_longer_than_the_lease_are_received_once() -> None:
    """Complaint 1: without extension every one of them would be delivered five times over."""
    async with at_work(patient(visibility_seconds=2)) as rig:
        rig.stable.takes_seconds = 9
        rig.queue.send_many(60)
        await rig.empty()
        assert receive_counts(rig) == {1}
        assert len(rig.stable.sent) == 60


async def test_a_lease_is_extended_at_half_life_to_its_full_length() -> None:
    async with at_work(patient(visibility_seconds=20)) as rig:
        rig.stable.takes_seconds = 65
        name = rig.queue.send()
        await rig.empty()
        assert rig.queue.message(name).changes == [(at, 20) for at in (10, 20, 30, 40, 50, 60)]


async def test_extensions_go_out_ten_messages_a_call() -> None:
    async with at_work(patient(visibility_seconds=20)) as rig:
        rig.stable.hold()
        rig.queue.send_many(40)
        await rig.until(lambda: rig.stable.running == 40)
        await rig.rest(11)
        assert [len(call.asked) for call in changes(rig)] == [10, 10, 10, 10]
        rig.stable.release()


async def test_extensions_are_counted_by_message() -> None:
    async with at_work(patient(visibility_seconds=20)) as rig:
        rig.stable.takes_seconds = 15
        rig.queue.send_many(12)
        await rig.empty()
        extended = [f.messages for f in rig.observer.of(Settled) if f.action is Action.EXTEND]
        assert sum(extended) == 12


async def test_the_queue_s_own_timeout_is_asked_for_and_extended_to_where_none_is_configured() -> (
    None
):
    """Complaint 2: an extension that ignores it makes receipts invalid for ever."""
    async with at_work(patient(), visibility_seconds=50) as rig:
        rig.stable.takes_seconds = 30
        name = rig.queue.send()
        await rig.empty()
        assert rig.queue.calls_of(Operation.RECEIVE)[0].asked[2] == 50
        assert rig.queue.message(name).changes == [(25, 50)]


async def test_the_configured_visibility_wins_over_the_queue_s_own() -> None:
    async with at_work(patient(visibility_seconds=8), visibility_seconds=50) as rig:
        assert rig.queue.calls_of(Operation.RECEIVE)[0].asked[2] == 8


async def test_a_queue_whose_own_timeout_is_zero_still_gets_a_lease() -> None:
    async with at_work(patient(), visibility_seconds=0) as rig:
        rig.stable.takes_seconds = 100
        rig.queue.send()
        await rig.empty()
        assert receive_counts(rig) == {1}


async def test_leases_are_kept_while_draining() -> None:
    """Complaint 3: deliveries that run on after the stop signal still need their leases."""
    async with at_work(patient(visibility_seconds=4)) as rig:
        rig.stable.takes_seconds = 30
        rig.queue.send_many(5)
        await rig.until(lambda: rig.stable.running == 5)
        await rig.stop(drain_seconds=60)
        assert rig.queue.left == []
        assert receive_counts(rig) == {1}


async def test_a_message_waits_under_its_lease_until_its_delete_is_confirmed() -> None:
    """A FIFO queue refuses a delete outside the visibility window."""
    fifo = patient(queue="orders.fifo", visibility_seconds=4)
    async with at_work(fifo) as rig:
        rig.queue.faults.script(Operation.DELETE, *[refused()] * 6)
        rig.queue.send(group="g")
        await rig.empty()
        assert receive_counts(rig) == {1}
        assert rig.queue.message("m-1").deletes[0] > 4


async def test_a_failed_extension_is_repeated_before_the_lease_ends() -> None:
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 30
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, *[refused()] * 6)
        rig.queue.send()
        await rig.empty()
        assert [call.began_at for call in changes(rig)][:7] == [8, 9, 10, 11, 12, 13, 14]
        assert receive_counts(rig) == {1}
        assert len(failures(rig)) == 6


async def test_entries_that_fail_alone_are_extended_again_without_the_others() -> None:
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 15
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(1, 3, error=BUSY))
        rig.queue.send_many(5)
        await rig.empty()
        assert [[receipt for receipt, _ in call.asked] for call in changes(rig)][1:] == [
            ["m-2#1", "m-4#1"]
        ]
        assert receive_counts(rig) == {1}


async def test_a_lost_lease_is_counted_and_its_delivery_goes_on() -> None:
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 15
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(0, error=LOST))
        rig.queue.send()
        await rig.empty()
        assert [event.lease_lost for event in failures(rig)] == [True]
        assert not rig.stable.sent[0].cancelled
        assert len(changes(rig)) == 1, "a lost lease is not asked for again"


async def test_a_message_is_extended_again_once_it_was_received_anew() -> None:
    """The new receipt is a new lease, although the old one was lost."""
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 60
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(0, error=LOST))
        rig.queue.send()
        await rig.empty()
        assert receive_counts(rig) == {2}, "received again at 16 s, and kept from then on"
        assert len(rig.stable.sent) == 1
        assert {receipt for call in changes(rig)[1:] for receipt, _ in call.asked} == {"m-1#2"}


async def test_an_extension_that_comes_too_late_does_not_speak_for_the_new_receipt() -> None:
    """SQS hands the message out again while the call for the first receipt is under way."""
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 20
        late = asyncio.Event()
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, Fault(before=late))
        rig.queue.send()
        await rig.until(lambda: changes(rig))
        assert await rig.queue.set_leases([("m-1#1", 0)]) == {}
        await rig.until(lambda: rig.queue.message("m-1").receive_count == 2)
        late.set()
        await rig.empty()
        assert receive_counts(rig) == {2}
        assert [event.lease_lost for event in failures(rig)] == [False]


async def test_an_extension_that_hangs_leaves_time_for_another() -> None:
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 30
        never = asyncio.Event()
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, *[Fault(before=never)] * 2)
        rig.queue.send()
        await rig.empty()
        assert [call.began_at for call in changes(rig)][:3] == [8, 11, 14]
        assert receive_counts(rig) == {1}


async def test_a_lease_that_no_call_could_extend_is_counted_as_lost_and_the_delivery_goes_on() -> (
    None
):
    """Its delete may be refused; here SQS still takes it."""
    async with at_work(patient(visibility_seconds=16), visibility_seconds=16) as rig:
        rig.stable.takes_seconds = 15.5
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, *[refused()] * 20)
        rig.queue.send()
        await rig.empty()
        assert [event.lease_lost for event in failures(rig)] == [False] * 7 + [True]
        assert not rig.stable.sent[0].cancelled
        assert len(rig.stable.sent) == 1


async def test_ten_thousand_leases_due_at_once_make_no_storm() -> None:
    """1,000 calls for the half-life, and never more than 20 of them at once."""
    stable = version("stable", max_in_flight=10_000, timeout_seconds=HOUR)
    everything = route(versions=[stable], visibility_seconds=30, max_in_flight=10_000)
    async with at_work(everything) as rig:
        rig.stable.hold()
        rig.queue.send_many(10_000)
        await rig.until(lambda: rig.stable.running == 10_000)
        rig.queue.round_trip_seconds = 0.02
        await rig.rest(20)
        calls = changes(rig)
        assert len(calls) == 1_000
        ends = [call.ended_at for call in calls]
        assert all(end is not None for end in ends)
        most = max(sum(o.began_at <= c.began_at < (o.ended_at or 0) for o in calls) for c in calls)
        assert most <= PARALLEL_CALLS
        rig.stable.release()
        await rig.empty()
        assert receive_counts(rig) == {1}


async def test_a_message_on_its_way_back_is_not_extended() -> None:
    """The extension would undo the backoff."""
    async with at_work(route(visibility_seconds=4, retry=Backoff(100, 100))) as rig:
        rig.stable.default = Responded(500)
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, Fault(after=slow))
        rig.queue.send()
        await rig.rest(50)
        assert rig.queue.message("m-1").changes == [(Linger().delete_seconds, 100)]
        assert rig.running.view().in_flight == 1, "the answer to the release is still to come"
        slow.set()


async def test_an_extension_that_is_repeated_leaves_out_what_went_back_meanwhile() -> None:
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 8.5
        rig.stable.answer("m-1", Responded(500))
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, refused())
        rig.queue.send()
        await rig.until(lambda: rig.queue.message("m-1").changes)
        await rig.rest(1.4)
        assert [call.asked for call in changes(rig)] == [(("m-1#1", 16),), (("m-1#1", 2),)]


async def test_a_message_deleted_while_its_extension_was_under_way_is_no_lost_lease() -> None:
    async with at_work(patient(visibility_seconds=16)) as rig:
        rig.stable.takes_seconds = 8
        late = asyncio.Event()
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, Fault(before=late))
        rig.queue.send()
        await rig.empty()
        late.set()
        await rig.until(lambda: changes(rig)[0].ended_at)
        assert failures(rig) == []


async def test_a_lease_is_never_asked_for_beyond_twelve_hours_after_the_receive() -> None:
    """SQS counts 12 hours from the receive and refuses what goes beyond as a whole."""
    async with at_work(patient(visibility_seconds=43_000)) as rig:
        rig.stable.hold()
        rig.queue.send()
        await rig.rest(43_199)
        asked = [seconds for call in changes(rig) for _, seconds in call.asked]
        ends = [call.began_at + s for call, s in zip(changes(rig), asked, strict=True)]
        assert len(asked) > 1
        assert max(ends) <= 12 * HOUR
        assert failures(rig) == []
        rig.stable.release()


async def test_a_message_in_hand_for_twelve_hours_is_given_back_in_time_and_that_is_said() -> None:
    """SQS would give it to anybody then; so the delivery is cut and the message given back."""
    async with at_work(patient(visibility_seconds=600)) as rig:
        hours = iter([13 * HOUR, 0.0])
        rig.stable.pace = lambda _: next(hours)
        rig.queue.send()
        await rig.empty()
        first, second = rig.stable.sent
        assert first.cancelled
        assert first.ended_at is not None
        assert 12 * HOUR - 60 <= first.ended_at < 12 * HOUR - 30
        assert second.began_at < 12 * HOUR, "it came back by the release, not by the lease's end"
        assert [event.message_id for event in rig.observer.of(LeaseCapped)] == ["m-1"]
        assert failures(rig) == []


async def test_a_group_behind_a_message_of_twelve_hours_goes_back_with_it_in_order() -> None:
    fifo = patient(queue="orders.fifo", visibility_seconds=600)
    async with at_work(fifo) as rig:
        hours = iter([13 * HOUR, 0.0, 0.0, 0.0])
        rig.stable.pace = lambda _: next(hours)
        for _ in range(3):
            rig.queue.send(group="g")
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-1", "m-2", "m-3"]
        assert rig.stable.sent[0].cancelled
        assert len(rig.observer.of(LeaseCapped)) >= 1


async def test_a_delete_that_goes_on_for_twelve_hours_is_not_given_back() -> None:
    """It was acked: giving it back would deliver it a second time on purpose."""
    async with at_work(patient(visibility_seconds=600)) as rig:
        rig.queue.faults.choose = lambda operation, _: (
            refused() if operation is Operation.DELETE else NONE
        )
        rig.queue.send()
        await rig.rest(12 * HOUR - 10)
        assert rig.observer.of(LeaseCapped) == []
        assert len(rig.stable.sent) == 1
        rig.queue.faults.choose = lambda *_: NONE


@pytest.mark.parametrize("lease", [1, 2, 3])
async def test_even_the_shortest_lease_is_kept(lease: int) -> None:
    async with at_work(patient(visibility_seconds=lease)) as rig:
        rig.queue.round_trip_seconds = 0.05
        rig.stable.takes_seconds = 20
        rig.queue.send_many(3)
        await rig.empty()
        assert receive_counts(rig) == {1}


async def test_messages_received_at_different_times_are_each_extended_at_their_own() -> None:
    async with at_work(patient(visibility_seconds=20)) as rig:
        rig.stable.takes_seconds = 35
        for _ in range(5):
            rig.queue.send()
            await rig.rest(3)
        await rig.empty()
        for each in rig.queue.messages:
            times = [each.receives[0], *(at for at, _ in each.changes)]
            assert all(10 - 20 * STEP <= b - a <= 10 for a, b in pairwise(times))
            assert len(times) == 4


async def test_leases_that_are_due_nearly_together_share_a_call() -> None:
    async with at_work(patient(visibility_seconds=20)) as rig:
        rig.stable.takes_seconds = 15
        for _ in range(10):
            rig.queue.send()
            await rig.rest(0.1)
        await rig.empty()
        assert [len(call.asked) for call in changes(rig)] == [10]


async def test_messages_at_the_limit_of_their_version_wait_under_their_lease() -> None:
    one = version("stable", max_in_flight=1, timeout_seconds=HOUR)
    queue = InMemorySource(visibility_seconds=4)
    async with at_work(route(versions=[one], max_in_flight=50), queue) as rig:
        rig.stable.takes_seconds = 7
        rig.queue.send_many(5)
        await rig.empty()
        assert receive_counts(rig) == {1}


async def answered_late(rig: Rig, seconds: float) -> None:
    """Send a message, and let the answer that brings it be on its way for so long."""
    held = asyncio.Event()
    rig.queue.faults.script(Operation.RECEIVE, Fault(after=held))
    receives = len(rig.queue.calls_of(Operation.RECEIVE))
    await rig.until(lambda: len(rig.queue.calls_of(Operation.RECEIVE)) > receives)
    rig.queue.send()
    await rig.until(lambda: rig.queue.message("m-1").receives)
    await rig.rest(seconds)
    held.set()


async def test_the_lease_of_a_late_answer_began_when_sqs_gave_it_not_when_it_came() -> None:
    async with at_work(patient(visibility_seconds=10, wait_seconds=1)) as rig:
        rig.stable.takes_seconds = 8
        await answered_late(rig, 7)
        await rig.empty()
        assert receive_counts(rig) == {1}, "extended at once; half of ten seconds is too late"
        assert len(rig.stable.sent) == 1


async def test_messages_of_an_answer_that_came_after_their_lease_are_not_delivered_from_it() -> (
    None
):
    """They are visible again, so somebody else may have them; on FIFO, their successors too."""
    async with at_work(patient(visibility_seconds=10, wait_seconds=1)) as rig:
        await answered_late(rig, 12)
        await rig.empty()
        assert len(rig.stable.sent) == 1
        assert rig.stable.sent[0].headers["x-aws-sqsd-receive-count"] == "2"
        (failure,) = rig.observer.of(ReceiveFailed)
        assert "late" in failure.why


async def test_a_message_whose_lease_ended_while_it_waited_for_its_turn_is_not_delivered() -> None:
    """Another replica has it by then. Here extensions are refused, and the one turn is taken."""
    queue = InMemorySource(visibility_seconds=6)
    queue.faults.choose = lambda operation, _: (
        refused() if operation is Operation.CHANGE_VISIBILITY else NONE
    )
    table = route(versions=[version("stable", max_in_flight=1)], max_in_flight=20, wait_seconds=2)
    async with at_work(table, queue) as one:
        one.stable.takes_seconds = 20
        queue.send(message_id="long")
        await one.until(lambda: one.stable.sent)
        queue.send(message_id="waits")
        await one.until(lambda: queue.message("waits").receive_count)
        async with at_work(table, queue) as two:
            await two.rest(60)
            assert len([*one.stable.of("waits"), *two.stable.of("waits")]) == 1
        assert SettlementFailed("orders", Action.EXTEND, TOO_LATE, lease_lost=True) in failures(one)


async def test_a_group_s_next_message_is_not_delivered_once_its_lease_has_ended() -> None:
    """On FIFO that would be two deliveries of one group at a time."""

    def fails(operation: Operation, entries: int) -> Fault:
        if operation is not Operation.CHANGE_VISIBILITY:
            return NONE
        return entries_fail(1) if entries > 1 else refused()

    queue = InMemorySource("orders.fifo", visibility_seconds=6)
    queue.faults.choose = fails
    table = patient(queue="orders.fifo", max_in_flight=2, wait_seconds=2)
    queue.send(message_id="first", group="g")
    queue.send(message_id="second", group="g")
    async with at_work(table, queue) as one:  # its two permits are taken: it polls no more
        one.stable.pace = lambda name: 20.0 if name == "first" else 1.0
        await one.until(lambda: one.stable.sent)
        async with at_work(table, queue) as two:
            await two.rest(90)
            assert one.stable.ids == ["first"]
            assert two.stable.ids == ["second"]
