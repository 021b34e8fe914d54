"""A version's limit that finds itself, held against services of known capacity."""

from __future__ import annotations

import heapq
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.delivery.concurrency import FIRST_LIMIT, ConcurrencyLimit

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = 0.005
SLOW = 0.5


class Service:
    """A backlog before a service of so many workers; what finds none free waits inside it.

    Beyond `takes_at_most` deliveries at once it refuses.
    """

    def __init__(
        self,
        limit: ConcurrencyLimit,
        seconds: Callable[[float], float],
        workers: int,
        takes_at_most: int = 10**9,
    ) -> None:
        self.limit = limit
        self.limits: list[int] = []
        self.worst = 0.0
        self.acks = self.refusals = 0
        self.now = 0.0
        self._seconds, self._takes_at_most = seconds, takes_at_most
        self._free = [0.0] * workers
        self._under_way: list[tuple[float, int, float, bool]] = []
        self._begun = 0

    def run(self, until: float) -> Service:
        while self.now < until:
            while len(self._under_way) < self.limit.limit or self.limit.widen():
                self._begin()
            self._end()
            self.limits.append(self.limit.limit)
        return self

    def _begin(self) -> None:
        self._begun += 1
        if len(self._under_way) >= self._takes_at_most:
            ends_at, acked = self.now + 0.002, False
        else:
            begins_at = max(heapq.heappop(self._free), self.now)
            ends_at, acked = begins_at + self._seconds(begins_at), True
            heapq.heappush(self._free, ends_at)
        heapq.heappush(self._under_way, (ends_at, self._begun, self.now, acked))

    def _end(self) -> None:
        in_flight = len(self._under_way)
        self.now, _, began_at, acked = heapq.heappop(self._under_way)
        if acked:
            self.acks += 1
            self.worst = max(self.worst, self.now - began_at)
            self.limit.acked(began_at, self.now, in_flight)
        else:
            self.refusals += 1
            self.limit.refused(self.now, in_flight)


def always(seconds: float) -> Callable[[float], float]:
    return lambda _now: seconds


def test_it_begins_low_and_within_its_bounds() -> None:
    assert ConcurrencyLimit(10, 2000).limit == FIRST_LIMIT
    assert ConcurrencyLimit(50, 2000).limit == 50
    assert ConcurrencyLimit(1, 5).limit == 5
    assert ConcurrencyLimit(10, 2000, first=200).limit == 200


def test_with_a_quick_service_it_climbs_to_the_most_and_stays() -> None:
    service = Service(ConcurrencyLimit(10, 300), always(0.01), workers=10_000).run(until=5)
    assert service.limit.limit == 300
    at_300 = service.limits.index(300)
    assert set(service.limits[at_300:]) == {300}


def test_it_keeps_all_workers_busy_and_lets_only_half_as_many_again_wait() -> None:
    """Full throughput, at up to one and a half times the latency."""
    service = Service(ConcurrencyLimit(10, 2000), always(0.1), workers=50).run(until=10)
    acks = service.acks
    service.worst = 0.0
    service.run(until=60)
    assert service.acks - acks >= 0.95 * 50 * 10 * 50
    assert service.worst <= 0.301


@pytest.mark.parametrize("first", [20, 200])
def test_a_queue_that_was_there_from_the_start_is_found_out(first: int) -> None:
    """The first latency that is measured has waiting in it; a lower limit shows that."""
    service = Service(ConcurrencyLimit(1, 2000, first), always(0.1), workers=4).run(until=60)
    assert service.acks >= 0.95 * 60 * 4 * 10
    assert max(service.limits[-400:]) <= 16


def test_it_backs_off_from_a_service_that_slows_down_long_before_it_would_time_out() -> None:
    """With 2,000 in flight its last one would wait 50 s."""

    def slows_down(now: float) -> float:
        return QUICK if now < 5 else SLOW

    service = Service(ConcurrencyLimit(10, 2000), slows_down, workers=20).run(until=60)
    assert service.worst <= 4
    assert max(service.limits[-400:]) <= 60


def test_it_recovers_once_the_service_is_quick_again() -> None:
    def slow_for_a_while(now: float) -> float:
        return SLOW if 5 <= now < 30 else QUICK

    service = Service(ConcurrencyLimit(10, 2000), slow_for_a_while, workers=100).run(until=4)
    before = service.acks
    service.run(until=35)
    acks = service.acks
    service.run(until=39)
    assert service.acks - acks >= 0.95 * before


def test_a_service_that_is_just_slow_is_given_its_due() -> None:
    """No lower limit makes it quicker, so it has nothing to do with ours."""

    def slows_down(now: float) -> float:
        return QUICK if now < 5 else SLOW

    service = Service(ConcurrencyLimit(10, 500), slows_down, workers=10_000).run(until=60)
    assert min(service.limits) < 50
    assert service.limit.limit == 500


def test_latencies_that_differ_much_are_no_overload() -> None:
    random = Random(7)

    def differs(_now: float) -> float:
        return random.expovariate(10)

    service = Service(ConcurrencyLimit(10, 2000), differs, workers=50).run(until=60)
    assert service.acks >= 0.85 * 60 * 500


def test_refusals_lower_it_to_where_there_are_few() -> None:
    service = Service(ConcurrencyLimit(10, 2000), always(0.05), 10_000, takes_at_most=100)
    service.run(until=60)
    assert max(service.limits[-2000:]) <= 120
    assert service.acks >= 0.6 * 60 * 2000


def test_a_single_refusal_in_a_hundred_does_not_lower_it() -> None:
    limit = ConcurrencyLimit(10, 100, first=100)
    for at in range(10_000):
        now = at / 1000
        if at % 100 == 7:
            limit.refused(now, 100)
        else:
            limit.acked(now - 0.1, now, 100)
        assert limit.limit in {100, 50}  # half is tried from time to time


def test_a_service_that_hangs_is_given_no_more() -> None:
    limit = ConcurrencyLimit(10, 2000)
    assert not limit.widen()
    assert limit.limit == FIRST_LIMIT


def test_quick_acks_earn_a_quarter_at_a_time_and_a_window_doubles_it_at_most() -> None:
    limit = ConcurrencyLimit(10, 2000)
    for _ in range(15):
        limit.acked(0.0, 0.01, 20)
    earned = 0
    while limit.widen():
        earned += 1
    assert earned == FIRST_LIMIT // 4
    for _ in range(1000):
        limit.acked(0.0, 0.01, limit.limit)
        limit.widen()
    assert limit.limit == 2 * FIRST_LIMIT


def test_a_limit_that_is_not_used_decays_to_twice_what_is() -> None:
    limit = ConcurrencyLimit(10, 2000, first=1000)
    for at in range(100_000):
        limit.acked(at / 1000 - 0.01, at / 1000, 30)
    assert limit.limit == 60


def test_it_rises_for_messages_that_are_on_their_way_and_keeps_them_in_mind() -> None:
    limit = ConcurrencyLimit(10, 2000)
    for at in range(3000):
        limit.acked(at / 1000 - 0.01, at / 1000, 5)
        limit.expect(80)
    assert limit.limit >= 80
    for at in range(3000, 4000):
        limit.acked(at / 1000 - 0.01, at / 1000, 5)
    assert limit.limit >= 80


def test_other_bounds_hold_at_once() -> None:
    limit = ConcurrencyLimit(10, 2000, first=500)
    limit.hold_to(10, 100)
    assert limit.limit == 100
    limit.hold_to(300, 400)
    assert limit.limit == 300


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ack", "refuse", "widen", "expect"]),
        st.floats(0, 2),
        st.floats(0, 30),
        st.integers(0, 5000),
    ),
    max_size=300,
)


@given(st.integers(1, 50), st.integers(0, 200), st.integers(1, 400), STEPS)
def test_it_is_never_below_the_least_nor_above_the_most(
    least: int, more: int, first: int, steps: list[tuple[str, float, float, int]]
) -> None:
    limit, now = ConcurrencyLimit(least, least + more, first), 0.0
    for what, passed, seconds, number in steps:
        now += passed
        match what:
            case "ack":
                for _ in range(number % 150):
                    limit.acked(now - seconds, now, number)
            case "refuse":
                for _ in range(number % 150):
                    limit.refused(now, number)
            case "widen":
                limit.widen()
            case _:
                limit.expect(number)
        assert least <= limit.limit <= least + more
