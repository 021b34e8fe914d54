"""Permit, receive, hand over: one poll while idle, more of them under load, none beyond permits."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from gateway.core.events import MessageUnreadable, Received, ReceiveFailed
from gateway.runtime.poll_budget import MOST_OF_ONE, PollBudget
from gateway.runtime.poller import SHORT_POLL_WAIT_SECONDS, USUAL_LINGER_SECONDS
from tests.builders import route, version
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Fault, Operation, refused
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import Call, InMemorySource

if TYPE_CHECKING:
    from gateway.ports import Batch

pytestmark = VIRTUAL_TIME

HOUR = 3600


def receives(rig: Rig) -> list[Call]:
    return rig.queue.calls_of(Operation.RECEIVE)


def under_way(rig: Rig) -> int:
    return sum(call.ended_at is None for call in receives(rig))


async def most_until_all_is_over(rig: Rig) -> int:
    """Return how many receives were under way at most, until every message was settled."""
    most = 0

    def over() -> bool:
        nonlocal most
        most = max(most, under_way(rig))
        return not rig.queue.left

    await rig.until(over)
    return most


async def test_an_idle_queue_gets_exactly_one_receive_per_wait() -> None:
    async with at_work(route(wait_seconds=20)) as rig:
        await rig.rest(HOUR - 1)
        assert len(receives(rig)) == HOUR / 20
        assert under_way(rig) == 1
        assert {call.asked[1] for call in receives(rig)} == {20}


async def test_an_idle_queue_without_long_polls_is_not_hammered() -> None:
    """An empty receive with `wait: 0s` comes back at once."""
    async with at_work(route(wait_seconds=0)) as rig:
        await rig.rest(59.9)
        assert len(receives(rig)) == 60 / SHORT_POLL_WAIT_SECONDS


class Hasty(InMemorySource):
    """It answers at once, however long the receive would have waited."""

    async def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> Batch:
        return await super().receive(limit, 0, visibility_seconds)


async def test_a_queue_that_takes_no_notice_of_the_long_poll_is_not_hammered() -> None:
    """Some emulators, and proxies that answer for SQS."""
    async with at_work(route(wait_seconds=20), Hasty()) as rig:
        await rig.rest(59.9)
        assert len(receives(rig)) == 60 / SHORT_POLL_WAIT_SECONDS


async def test_a_receive_asks_for_no_more_messages_than_there_are_permits() -> None:
    """With 3 of 13 permits left the next receive asks for three."""
    async with at_work(route(max_in_flight=13)) as rig:
        rig.stable.hold()
        rig.queue.send_many(10)
        await rig.until(lambda: len(receives(rig)) == 2)
        assert [call.asked[0] for call in receives(rig)] == [10, 3]


async def test_nothing_is_received_while_no_permit_is_free() -> None:
    async with at_work(route(max_in_flight=10)) as rig:
        rig.stable.hold()
        rig.queue.send_many(11)
        await rig.until(lambda: rig.stable.running == 10)
        await rig.rest(25)
        assert len(receives(rig)) == 1
        rig.stable.release()
        await rig.until(lambda: len(receives(rig)) > 1)


async def test_no_more_messages_are_in_hand_than_the_route_allows() -> None:
    async with at_work(route(max_in_flight=25)) as rig:
        rig.stable.takes_seconds = 2
        rig.queue.send_many(200)
        await rig.empty()
        assert rig.stable.most_running == 25
        assert {each.receive_count for each in rig.queue.messages} == {1}


async def test_permits_of_a_receive_that_came_back_short_are_free_again() -> None:
    async with at_work(route(max_in_flight=12)) as rig:
        rig.stable.hold()
        rig.queue.send()
        await rig.until(lambda: len(receives(rig)) == 2)
        assert [call.asked[0] for call in receives(rig)] == [10, 10]


async def test_polls_run_in_parallel_under_load_and_one_is_left_when_it_is_over() -> None:
    roomy = version("stable", "v1", max_in_flight=1000)
    async with at_work(route(versions=[roomy], max_in_flight=1000)) as rig:
        rig.queue.round_trip_seconds = 0.05
        rig.queue.send_many(4000)
        assert await most_until_all_is_over(rig) == 1 + MOST_OF_ONE
        await rig.rest(60)
        assert under_way(rig) == 1


async def test_a_route_gets_by_with_the_extra_polls_that_others_leave() -> None:
    roomy = version("stable", "v1", max_in_flight=1000)
    shared = PollBudget(4)
    assert shared.acquire("another route")
    async with at_work(route(versions=[roomy], max_in_flight=1000), poll_budget=shared) as rig:
        rig.queue.round_trip_seconds = 0.05
        rig.queue.send_many(1000)
        assert await most_until_all_is_over(rig) == 1 + 2


async def test_the_receives_of_a_backlog_are_not_made_one_after_the_other() -> None:
    """Complaint 9: throughput is polls x 10 / round trip, so one poll would take 10 s here."""
    async with at_work(route(max_in_flight=1000)) as rig:
        rig.queue.round_trip_seconds = 0.1
        rig.queue.send_many(1000)
        began = rig.now
        await rig.empty()
        assert rig.now - began < 5


async def test_a_failing_queue_is_asked_less_and_less_often() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.random = 1.0
        rig.queue.faults.choose = lambda operation, _: (
            refused() if operation is Operation.RECEIVE else Fault()
        )
        await rig.until(lambda: len(receives(rig)) == 12)
        began = [call.began_at for call in receives(rig)][1:]
        pauses = [round(b - a, 3) for a, b in pairwise(began)]
        assert pauses == [0.5, 1, 2, 4, 8, 16, 20, 20, 20, 20]


async def test_an_error_makes_the_route_unready_and_names_the_reason_until_it_is_over() -> None:
    async with at_work(route()) as rig:
        await rig.until(lambda: receives(rig)[0].ended_at)
        rig.queue.faults.script(Operation.RECEIVE, refused("throttled"), refused("throttled"))
        await rig.until(lambda: rig.observer.of(ReceiveFailed))
        assert rig.running.unready == "queue orders: throttled"
        rig.queue.send()
        await rig.empty()
        assert rig.running.unready is None
        assert [event.why for event in rig.observer.of(ReceiveFailed)] == ["throttled", "throttled"]


async def test_the_pause_after_an_error_is_short_again_once_a_receive_has_worked() -> None:
    async with at_work(route(wait_seconds=1)) as rig:
        rig.random = 1.0
        rig.queue.faults.script(Operation.RECEIVE, *[refused()] * 6)
        await rig.until(lambda: len(receives(rig)) == 9)
        rig.queue.faults.script(Operation.RECEIVE, refused())
        await rig.until(lambda: len(receives(rig)) == 11)
        failed, after = receives(rig)[-2:]
        assert after.began_at - failed.began_at == 0.5


async def test_a_failed_receive_gives_its_permits_back() -> None:
    async with at_work(route(max_in_flight=10)) as rig:
        rig.queue.faults.script(Operation.RECEIVE, *[refused()] * 5)
        await rig.until(lambda: len(rig.observer.of(ReceiveFailed)) == 5)
        rig.queue.send_many(10)
        await rig.empty()
        assert {call.asked[0] for call in receives(rig)} == {10}


async def test_every_receive_is_told_with_how_many_messages_it_brought() -> None:
    async with at_work(route(wait_seconds=5)) as rig:
        await rig.until(lambda: receives(rig)[0].ended_at)
        rig.queue.send_many(1)
        await rig.empty()
        assert rig.observer.of(Received) == [Received("orders", 0), Received("orders", 1)]


async def test_polling_pauses_while_stable_can_take_no_more() -> None:
    """Receive counts lead to the dead-letter queue: a slow stable version must not burn them."""
    stable = version("stable", max_in_flight=20)
    async with at_work(route(versions=[stable], max_in_flight=100)) as rig:
        rig.stable.takes_seconds = 5
        rig.queue.send_many(300)
        await rig.empty()
        assert rig.stable.most_running == 20
        assert max(each.receive_count for each in rig.queue.messages) == 1


async def test_polling_keeps_step_with_the_rate_that_stable_may_get() -> None:
    stable = version("stable", max_rate=5)
    async with at_work(route(versions=[stable])) as rig:
        rig.queue.send_many(200)
        began = rig.now
        await rig.empty()
        assert max(each.receive_count for each in rig.queue.messages) == 1
        assert 39 <= rig.now - began < 42


async def test_a_seat_is_not_promised_to_two_polls_at_once() -> None:
    """Round trips take time, so several polls are under way when a seat becomes free."""
    stable = version("stable", max_in_flight=50)
    queue = InMemorySource()
    queue.round_trip_seconds = 0.1
    async with at_work(route(versions=[stable]), queue) as rig:
        rig.stable.takes_seconds = 0.5
        rig.queue.send_many(600)
        await rig.empty()
        assert max(each.receive_count for each in rig.queue.messages) == 1


async def test_an_idle_route_does_not_look_stuck() -> None:
    async with at_work(route(wait_seconds=20)) as rig:
        for _ in range(60):
            await rig.rest(60)
            assert rig.running.stuck(rig.now) is None


async def test_a_receive_that_never_returns_looks_stuck() -> None:
    never = asyncio.Event()
    queue = InMemorySource()
    queue.faults.script(Operation.RECEIVE, Fault(before=never))
    async with at_work(route(wait_seconds=20), queue) as rig:
        await rig.rest(79)
        assert rig.running.stuck(rig.now) is None
        await rig.rest(2)
        assert rig.running.stuck(rig.now) == "route orders: no receive has returned for 81 s"
        never.set()


async def test_a_route_does_not_look_stuck_when_permits_are_free_again_after_a_long_delivery() -> (
    None
):
    """The liveness probe would end a healthy process in the first poll after a busy time."""
    patient = version("stable", timeout_seconds=900)
    async with at_work(route(max_in_flight=35, versions=[patient])) as rig:
        rig.stable.takes_seconds = 600
        rig.queue.send_many(35)
        await rig.empty()
        await rig.rest(1)
        assert rig.running.stuck(rig.now) is None


async def test_a_route_does_not_look_stuck_while_polling_pauses_for_a_slow_stable_version() -> None:
    slow = version("stable", max_in_flight=10, timeout_seconds=900)
    async with at_work(route(max_in_flight=20, versions=[slow])) as rig:
        rig.stable.takes_seconds = 600
        rig.queue.send_many(30)
        await rig.rest(90)
        assert rig.running.stuck(rig.now) is None


async def test_after_a_receive_that_was_not_full_messages_gather_for_a_moment() -> None:
    async with at_work(route()) as rig:
        rig.queue.send_many(3)
        await rig.until(lambda: len(receives(rig)) == 2)
        first, second = receives(rig)
        assert first.ended_at is not None
        assert second.began_at - first.ended_at == pytest.approx(USUAL_LINGER_SECONDS)


async def test_after_a_full_receive_the_next_one_begins_at_once() -> None:
    async with at_work(route()) as rig:
        rig.queue.send_many(10)
        await rig.until(lambda: len(receives(rig)) >= 2)
        first, second = receives(rig)[:2]
        assert second.began_at == first.ended_at


async def test_where_messages_come_fast_none_has_to_gather() -> None:
    async with at_work(route(max_in_flight=5000)) as rig:
        rig.queue.send_many(2003)
        await rig.until(lambda: not rig.queue.left)
        short = next(call for call in receives(rig) if call.brought == 3)
        await rig.until(lambda: receives(rig)[-1] is not short)
        assert receives(rig)[-1].began_at == short.ended_at


async def test_nothing_is_received_while_deliveries_wait_for_a_descriptor() -> None:
    async with at_work(route(wait_seconds=20), started=False) as rig:
        rig.short = True
        rig.start()
        await rig.rest(60)
        assert receives(rig) == []
        assert rig.running.stuck(rig.now) is None
        rig.short = False
        await rig.rest(1)
        assert under_way(rig) == 1


async def test_a_message_that_cannot_be_read_is_left_alone_and_the_others_are_delivered() -> None:
    """It is neither deleted, released nor extended, and told each time that it comes."""
    async with at_work(route(), visibility_seconds=30) as rig:
        bad = rig.queue.send(rig.queue.unreadable)
        rig.queue.send_many(8)
        await rig.until(lambda: len(rig.stable.sent) == 8)
        await rig.rest(100)
        told = rig.observer.of(MessageUnreadable)
        assert {each.message_id for each in told} == {bad}
        assert len(told) == 4
        assert len(rig.queue.left) == 1
        assert not rig.queue.calls_of(Operation.CHANGE_VISIBILITY)
        assert rig.running.unready is None
