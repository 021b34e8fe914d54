"""What one version may be given at once: a slow one cannot starve the others."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.delivery.disposition import Responded
from gateway.core.events import Outcome
from gateway.core.routing.route import Backoff, Fallback, FallbackOn
from gateway.runtime.limiter import Limiter, WaitQueue
from gateway.runtime.waiter import Waiter
from tests.builders import STABLE, attribute, version
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource
from tests.fakes.target import FakeTarget

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME


def route(canary_max_in_flight: int = 5, *, max_rate: float | None = None, **rest: Any) -> Route:
    canary = version("canary", "v2", max_in_flight=canary_max_in_flight, max_rate=max_rate)
    return any_route(versions=[STABLE, canary], **rest)


def send_canary(rig: Rig, messages: int, **rest: Any) -> list[str]:
    return rig.queue.send_many(messages, attributes={"version": attribute("v2")}, **rest)


def back(rig: Rig) -> list[int]:
    """Return the delays of all messages that went back."""
    return [seconds for each in rig.queue.messages for _, seconds in each.changes]


async def test_a_message_at_the_limit_of_its_version_waits_and_is_not_received_again() -> None:
    async with at_work(route(visibility_seconds=4, max_in_flight=100)) as rig:
        rig.canary.takes_seconds = 7
        send_canary(rig, 10)
        await rig.empty()
        assert rig.canary.most_running == 5
        assert {each.receive_count for each in rig.queue.messages} == {1}


async def test_messages_wait_in_the_order_they_came() -> None:
    async with at_work(route(1, max_in_flight=100)) as rig:
        rig.canary.takes_seconds = 1
        names = send_canary(rig, 8)
        await rig.empty()
        assert rig.canary.ids == names


async def test_who_leaves_at_once_or_got_up_passes_the_turn_on() -> None:
    wait_queue = WaitQueue(3)
    limiter = Limiter(version("canary", max_in_flight=1), FakeTarget(), wait_queue)
    calls: list[tuple[str, bool]] = []

    def leave_at_once(slot: bool) -> None:  # noqa: FBT001 - as lanes call it
        calls.append(("first", slot))
        limiter.release(None)

    assert limiter.acquire()
    assert not limiter.acquire()
    limiter.wait(leave_at_once)
    given_up = limiter.wait(lambda slot: calls.append(("given up", slot)))
    limiter.wait(lambda slot: calls.append(("third", slot)))
    assert isinstance(given_up, Waiter)
    given_up.cancel()
    limiter.release(None)
    assert calls == [("first", True), ("third", True)]
    assert (limiter.in_flight, wait_queue.waiting) == (1, 0)


async def test_nobody_sits_down_before_a_lane_that_a_reload_took_away() -> None:
    limiter = Limiter(version("canary"), FakeTarget(), WaitQueue(3))
    limiter.remove()
    assert not limiter.acquire()
    assert limiter.wait(lambda _: None) is None


async def test_at_most_a_tenth_of_the_permits_wait_and_further_messages_go_back() -> None:
    async with at_work(route(max_in_flight=100, retry=Backoff(3, 60))) as rig:
        rig.canary.hold()
        send_canary(rig, 30)
        await rig.until(lambda: len(back(rig)) == 15)
        assert rig.canary.running == 5
        assert rig.running.view().waiting == 10
        assert set(back(rig)) == {3}
        rig.canary.release()


async def test_one_message_may_wait_even_where_a_tenth_of_the_permits_is_none() -> None:
    async with at_work(route(1, max_in_flight=4)) as rig:
        rig.canary.hold()
        send_canary(rig, 3)
        await rig.until(lambda: back(rig))
        assert rig.running.view().waiting == 1
        rig.canary.release()


async def test_a_message_that_goes_back_too_often_goes_to_stable() -> None:
    """after_receives: the third receive is the last one that tries the canary."""
    on_receives = Fallback(on=frozenset(), after_receives=2)
    async with at_work(route(1, max_in_flight=10, fallback=on_receives)) as rig:
        rig.canary.hold()
        send_canary(rig, 5)
        await rig.until(lambda: len(rig.stable.sent) == 3)
        assert {each.reason for each in rig.stable.sent} == {"fallback"}
        assert {each.version for each in rig.stable.sent} == {"v2"}
        assert {each.headers["x-aws-sqsd-receive-count"] for each in rig.stable.sent} == {"3"}
        rig.canary.release()


async def worst_wait_on_stable(*, canary_hangs: bool) -> float:
    """Return the longest time from sent to delivered on stable, at 400 messages a second."""
    queue = InMemorySource()
    queue.round_trip_seconds = 0.02
    async with at_work(any_route({"stable": 90, "canary": 10}), queue) as rig:
        rig.stable.takes_seconds = rig.canary.takes_seconds = 0.05
        if canary_hangs:
            rig.canary.hold()
        for _ in range(60):
            queue.send_many(20)
            await rig.rest(0.05)
        await rig.rest(1)
        waits = [each.began_at - queue.message(each.message_id).sent_at for each in rig.stable.sent]
        rig.canary.release()
        assert len(waits) > 1000
        return max(waits)


async def test_a_hanging_canary_does_not_slow_stable_down() -> None:
    """Complaint 9: the same load with a canary that works and with one that never answers."""
    healthy = await worst_wait_on_stable(canary_hangs=False)
    hanging = await worst_wait_on_stable(canary_hangs=True)
    assert hanging <= healthy + 0.05


async def test_a_hanging_canary_never_holds_more_than_its_limit_and_the_seats() -> None:
    async with at_work(route(20, max_in_flight=100)) as rig:
        rig.canary.hold()
        send_canary(rig, 200)
        await rig.until(lambda: len(back(rig)) > 100)
        rig.queue.send_many(50)
        await rig.until(lambda: len(rig.stable.sent) == 50)
        assert rig.running.view().in_flight_by_version["canary"] == 20
        rig.canary.release()


async def test_a_hanging_canary_does_not_stop_stable_on_a_fifo_queue_either() -> None:
    slow = any_route(
        queue="orders.fifo",
        max_in_flight=100,
        versions=[STABLE, version("canary", "v2", max_in_flight=50, timeout_seconds=600)],
    )
    async with at_work(slow) as rig:
        rig.canary.hold()
        for number in range(15):
            send_canary(rig, 10, group=f"canary-{number}")
        await rig.until(lambda: rig.canary.running >= 10)
        rig.queue.send_many(10, group="stable")
        began = rig.now
        await rig.until(lambda: len(rig.stable.sent) == 10)
        rig.canary.release()
        assert rig.now - began < 60


async def test_a_version_gets_no_more_deliveries_a_second_than_its_rate() -> None:
    async with at_work(route(200, max_rate=10)) as rig:
        send_canary(rig, 20)
        await rig.empty()
        began = [each.began_at for each in rig.canary.sent]
        assert began[-1] - began[0] >= 18 / 10
        for first, eleventh in zip(began, began[11:], strict=False):
            assert eleventh - first >= 0.9, "ten a second, and one ahead"


async def test_the_rate_is_used_to_the_full() -> None:
    async with at_work(route(200, max_rate=10)) as rig:
        send_canary(rig, 20)
        await rig.empty()
        pauses = [round(b.began_at - a.began_at, 3) for a, b in pairwise(rig.canary.sent)]
        assert max(pauses) <= 0.1


async def test_who_waits_for_a_rate_is_let_in_though_nothing_else_happens() -> None:
    """Of two sums that should be equal one may be less: then no timer may be forgotten."""
    limiter = Limiter(version("canary", max_rate=40), FakeTarget(), WaitQueue(5))
    for _ in range(300):
        while limiter.acquire():
            limiter.release(None)
        slot: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        limiter.wait(slot.set_result)
        assert await asyncio.wait_for(slot, 1)
        limiter.release(None)
        await asyncio.sleep(0.1)


async def test_a_rate_that_was_not_used_is_not_saved_up() -> None:
    async with at_work(route(200, max_rate=10)) as rig:
        await rig.rest(600)
        send_canary(rig, 20)
        began = rig.now
        await rig.empty()
        assert rig.now - began >= 1.7


async def test_a_rate_and_a_limit_hold_together() -> None:
    async with at_work(route(2, max_rate=100)) as rig:
        rig.canary.takes_seconds = 1
        send_canary(rig, 10)
        began = rig.now
        await rig.empty()
        assert rig.canary.most_running == 2
        assert rig.now - began == pytest.approx(5, abs=0.1)


async def test_a_canary_at_its_rate_leaves_stable_alone() -> None:
    async with at_work(route(200, max_rate=1)) as rig:
        send_canary(rig, 15)
        rig.queue.send_many(300)
        began = rig.now
        await rig.until(lambda: len(rig.stable.sent) == 300)
        assert rig.now - began < 1


async def test_a_full_room_of_canary_messages_does_not_burn_the_receives_of_a_busy_stable() -> None:
    """Stable is at its own limit, and no seat is left: nothing more is received for it."""
    stable = version("stable", "v1", max_in_flight=10)
    canary = version("canary", "v2", max_in_flight=1)
    busy = any_route(versions=[stable, canary], max_in_flight=50)
    async with at_work(busy) as rig:
        rig.canary.hold()
        send_canary(rig, 6)
        await rig.until(lambda: rig.running.view().waiting == 5)
        rig.stable.takes_seconds = 5
        names = rig.queue.send_many(40)
        await rig.until(lambda: len(rig.stable.sent) == 40)
        assert max(rig.queue.message(name).receive_count for name in names) == 1
        rig.canary.release()


async def test_a_fallback_waits_for_its_turn_on_stable_as_any_message_does() -> None:
    stable = version("stable", "v1", max_in_flight=1)
    falls = Fallback(on=frozenset({FallbackOn.NOT_FOUND}))
    both = any_route(versions=[stable, version("canary", "v2")], fallback=falls)
    async with at_work(both) as rig:
        rig.canary.default = Responded(404)
        rig.stable.takes_seconds = 1
        send_canary(rig, 3)
        await rig.empty()
        assert rig.stable.most_running == 1
        assert {each.receive_count for each in rig.queue.messages} == {1}


async def test_waiting_messages_go_back_at_once_on_a_soft_stop() -> None:
    async with at_work(route(1, max_in_flight=50)) as rig:
        rig.canary.hold()
        send_canary(rig, 5)
        await rig.until(lambda: rig.running.view().waiting == 4)
        stopping = asyncio.create_task(rig.stop(drain_seconds=20))
        await rig.until(lambda: len(rig.queue.visible) == 4)
        assert set(back(rig)) == {0}
        rig.canary.release()
        await stopping
        assert rig.observer.outcomes() == [("canary", Outcome.ACK)]
