"""A version that answers 429 or 503 with Retry-After to everything is left alone for a while."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.delivery.disposition import Responded, Throttled, Unreachable
from gateway.core.routing.route import Backoff
from gateway.runtime.circuit_breaker import LONGEST_OPEN_SECONDS, TRIP_AFTER, CircuitBreaker
from tests.builders import STABLE, attribute, version
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource

LATER = Responded(503, 30.0)


def overloaded_in_a_row(
    times: int, asked_seconds: float = 30.0, now: float = 100.0
) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(times):
        breaker.on_overload(asked_seconds, now)
    return breaker


def test_a_few_refusals_are_about_their_messages() -> None:
    breaker = overloaded_in_a_row(TRIP_AFTER - 1)
    assert not breaker.tripped
    assert breaker.allows(100)
    assert breaker.retry_after_seconds is None


def test_any_other_result_in_between_begins_the_row_anew() -> None:
    breaker = overloaded_in_a_row(TRIP_AFTER - 1)
    breaker.on_success()
    breaker.on_overload(30, 100)
    assert not breaker.tripped


def test_a_whole_row_of_them_makes_it_rest_and_then_lets_one_delivery_try() -> None:
    breaker = overloaded_in_a_row(TRIP_AFTER)
    assert breaker.open_until == 101
    assert not breaker.allows(100.9)
    assert breaker.allows(101)
    breaker.on_begin()
    assert not breaker.allows(101), "one at a time"
    breaker.on_end()
    assert breaker.allows(101)


def test_a_delivery_that_works_ends_the_matter() -> None:
    breaker = overloaded_in_a_row(TRIP_AFTER)
    breaker.on_success()
    assert breaker.allows(100)


def test_each_try_that_is_refused_doubles_the_rest_up_to_what_was_asked_for() -> None:
    breaker, now, openings = overloaded_in_a_row(TRIP_AFTER), 100.0, []
    for _ in range(8):
        openings.append(breaker.open_until - now)
        now = breaker.open_until
        breaker.on_overload(30, now)
    assert openings == [1, 2, 4, 8, 16, 30, 30, 30]


def test_nobody_rests_for_longer_than_a_minute_whatever_was_asked_for() -> None:
    """One customer's hour must not stop all the others for an hour."""
    breaker, now = overloaded_in_a_row(TRIP_AFTER, asked_seconds=3600), 100.0
    for _ in range(10):
        now = breaker.open_until
        breaker.on_overload(3600, now)
    assert breaker.open_until - now == LONGEST_OPEN_SECONDS
    assert breaker.retry_after_seconds == LONGEST_OPEN_SECONDS


def test_retry_after_0_from_everybody_makes_it_rest_all_the_same() -> None:
    """Otherwise each message would go round and round as fast as the network allows."""
    assert overloaded_in_a_row(TRIP_AFTER, asked_seconds=0).open_until == 101


def test_answers_of_the_wave_that_was_under_way_do_not_prolong_the_rest() -> None:
    breaker = overloaded_in_a_row(TRIP_AFTER)
    breaker.on_overload(30, 100.5)
    assert breaker.open_until == 101


# ---- a route at work -------------------------------------------------------------------------


def worst_receive_count(rig: Rig) -> int:
    return max(each.receive_count for each in rig.queue.messages)


@VIRTUAL_TIME
async def test_polling_goes_down_while_stable_sheds_and_receive_counts_are_not_burnt() -> None:
    """Complaint 13: ten minutes of 503 with Retry-After: 30 would be twenty receives of each."""
    async with at_work(any_route(versions=[STABLE], max_in_flight=50)) as rig:
        rig.stable.default = LATER
        rig.queue.send_many(400)
        await rig.rest(600)
        assert len(rig.stable.sent) < 100
        receives = rig.queue.calls_of(Operation.RECEIVE)
        assert sum(call.brought for call in receives) < 120
        rig.stable.default = Responded(200)
        await rig.empty()
        assert worst_receive_count(rig) <= 5


@VIRTUAL_TIME
async def test_a_queue_that_throttles_is_sent_less_and_burns_no_receive_counts() -> None:
    """Otherwise half a minute of it takes most messages over a redrive policy's five receives."""
    wanted = any_route(versions=[STABLE], max_in_flight=50, retry=Backoff(1, 30))
    async with at_work(wanted) as rig:
        rig.stable.default = Throttled("RequestThrottled: slow down")
        rig.queue.send_many(400)
        await rig.rest(60)
        assert len(rig.stable.sent) < 50 + 60
        rig.stable.default = Responded(200)
        await rig.empty()
        assert worst_receive_count(rig) <= 5


@VIRTUAL_TIME
async def test_a_stable_that_works_again_gets_everything_at_once() -> None:
    async with at_work(any_route(versions=[STABLE], max_in_flight=50)) as rig:
        rig.stable.default = LATER
        rig.queue.send_many(400)
        await rig.rest(20)
        rig.stable.default = Responded(200)
        recovered_at = rig.now
        await rig.empty()
        last = max(sent.ended_at or 0 for sent in rig.stable.sent)
        assert last - recovered_at <= 60, "the rest at that moment, and Retry-After of the refused"


@VIRTUAL_TIME
@pytest.mark.parametrize("answer", [Responded(503), Responded(500), Unreachable("no route")])
async def test_failures_without_retry_after_make_nobody_rest(answer: Any) -> None:
    """They have their backoff; a version that is rolled back must be found at once."""
    async with at_work(any_route(versions=[STABLE], retry=Backoff(1, 1))) as rig:
        rig.stable.default = answer
        rig.queue.send_many(40)
        await rig.until(lambda: len(rig.stable.sent) == 40 + 40)


@VIRTUAL_TIME
async def test_a_shedding_canary_does_not_hold_up_stable() -> None:
    both = any_route(versions=[STABLE, version("canary", "v2", max_in_flight=5)], max_in_flight=100)
    async with at_work(both) as rig:
        rig.canary.default = LATER
        rig.queue.send_many(60, attributes={"version": attribute("v2")})
        rig.queue.send_many(300)
        await rig.until(lambda: len(rig.stable.sent) == 300)
        assert rig.now < 30, "virtual: no rest of the canary was waited for"


@VIRTUAL_TIME
async def test_what_finds_no_place_goes_back_for_as_long_as_the_canary_asked() -> None:
    """Not for retry.min: that would only raise its receive count."""
    both = any_route(
        versions=[STABLE, version("canary", "v2", max_in_flight=5)],
        max_in_flight=50,
        retry=Backoff(2, 2),
        fallback=None,
    )
    async with at_work(both) as rig:
        rig.canary.default = LATER
        rig.queue.send_many(100, attributes={"version": attribute("v2")})
        await rig.rest(300)
        late = {s for each in rig.queue.messages for at, s in each.changes if at > 1 and s < 600}
        assert 2 not in late
        assert worst_receive_count(rig) <= 12, "300 s by 30 s, where retry.min would make it 150"


async def reached_stable(*, canary_sheds: bool, seconds: int = 15) -> int:
    """Return how many messages stable got at 400 a second, a tenth of them the canary's."""
    queue = InMemorySource()
    queue.round_trip_seconds = 0.02
    async with at_work(any_route({"stable": 90, "canary": 10}), queue) as rig:
        rig.stable.takes_seconds = rig.canary.takes_seconds = 0.05
        if canary_sheds:
            rig.canary.default = Responded(503, 1.0)
        for _ in range(seconds * 20):
            queue.send_many(20)
            await rig.rest(0.05)
        return len(rig.stable.sent)


@VIRTUAL_TIME
async def test_a_shedding_canary_does_not_slow_stable_down() -> None:
    """Its messages come back together, and a queue may hand out the oldest first."""
    well = await reached_stable(canary_sheds=False)
    assert await reached_stable(canary_sheds=True) >= 0.97 * well


@VIRTUAL_TIME
async def test_what_a_shedding_canary_turns_away_stays_away_longer_each_time() -> None:
    """With a split of 0 to 100 and no fallback; by `retry.min` it would be 300 receives."""
    versions = [STABLE, version("canary", "v2", max_in_flight=5)]
    route = any_route(
        {"stable": 0, "canary": 100}, versions=versions, retry=Backoff(2, 300), fallback=None
    )
    async with at_work(route) as rig:
        rig.random = 0.5
        rig.canary.default = Responded(503, 2.0)
        rig.queue.send_many(300)
        await rig.rest(600)
        assert worst_receive_count(rig) <= 30
