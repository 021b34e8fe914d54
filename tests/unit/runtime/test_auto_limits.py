"""`max_in_flight: auto` at work: a route's permits and its versions' slots find themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.delivery.disposition import Responded, TimedOut
from gateway.core.events import Delivered
from tests.builders import attribute, version
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version

pytestmark = VIRTUAL_TIME

ROUND_TRIP = 0.01
MOST = 1000


def auto(name: str = "stable", tag: str = "v1", most: int = MOST, **rest: Any) -> Version:
    return version(name, tag, max_in_flight=most, least_in_flight=10, **rest)


def route(*versions: Version, **rest: Any) -> Route:
    given: dict[str, Any] = {"max_in_flight": MOST, "least_in_flight": 10, **rest}
    return any_route(versions=versions or [auto()], **given)


def away(queue: str = "orders") -> InMemorySource:
    source = InMemorySource(queue)
    source.round_trip_seconds = ROUND_TRIP
    return source


def limits(rig: Rig) -> dict[str, int]:
    return dict(rig.running.view().max_in_flight_by_version)


def receives(rig: Rig) -> set[int]:
    return {each.receive_count for each in rig.queue.messages}


def went_back(rig: Rig) -> int:
    return sum(each.receive_count > 1 for each in rig.queue.messages)


async def rate(of: Route, takes_seconds: float, messages: int) -> float:
    """Return the deliveries a second of the second half of a backlog."""
    async with at_work(of, away()) as rig:
        rig.stable.takes_seconds = takes_seconds
        rig.queue.send_many(messages)
        await rig.until(lambda: len(rig.stable.sent) >= messages // 2)
        began = rig.now
        await rig.empty()
        assert receives(rig) == {1}
        return messages / 2 / (rig.now - began)


async def test_it_gives_nine_tenths_of_what_a_number_tuned_by_hand_gives() -> None:
    """SQS and the service each 10 ms away."""
    tuned = any_route(versions=[version("stable", max_in_flight=200)], max_in_flight=200)
    bounded = route(auto(most=200), max_in_flight=200)
    by_hand = await rate(tuned, 0.01, 4000)
    assert await rate(bounded, 0.01, 4000) >= 0.9 * by_hand


@pytest.mark.parametrize("takes_seconds", [0.0, 0.002, 0.1])
async def test_a_backlog_and_a_service_with_room_lift_both_limits(takes_seconds: float) -> None:
    async with at_work(route(), away()) as rig:
        rig.stable.takes_seconds = takes_seconds
        rig.queue.send_many(6000)
        await rig.empty()
        assert rig.running.view().max_in_flight >= 200
        assert limits(rig)["stable"] >= 100
        assert receives(rig) == {1}


class Workers:
    """Makes a target one of so many workers, which take `seconds` each."""

    def __init__(self, rig: Rig, workers: int, seconds: float) -> None:
        self.seconds = seconds
        self._rig = rig
        self._free = [0.0] * workers
        rig.stable.pace = self._pace

    def _pace(self, _message_id: str) -> float:
        self._free.sort()
        begins_at = max(self._free[0], self._rig.now)
        self._free[0] = begins_at + self.seconds
        return self._free[0] - self._rig.now


def timed_out(rig: Rig) -> list[Delivered]:
    events = rig.observer.of(Delivered)
    return [each for each in events if isinstance(each.result, TimedOut)]


async def test_from_a_service_that_slows_down_it_backs_off_before_timeouts() -> None:
    """With 400 in flight the last one would wait 10 s."""
    async with at_work(route(auto(timeout_seconds=5)), away()) as rig:
        workers = Workers(rig, 20, 0.005)
        rig.queue.send_many(4000)
        await rig.until(lambda: len(rig.stable.sent) >= 3000)
        workers.seconds = 0.5
        await rig.empty()
        assert not timed_out(rig)
        assert max(each.ended_at - each.began_at for each in rig.stable.sent if each.ended_at) < 5


async def test_it_recovers_once_the_service_is_quick_again() -> None:
    async with at_work(route(), away()) as rig:
        workers = Workers(rig, 100, 0.2)
        rig.queue.send_many(3000)
        await rig.until(lambda: len(rig.stable.sent) >= 500)
        workers.seconds = 2.0
        await rig.until(lambda: limits(rig)["stable"] <= 60)
        workers.seconds = 0.2
        await rig.until(lambda: limits(rig)["stable"] >= 90)
        await rig.empty()
        assert went_back(rig) <= 0.05 * 3000


async def test_refusals_lower_it_and_it_comes_back_after_them() -> None:
    async with at_work(route(), away()) as rig:
        rig.stable.takes_seconds = 0.05
        rig.queue.send_many(4000)
        await rig.until(lambda: limits(rig)["stable"] >= 200)
        rig.stable.default = Responded(503)
        await rig.until(lambda: limits(rig)["stable"] <= 50)
        rig.stable.default = Responded(200)
        await rig.empty()
        assert limits(rig)["stable"] >= 50


async def test_with_a_version_that_hangs_neither_rises() -> None:
    async with at_work(route(auto(timeout_seconds=600)), away()) as rig:
        rig.stable.hold()
        rig.queue.send_many(500)
        await rig.rest(60)
        assert rig.stable.running == limits(rig)["stable"] == 20
        assert rig.running.view().max_in_flight <= 50
        assert receives(rig) <= {0, 1}
        rig.stable.release()
        await rig.empty()


async def test_each_version_has_a_limit_of_its_own() -> None:
    both = route(auto(), auto("canary", "v2", most=500))
    async with at_work(both, away()) as rig:
        rig.canary.pace = Workers(rig, 12, 0.2)._pace
        rig.stable.pace = lambda _: 0.02
        for _ in range(200):
            rig.queue.send_many(20)
            rig.queue.send_many(1, attributes={"version": attribute("v2")})
        await rig.empty()
        assert limits(rig)["stable"] >= 100
        assert limits(rig)["canary"] <= 40


async def test_a_weight_that_rises_soon_finds_the_room_it_needs() -> None:
    """The canary had a few; now it gets half, and is as quick as stable. Few messages go back."""
    both = route(auto(), auto("canary", "v2", most=500))
    async with at_work(both, away()) as rig:
        rig.stable.takes_seconds = rig.canary.takes_seconds = 0.01
        rig.queue.send_many(3000)
        rig.queue.send_many(20, attributes={"version": attribute("v2")})
        await rig.empty()
        for _ in range(2000):
            rig.queue.send_many(1)
            rig.queue.send_many(1, attributes={"version": attribute("v2")})
        await rig.empty()
        assert went_back(rig) <= 400
        assert limits(rig)["canary"] >= 50


async def test_on_fifo_the_order_holds_and_the_limit_rises() -> None:
    async with at_work(route(queue="orders.fifo"), away("orders.fifo")) as rig:
        rig.stable.takes_seconds = 0.02
        names = {f"g{at % 200}": list[str]() for at in range(4000)}
        for at in range(4000):
            names[f"g{at % 200}"] += rig.queue.send_many(1, group=f"g{at % 200}")
        await rig.empty()
        assert receives(rig) == {1}
        assert rig.stable.most_running >= 60
        sent = {name: at for at, name in enumerate(rig.stable.ids)}
        assert all(ids == sorted(ids, key=sent.__getitem__) for ids in names.values())


async def test_a_reload_from_a_number_begins_with_it_and_back_holds_to_the_number() -> None:
    number = any_route(versions=[version("stable", "v1", max_in_flight=150)], max_in_flight=150)
    async with at_work(number, away()) as rig:
        rig.stable.takes_seconds = 0.05
        rig.queue.send_many(200)
        rig.running.adopt(route())
        assert (rig.running.view().max_in_flight, limits(rig)) == (150, {"stable": 150})
        rig.queue.send_many(4000)
        await rig.until(lambda: limits(rig)["stable"] >= 300)
        rig.running.adopt(number)
        assert (rig.running.view().max_in_flight, limits(rig)) == (150, {"stable": 150})
        await rig.empty()
        assert (rig.running.view().max_in_flight, limits(rig)) == (150, {"stable": 150})
        assert len(rig.targets) == 1


async def test_a_reload_to_other_bounds_holds_to_them_and_keeps_what_was_learned() -> None:
    async with at_work(route(), away()) as rig:
        rig.stable.takes_seconds = 0.05
        rig.queue.send_many(5000)
        await rig.until(lambda: limits(rig)["stable"] >= 300)
        rig.running.adopt(route(auto(most=100), max_in_flight=120))
        assert (rig.running.view().max_in_flight, limits(rig)) == (120, {"stable": 100})
        rig.running.adopt(route(auto(most=800)))
        assert limits(rig) == {"stable": 100}
        await rig.empty()


async def test_another_url_is_another_service_and_learned_anew() -> None:
    async with at_work(route(), away()) as rig:
        rig.stable.takes_seconds = 0.05
        rig.queue.send_many(2000)
        await rig.until(lambda: limits(rig)["stable"] >= 100)
        before = limits(rig)["stable"]
        rig.running.adopt(route(auto(url="http://elsewhere.test/")))
        assert limits(rig) == {"stable": before}
        await rig.running.close_retired()
        assert rig.targets[0][1].closed
        await rig.empty()
        assert rig.stable.sent


async def test_it_is_never_below_the_least_nor_above_the_most() -> None:
    narrow = route(auto(most=40), max_in_flight=60)
    async with at_work(narrow, away()) as rig:
        seen: set[tuple[int, int]] = set()

        async def look() -> None:
            while True:
                await asyncio.sleep(0.01)
                seen.add((rig.running.view().max_in_flight, limits(rig)["stable"]))

        looking = asyncio.create_task(look())
        workers = Workers(rig, 5, 0.01)
        rig.queue.send_many(1000)
        await rig.until(lambda: len(rig.stable.sent) >= 800)
        workers.seconds = 1.0
        await rig.empty()
        looking.cancel()
        assert all(10 <= permits <= 60 and 10 <= slots <= 40 for permits, slots in seen)
        assert rig.stable.most_running <= 40
