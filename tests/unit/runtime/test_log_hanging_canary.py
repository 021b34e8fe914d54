"""A canary that hangs, with a tenth of the keys of a log: what stable gets meanwhile, counted."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.delivery.disposition import Responded
from gateway.core.events import RouteWarned
from gateway.core.kafka.partition_watch import PAUSED_SECONDS, WITHOUT_SECONDS
from gateway.core.kafka.plan import TopicAddress, WhenBehind
from gateway.runtime.partition_watching import LOOK_SECONDS
from tests.builders import CANARY, STABLE
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation, refused
from tests.fakes.log import InMemoryLog
from tests.fakes.rig import Rig, at_work
from tests.unit.runtime.test_log_routes import kafka, produce, route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME

MAX_BEHIND = 100
PER_SECOND = 10
TIMEOUT_SECONDS = 30.0
PARKING = TopicAddress("orders.parked")
DETOURS: Any = [{"when_behind": WhenBehind.FALLBACK}, {"parking": PARKING}]


class Hanging:
    """A canary that hangs under a load of one record of each key; `slots` are the canary's."""

    def __init__(self, rig: Rig, log: InMemoryLog, table: Route) -> None:
        self.rig, self.log, self.table = rig, log, table
        self.produced: list[str] = []

    async def load(self, seconds: int) -> None:
        """Produce for so long."""
        for _ in range(seconds):
            keys = (f"k-{len(self.produced) + each}" for each in range(PER_SECOND))
            self.produced += produce(self.log, *keys)
            await self.rig.rest(1)

    @property
    def stable(self) -> set[str]:
        """What stable got of its own."""
        return {each.message_id for each in self.rig.stable.sent if each.reason != "fallback"}

    async def mended(self) -> None:
        """Mend the canary, and wait until all is settled."""
        self.rig.canary.release()
        await self.rig.empty()


@asynccontextmanager
async def hanging(slots: int = 2, **rest: Any) -> AsyncIterator[Hanging]:
    log = InMemoryLog(kafka(max_behind=MAX_BEHIND, **rest))
    canary = replace(CANARY, max_in_flight=slots, timeout_seconds=TIMEOUT_SECONDS)
    versions = (replace(STABLE, max_in_flight=200), canary)
    tenth = route(log.plan, canary=10, versions=versions, max_in_flight=200)
    async with at_work(tenth, log) as rig:
        rig.canary.hold()
        yield Hanging(rig, log, tenth)


@pytest.mark.parametrize("rest", [{}, *DETOURS])
async def test_stable_gets_all_of_its_records_at_once_until_max_behind(
    rest: dict[str, Any],
) -> None:
    async with hanging(**rest) as one:
        await one.load(10)
        first = one.log.view()
        assert not first.paused
        canary = set(one.produced) - one.stable
        assert 0.05 < len(canary) / len(one.produced) < 0.15
        assert {each.began_at for each in one.rig.stable.sent} == set(map(float, range(10)))
        assert one.produced.index(min(canary, key=one.produced.index)) == first.oldest
        await one.load(10)
        last = (first.oldest or 0) + MAX_BEHIND
        assert one.stable <= set(one.produced[:last])
        assert one.rig.canary.ids[0] == one.produced[first.oldest or 0]
        await one.mended()


async def test_with_pause_the_partition_is_not_read_until_the_canary_is_mended() -> None:
    async with hanging() as one:
        await one.load(12)
        assert one.log.view().paused
        before = len(one.rig.stable.sent)
        await one.load(60)
        assert len(one.rig.stable.sent) == before
        await one.mended()
        assert not one.log.view().paused
        assert not one.log.dead
        assert {each.reason for each in one.rig.stable.sent} == {"split"}
        assert one.log.committed == {0: len(one.produced)}


def weighed(one: Hanging, canary: int, **rest: Any) -> Route:
    """Make its routing table with another weight of the canary; `rest` are other fields."""
    kept = {"versions": one.table.versions, "max_in_flight": one.table.max_in_flight}
    return route(one.log.plan, canary=canary, **kept | rest)


@pytest.mark.parametrize("connecting", [False, True])
@pytest.mark.parametrize("slots", [1, 2, MAX_BEHIND])
async def test_without_its_weight_a_canary_that_hangs_costs_no_more_than_its_timeout(
    slots: int,
    connecting: bool,  # noqa: FBT001 - of a test
) -> None:
    """What waits for it is decided anew: else each record would have a timeout of its own."""
    async with hanging(slots) as one:
        one.rig.canary.connecting = connecting
        await one.load(20)
        assert one.log.view().paused
        one.rig.running.adopt(weighed(one, 0))
        began = one.rig.now
        await one.rig.until(lambda: not one.log.view().paused)
        assert one.rig.now - began <= (1 if connecting else TIMEOUT_SECONDS + 1)
        assert len(one.rig.canary.sent) <= slots
        await one.rig.empty()
        got = Counter(each.message_id for each in one.rig.stable.sent)
        assert got == Counter(one.produced)
        await one.mended()


async def test_with_all_of_the_weight_the_canary_gets_what_waits_for_a_stable_that_hangs() -> None:
    async with hanging() as one:
        one.rig.canary.release()
        one.rig.stable.hold()
        one.rig.stable.connecting = True
        await one.load(20)
        assert one.log.view().paused
        one.rig.running.adopt(weighed(one, 100))
        await one.rig.empty()
        got = Counter(each.message_id for each in one.rig.canary.sent)
        assert got == Counter(one.produced)


async def test_what_waits_for_a_connection_goes_to_the_url_that_a_reload_gives_the_version() -> (
    None
):
    async with hanging(MAX_BEHIND) as one:
        before = one.rig.canary
        before.connecting = True
        await one.load(20)
        assert one.log.view().paused
        stable, canary = one.table.versions
        one.rig.running.adopt(
            weighed(one, 10, versions=(stable, replace(canary, url="http://moved.test/")))
        )
        assert one.rig.canary is not before
        await one.rig.empty()
        assert all(each.cancelled for each in before.sent)
        acked = [*one.rig.stable.ids, *one.rig.canary.ids]
        assert sorted(acked) == sorted(one.produced)
        await one.rig.running.close_retired()


@pytest.mark.parametrize("rest", DETOURS)
async def test_a_version_that_asks_for_a_minute_does_not_hold_up_a_partition_that_is_behind(
    rest: dict[str, Any],
) -> None:
    """Its open circuit breaker sends records back for so long; the detour need not wait for it."""
    async with hanging(**rest) as one:
        one.rig.canary.release()
        one.rig.canary.default = Responded(503, retry_after_seconds=3600.0)
        one.produced += produce(one.log, *(f"k-{each}" for each in range(400)))
        await one.rig.rest(10)
        assert len(one.rig.stable.sent) + len(one.log.parked) > 350
        one.rig.canary.default = Responded(200)
        await one.rig.empty()
        assert not one.log.dead


@pytest.mark.parametrize("slots", [2, MAX_BEHIND])
async def test_with_fallback_a_canary_that_hangs_costs_its_timeout_for_each_max_behind(
    slots: int,
) -> None:
    """Not only what waits for a slot of it goes to stable, also what timed out."""
    async with hanging(slots, when_behind=WhenBehind.FALLBACK) as one:
        await one.load(140)
        turns = 140 / (TIMEOUT_SECONDS + MAX_BEHIND / 2 / PER_SECOND)
        assert len(one.rig.stable.sent) > turns * MAX_BEHIND / 2
        assert not one.log.dead
        fallen = [each for each in one.rig.stable.sent if each.reason == "fallback"]
        assert {each.version for each in fallen} == {CANARY.tag}
        delivered = Counter(each.message_id for each in one.rig.stable.sent)
        assert set(delivered.values()) == {1}
        await one.mended()
        assert not one.log.dead
        acked = Counter(each.message_id for each in one.rig.stable.sent)
        acked += Counter(each.message_id for each in one.rig.canary.sent if each.result is not None)
        assert acked == Counter(one.produced)


async def test_what_waits_for_a_connection_to_the_canary_takes_its_detour_at_once() -> None:
    """A service that never responds gets few new connections at once: the others wait for one."""
    async with hanging(MAX_BEHIND, when_behind=WhenBehind.FALLBACK) as one:
        one.rig.canary.connecting = True
        await one.load(140)
        assert len(one.rig.stable.sent) >= len(one.produced) * 0.9
        assert not one.log.view().paused
        await one.mended()
        acked = [each.message_id for each in one.rig.stable.sent]
        acked += [each.message_id for each in one.rig.canary.sent if each.result is not None]
        assert sorted(acked) == sorted(one.produced)


async def test_what_waited_for_a_connection_has_not_been_attempted() -> None:
    async with hanging(MAX_BEHIND, when_behind=WhenBehind.FALLBACK, max_attempts=2) as one:
        one.rig.canary.connecting = True
        await one.load(5)
        waiting = set(one.rig.canary.ids)
        for each in waiting:
            one.rig.stable.answer(each, Responded(503))  # its first attempt of two
        await one.load(20)
        await one.mended()
        assert waiting <= {each.message_id for each in one.rig.stable.sent}
        assert not one.log.dead


async def test_what_waits_for_a_connection_is_not_awaited_when_its_partition_leaves() -> None:
    async with hanging(MAX_BEHIND) as one:
        one.rig.canary.connecting = True
        await one.load(5)
        waiting = [each for each in one.rig.canary.sent if each.ended_at is None]
        assert waiting
        one.log.lose(0)
        await one.rig.rest(0)
        assert all(each.cancelled for each in waiting)


@pytest.mark.parametrize("slots", [2, MAX_BEHIND])
async def test_a_parking_topic_takes_only_records_of_the_canary(slots: int) -> None:
    async with hanging(slots, parking=PARKING) as one:
        await one.load(140)
        parked = {f"orders/0/{each.offset}" for each in one.log.parked}
        assert len(parked) == len(one.log.parked) > 20
        assert not parked & one.stable
        assert len(one.stable) > 140 / (TIMEOUT_SECONDS + 5) * MAX_BEHIND / 2 * 0.9
        await one.mended()
        assert {each.reason for each in one.rig.stable.sent} == {"split"}
        canary = {each.message_id for each in one.rig.canary.sent if each.result is not None}
        assert sorted([*one.stable, *canary, *parked]) == sorted(one.produced)
        assert not one.log.dead


async def test_what_cannot_be_parked_waits_for_the_canary_and_is_its_own_once_it_is_mended() -> (
    None
):
    async with hanging(parking=PARKING) as one:
        one.log.unparkable = lambda _: True
        await one.load(60)
        assert one.log.view().paused
        received = len(one.log.calls_of(Operation.RECEIVE))
        await one.rig.rest(60)
        looks = len(one.log.calls_of(Operation.RECEIVE)) - received
        assert looks < 60 * MAX_BEHIND, "each of them once a second, at most"
        await one.mended()
        assert not one.log.parked
        assert one.log.view().detours == 0
        canary = [each.message_id for each in one.rig.canary.sent if each.result is not None]
        assert sorted([*one.rig.stable.ids, *canary]) == sorted(one.produced)


async def test_what_stable_fails_or_waits_for_is_neither_parked_nor_called_a_fallback() -> None:
    for rest in DETOURS:
        log = InMemoryLog(kafka(max_behind=20, **rest))
        slow = replace(STABLE, max_in_flight=1)
        async with at_work(route(log.plan, versions=(slow, CANARY)), log) as rig:
            rig.stable.takes_seconds = 1.0
            rig.stable.answer("orders/0/0", Responded(500), Responded(500))
            sent = produce(log, *(f"k-{each}" for each in range(40)))
            await rig.empty()
            assert not log.parked
            assert {each.reason for each in rig.stable.sent} == {"split"}
            assert len(rig.stable.sent) == len(sent) + 2


async def test_a_record_that_the_canary_rejects_stays_blocked_also_while_behind() -> None:
    log = InMemoryLog(kafka(reject=None, max_behind=10, when_behind=WhenBehind.FALLBACK))
    async with at_work(route(log.plan, canary=100), log) as rig:
        rig.canary.answer("orders/0/0", *[Responded(400)] * 100)
        produce(log, *(f"k-{each}" for each in range(20)))
        await rig.rest(60)
        assert log.view().blocked == 1
        assert log.view().paused
        assert not rig.stable.sent


async def test_a_partition_that_is_not_read_and_one_that_is_blocked_are_warned_of_once() -> None:
    log = InMemoryLog(kafka(reject=None, max_behind=10))
    async with at_work(route(log.plan, canary=100), log) as rig:
        rig.canary.answer("orders/0/0", *[Responded(400)] * 100)
        produce(log, *(f"k-{each}" for each in range(20)))
        await rig.rest(2 * LOOK_SECONDS)
        (blocked,) = rig.observer.of(RouteWarned)
        assert "rejected" in blocked.what
        await rig.rest(10 * PAUSED_SECONDS)
        _, paused = rig.observer.of(RouteWarned)
        assert "partition 0 of topic orders is not read" in paused.what


async def test_a_gateway_without_a_partition_is_ready_and_warned_of() -> None:
    log = InMemoryLog(kafka())
    log.gone.add(0)
    async with at_work(route(log.plan), log) as rig:
        await rig.rest(WITHOUT_SECONDS + 2 * LOOK_SECONDS)
        (warned,) = rig.observer.of(RouteWarned)
        assert "no partition of topic orders" in warned.what
        assert rig.running.unready is None


async def test_while_receives_fail_that_alone_is_said() -> None:
    log = InMemoryLog(kafka())
    log.gone.add(0)
    log.faults.script(Operation.RECEIVE, *[refused("no broker")] * 1000)
    async with at_work(route(log.plan), log, started=False) as rig:
        rig.start()
        await rig.rest(3 * WITHOUT_SECONDS)
        assert rig.running.unready == "topic orders: no broker"
        assert not rig.observer.of(RouteWarned)
