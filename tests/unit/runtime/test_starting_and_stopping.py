"""Starting waits for the queue; a soft stop gives everything its time, a hard stop one second."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.delivery.disposition import Responded
from gateway.core.events import Phase, PhaseChanged
from gateway.core.routing.route import Fallback
from gateway.runtime.shutdown import FLUSH_SECONDS, HALT_SECONDS
from tests.builders import attribute, route, version
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Fault, Operation, refused
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import Call, InMemorySource

pytestmark = VIRTUAL_TIME


def phases(rig: Rig) -> list[Phase]:
    return [event.phase for event in rig.observer.of(PhaseChanged)]


def receives(rig: Rig) -> list[Call]:
    return rig.queue.calls_of(Operation.RECEIVE)


async def seconds_to_end(rig: Rig) -> float:
    began = rig.now
    await rig.ended()
    return rig.now - began


# ---- starting -----------------------------------------------------------------------------


async def test_a_route_is_ready_once_its_queue_is_resolved() -> None:
    async with at_work(route(), started=False) as rig:
        assert rig.running.unready == "its queue is not resolved yet"
        rig.start()
        await rig.polling()
        assert rig.running.unready is None
        assert phases(rig) == [Phase.POLLING]


async def test_a_queue_that_cannot_be_resolved_is_named_and_tried_again() -> None:
    queue = InMemorySource()
    queue.faults.script(Operation.RESOLVE, refused("it is not there"), refused("it is not there"))
    async with at_work(route(), queue, started=False) as rig:
        rig.start()
        await rig.until(lambda: rig.observer.of(PhaseChanged))
        assert rig.running.unready == "queue orders: it is not there"
        await rig.polling()
        assert phases(rig) == [Phase.FAILED, Phase.FAILED, Phase.POLLING]
        assert rig.running.unready is None


async def test_resolving_is_tried_less_and_less_often_but_at_least_twice_a_minute() -> None:
    queue = InMemorySource()
    queue.missing = True
    async with at_work(route(), queue, started=False) as rig:
        rig.start()
        await rig.until(lambda: len(queue.calls) == 8)
        began = [call.began_at for call in queue.calls]
        assert began == [0, 1, 3, 7, 15, 31, 61, 91]


async def test_a_stop_before_the_start_ends_the_route_at_once() -> None:
    async with at_work(route(), started=False) as rig:
        rig.running.stop(25)
        rig.start()
        assert await seconds_to_end(rig) == 0
        assert receives(rig) == []


@pytest.mark.parametrize("stop", ["soft", "hard"])
@pytest.mark.parametrize("answer", ["answers later", "fails later", "never answers"])
async def test_a_stop_while_resolving_ends_the_route_and_nothing_is_received(
    stop: str, answer: str
) -> None:
    """Whatever comes of it, a route that was stopped never polls."""
    queue, later = InMemorySource(), asyncio.Event()
    fault = refused() if answer == "fails later" else Fault()
    queue.faults.script(Operation.RESOLVE, Fault(error=fault.error, before=later))
    async with at_work(route(), queue, started=False) as rig:
        rig.start()
        await rig.until(lambda: queue.calls)
        rig.running.stop(25) if stop == "soft" else rig.running.halt()
        if answer != "never answers":
            later.set()
        assert await seconds_to_end(rig) <= HALT_SECONDS
        assert receives(rig) == []
        assert phases(rig)[-1] is Phase.STOPPED
        assert Phase.POLLING not in phases(rig)


@pytest.mark.parametrize("hard", [False, True])
async def test_a_stop_between_two_tries_to_resolve_ends_the_route_at_once(*, hard: bool) -> None:
    queue = InMemorySource()
    queue.missing = True
    async with at_work(route(), queue, started=False) as rig:
        rig.start()
        await rig.rest(10)
        rig.running.halt() if hard else rig.running.stop(25)
        assert await seconds_to_end(rig) == 0
        assert phases(rig)[-2:] == [Phase.STOPPING, Phase.STOPPED]


# ---- soft stop ----------------------------------------------------------------------------


async def test_an_idle_route_stops_as_soon_as_its_poll_has_returned() -> None:
    async with at_work(route(wait_seconds=20)) as rig:
        await rig.rest(5)
        assert await rig.stop() == 15
        assert len(receives(rig)) == 1


async def test_the_poll_under_way_is_awaited_and_never_cancelled() -> None:
    """Complaint 4: a cancelled long poll strands what SQS has already set aside for it."""
    async with at_work(route(wait_seconds=20)) as rig:
        rig.running.stop(0)
        await rig.rest(5)
        rig.queue.send()
        await rig.ended()
        assert receives(rig)[0].ended_at is not None
        assert rig.queue.message("m-1").receive_count == 1
        assert rig.queue.visible == ["m-1"]
        assert rig.stable.sent == []


async def test_what_the_last_poll_brings_goes_back_at_once_while_a_delivery_still_runs() -> None:
    async with at_work(route(wait_seconds=20)) as rig:
        rig.stable.takes_seconds = 15
        rig.queue.send()
        await rig.until(lambda: rig.stable.running and len(receives(rig)) == 2)
        stopping = asyncio.create_task(rig.stop())
        await rig.rest(1)
        rig.queue.send()
        await rig.until(lambda: rig.queue.message("m-2").changes)
        assert rig.queue.visible == ["m-2"]
        await stopping
        assert rig.stable.ids == ["m-1"]
        assert rig.queue.left == ["m-2"]


async def test_a_stop_burns_no_receive_count_by_polls_of_its_own() -> None:
    """Complaint 5: with several polls under way each would get what another one has given back."""

    def under_way() -> int:
        return sum(call.ended_at is None for call in receives(rig))

    async with at_work(route(wait_seconds=20, max_in_flight=1000)) as rig:
        rig.queue.round_trip_seconds = 0.05
        rig.queue.send_many(400)
        await rig.empty()
        assert under_way() >= 3, "polls of the load that has just ended"
        stopping = asyncio.create_task(rig.stop())
        await rig.rest(1)
        rig.queue.send(message_id="late")
        await stopping
        assert rig.queue.visible == ["late"]
        assert rig.queue.message("late").receive_count == 1


async def test_deliveries_end_and_are_settled_within_the_drain() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.stable.takes_seconds = 20
        rig.queue.send_many(15)
        await rig.until(lambda: rig.stable.running == 15)
        assert await rig.stop(25) == pytest.approx(20, abs=0.1)
        assert rig.queue.left == []
        assert not any(sent.cancelled for sent in rig.stable.sent)


async def test_deliveries_that_outlive_the_drain_are_cancelled_and_visible_at_once() -> None:
    """Complaint 5: a deploy must not leave messages hidden for a whole visibility timeout."""
    async with at_work(route(wait_seconds=1, visibility_seconds=600)) as rig:
        rig.stable.pace = lambda name: 5 if name == "m-1" else 29
        rig.queue.send_many(3)
        await rig.until(lambda: rig.stable.running == 3)
        assert await rig.stop(10) == pytest.approx(10, abs=0.1)
        assert rig.queue.visible == ["m-2", "m-3"]
        assert [sent.cancelled for sent in rig.stable.sent] == [False, True, True]
        assert len(rig.observer.outcomes()) == 1


async def test_a_drain_of_nothing_cancels_at_once() -> None:
    async with at_work(route(wait_seconds=1, max_in_flight=5)) as rig:
        rig.stable.hold()
        rig.queue.send_many(5)
        await rig.until(lambda: rig.stable.running == 5)
        assert await rig.stop(0) < 0.1
        assert len(rig.queue.visible) == 5


async def test_a_stop_in_the_moment_messages_arrive_gives_them_back_undelivered() -> None:
    """They are handed over, but their group has not begun its first delivery."""
    async with at_work(route(queue="orders.fifo", wait_seconds=1)) as rig:
        rig.queue.send_many(10, group="g")
        await rig.bell.until(lambda: receives(rig)[0].ended_at is not None)
        assert rig.running.view().in_flight == 10
        await rig.stop()
        assert rig.stable.sent == []
        assert len(rig.queue.visible) == 10


async def test_settlements_are_flushed_before_the_end() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.queue.faults.script(Operation.DELETE, refused(), refused())
        rig.queue.send()
        await rig.until(lambda: rig.stable.sent)
        await rig.stop()
        assert rig.queue.left == []


async def test_settlements_that_never_work_are_given_up_after_a_while() -> None:
    """The lease gives the message back; the pod's grace period is not endless."""
    async with at_work(route(wait_seconds=1)) as rig:
        rig.queue.faults.choose = lambda operation, _: (
            refused() if operation is Operation.DELETE else Fault()
        )
        rig.queue.send()
        await rig.until(lambda: rig.stable.sent)
        assert await rig.stop(drain_seconds=0) <= 1 + FLUSH_SECONDS + 0.1
        assert rig.queue.left == ["m-1"]


async def test_settlements_may_take_what_is_left_of_the_drain() -> None:
    """What was acked and is not deleted would be delivered again."""
    async with at_work(route(wait_seconds=1), visibility_seconds=600) as rig:
        rig.queue.faults.choose = lambda operation, _: (
            refused() if operation is Operation.DELETE and rig.now < 20 else Fault()
        )
        rig.queue.send()
        await rig.until(lambda: rig.stable.sent)
        await rig.stop(drain_seconds=25)
        assert rig.queue.left == []


async def test_a_call_that_never_returns_does_not_keep_the_route_from_stopping() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.queue.faults.script(Operation.DELETE, Fault(before=asyncio.Event()))
        rig.queue.send()
        await rig.until(lambda: rig.queue.calls_of(Operation.DELETE))
        assert await rig.stop(drain_seconds=0) <= 1 + FLUSH_SECONDS + 0.1


async def test_no_receive_begins_after_the_stop_however_busy_the_queue() -> None:
    async with at_work(route()) as rig:
        rig.queue.round_trip_seconds = 0.1
        rig.queue.send_many(500)
        await rig.until(lambda: len(rig.stable.sent) > 50)
        stopped_at = rig.now
        await rig.stop()
        assert max(call.began_at for call in receives(rig)) <= stopped_at
        assert set(rig.queue.left) == set(rig.queue.visible)


async def test_a_stop_during_the_pause_after_an_error_takes_effect_at_once() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.queue.faults.choose = lambda operation, _: (
            refused() if operation is Operation.RECEIVE else Fault()
        )
        await rig.rest(40)
        assert await rig.stop() < 0.1


async def test_a_stop_while_polling_waits_for_a_permit_takes_effect() -> None:
    async with at_work(route(wait_seconds=1, max_in_flight=10)) as rig:
        rig.stable.takes_seconds = 5
        rig.queue.send_many(20)
        await rig.until(lambda: rig.stable.running == 10)
        await rig.stop()
        assert len(rig.stable.sent) == 10


async def test_a_second_soft_stop_changes_nothing() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.stable.takes_seconds = 10
        rig.queue.send()
        await rig.until(lambda: rig.stable.running)
        rig.running.stop(25)
        rig.running.stop(0)
        await rig.ended()
        assert rig.queue.left == []
        assert phases(rig) == [Phase.POLLING, Phase.STOPPING, Phase.STOPPED]


async def test_a_fallback_that_begins_while_draining_is_still_a_part_of_its_delivery() -> None:
    table = route(wait_seconds=1, fallback=Fallback())
    async with at_work(table) as rig:
        rig.canary.takes_seconds = 5
        rig.canary.default = Responded(404)
        rig.queue.send(attributes={"version": attribute("v2")})
        await rig.until(lambda: rig.canary.running)
        await rig.stop()
        assert rig.stable.ids == ["m-1"]
        assert rig.queue.left == []


# ---- hard stop ----------------------------------------------------------------------------


async def test_a_hard_stop_gives_everything_back_and_ends_at_once_where_the_queue_answers() -> None:
    async with at_work(route(wait_seconds=20, visibility_seconds=600)) as rig:
        rig.stable.hold()
        rig.queue.send_many(25)
        await rig.until(lambda: rig.stable.running == 25)
        rig.running.halt()
        assert await seconds_to_end(rig) < 0.1
        assert len(rig.queue.visible) == 25
        assert all(sent.cancelled for sent in rig.stable.sent)


async def test_a_hard_stop_ends_within_a_second_where_the_queue_does_not_answer() -> None:
    async with at_work(route(wait_seconds=20)) as rig:
        rig.stable.hold()
        rig.queue.send_many(25)
        await rig.until(lambda: rig.stable.running == 25)
        rig.queue.faults.choose = lambda *_: Fault(before=asyncio.Event())
        rig.running.halt()
        assert await seconds_to_end(rig) == HALT_SECONDS


@pytest.mark.parametrize("after", [0, 3, 24.9])
async def test_a_hard_stop_cuts_a_drain_short(after: float) -> None:
    async with at_work(route(versions=[version("stable", timeout_seconds=900)])) as rig:
        rig.stable.hold()
        rig.queue.send_many(3)
        await rig.until(lambda: rig.stable.running == 3)
        rig.running.stop(25)
        await rig.rest(after)
        rig.running.halt()
        assert await seconds_to_end(rig) <= HALT_SECONDS
        assert len(rig.queue.visible) == 3


async def test_a_hard_stop_cuts_the_wait_for_the_last_poll_short() -> None:
    async with at_work(route(wait_seconds=20)) as rig:
        rig.running.stop(0)
        await rig.rest(5)
        rig.running.halt()
        assert await seconds_to_end(rig) < 0.1


async def test_a_hard_stop_cuts_the_last_settlements_short() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.queue.faults.script(Operation.DELETE, Fault(before=asyncio.Event()))
        rig.queue.send()
        await rig.until(lambda: rig.queue.calls_of(Operation.DELETE))
        rig.running.stop(0)
        await rig.rest(1.5)  # the poll has returned, only the delete is left
        rig.running.halt()
        assert await seconds_to_end(rig) <= HALT_SECONDS
