"""`linger` of a route: fewer requests to SQS for a later settlement, counted on the fake source."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from gateway.core.routing.route import Linger
from tests.builders import route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation
from tests.fakes.rig import Rig, at_work

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = VIRTUAL_TIME

MESSAGES: Final = 3000
A_SECOND: Final = Linger(1.0, 1.0)
PACES: Final = {
    "regular": lambda _random, per_second: 1 / per_second,
    "by chance": lambda random, per_second: random.expovariate(per_second),
}


async def requests_per_1000(rig: Rig, pace: Callable[[], float]) -> float:
    """Send at a pace; return the receives, deletes and extensions that 1,000 messages took."""
    for _ in range(MESSAGES):
        rig.queue.send()
        await rig.rest(pace())
    await rig.empty()
    return len(rig.queue.calls) * 1000 / MESSAGES


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("round_trip_seconds", [0, 0.01, 0.05])
async def test_a_linger_of_a_second_takes_at_most_330_requests_for_1000_messages(
    pace: str, round_trip_seconds: float
) -> None:
    """At 100 messages a second; 200 is the least that SQS allows."""
    random = Random(11)
    async with at_work(route(linger=A_SECOND)) as rig:
        rig.queue.round_trip_seconds = round_trip_seconds
        counted = await requests_per_1000(rig, lambda: PACES[pace](random, 100))
        assert 200 <= counted <= 330
        assert {each.receive_count for each in rig.queue.messages} == {1}


async def test_a_delete_lingers_as_long_as_the_route_says() -> None:
    async with at_work(route(linger=A_SECOND)) as rig:
        rig.queue.send()
        await rig.empty()
        assert rig.queue.calls_of(Operation.DELETE)[0].began_at == pytest.approx(1)


async def test_a_release_does_not_wait_as_long_as_a_delete_may() -> None:
    async with at_work(route(linger=Linger(5.0, 0.0))) as rig:
        rig.stable.default = replace(rig.stable.default, status=500)
        rig.queue.send()
        await rig.until(lambda: rig.queue.calls_of(Operation.CHANGE_VISIBILITY))
        assert rig.now == pytest.approx(0.04)


async def test_a_receive_lingers_as_long_as_the_route_says() -> None:
    async with at_work(route(linger=A_SECOND)) as rig:
        rig.queue.send()
        await rig.until(lambda: len(rig.queue.calls_of(Operation.RECEIVE)) == 2)
        assert rig.now == pytest.approx(1)


async def test_a_linger_is_held_to_a_quarter_of_the_lease_that_the_queue_has() -> None:
    """The queue's own visibility timeout is known only at run time."""
    async with at_work(route(linger=Linger(5.0, 5.0)), visibility_seconds=2) as rig:
        rig.queue.send()
        await rig.empty()
        assert rig.queue.calls_of(Operation.DELETE)[0].began_at == pytest.approx(0.5)
        await rig.until(lambda: len(rig.queue.calls_of(Operation.RECEIVE)) == 2)
        assert rig.queue.calls_of(Operation.RECEIVE)[1].began_at == pytest.approx(0.5)


async def test_on_a_fifo_queue_no_delete_lingers_whatever_the_route_says() -> None:
    async with at_work(route(queue="orders.fifo", linger=A_SECOND)) as rig:
        rig.queue.send(group="g")
        await rig.until(lambda: rig.queue.calls_of(Operation.DELETE))
        assert rig.now == 0


async def test_a_reload_changes_the_linger_in_place() -> None:
    async with at_work(route(linger=A_SECOND)) as rig:
        rig.running.adopt(route(linger=Linger(0.25, 0.0)))
        rig.queue.send()
        await rig.empty()
        assert rig.now == pytest.approx(0.25)


async def test_a_stop_does_not_wait_for_a_linger() -> None:
    async with at_work(route(linger=Linger(5.0, 5.0))) as rig:
        rig.queue.send()
        await rig.until(lambda: rig.stable.sent)
        await rig.rest(0.01)
        assert await rig.stop() == pytest.approx(0, abs=0.001)
        assert not rig.queue.left
