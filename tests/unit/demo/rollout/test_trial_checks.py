"""The checks of a rollout find what is planted, and pass what is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.demo.audit import Share
from gateway.demo.rollout import checks
from gateway.demo.rollout.arrivals import Arrival, Arrivals
from gateway.demo.rollout.checks import Resumed, Row
from gateway.demo.rollout.trial import Change, Period, Trial, periods, read_trial

if TYPE_CHECKING:
    from gateway.demo.checks import Check

COUNTS = "canary failed 3 of 19, stable 0 of 2,311 of the same time"
ABORT = Change(110.0, "the gateway", "abort", 0, COUNTS)
HISTORY = (
    Change(100.0, "the gateway", "begin", 1, ""),
    Change(105.0, "the gateway", "step", 5, "passed"),
    ABORT,
)


def arrived(
    number: int, at: float = 105.0, *, good: bool = True, canary: bool = False, receives: int = 1
) -> Arrival:
    return Arrival(f"order-{number}", at - 0.01, at, receives, good, canary)


def of(*arrivals: Arrival) -> Arrivals:
    collected = Arrivals()
    collected.add(arrivals)
    return collected


def good(*found: Check) -> list[bool]:
    return [check.good for check in found]


def trial(step: int, since: float = 105.0) -> Trial:
    return Trial("waiting", step, 5.0, since, "wait", "", HISTORY[:2])


class TestOrders:
    def test_each_order_once_is_right(self) -> None:
        assert good(*checks.order_checks(of(arrived(1), arrived(2)), 2)) == [True] * 3

    def test_a_lost_order_is_named(self) -> None:
        lost, *_ = checks.order_checks(of(arrived(1), arrived(2, good=False)), 2)
        assert (lost.good, lost.orders) == (False, ["order-2"])

    def test_one_that_failed_first_and_was_processed_later_is_neither_lost_nor_doubled(
        self,
    ) -> None:
        seen = of(arrived(1, good=False, canary=True), arrived(1, 107.0, receives=2))
        assert good(*checks.order_checks(seen, 1)) == [True, True, False]

    def test_an_order_that_was_processed_twice_is_named(self) -> None:
        seen = of(arrived(1), arrived(1, 120.0, receives=2))
        _, doubled, _ = checks.order_checks(seen, 1)
        assert (doubled.good, doubled.orders) == (False, ["order-1"])

    @pytest.mark.parametrize(("killed_at", "excused"), [(105.5, True), (119.0, False)])
    def test_only_what_was_under_way_when_a_gateway_was_killed_may_come_twice(
        self, killed_at: float, *, excused: bool
    ) -> None:
        seen = of(arrived(1, 105.0), arrived(1, 115.0, receives=2))
        _, doubled, _ = checks.order_checks(seen, 1, [60.0, killed_at])
        assert doubled.good is excused

    @pytest.mark.parametrize("killed_at", [(), (90.0,)])
    @pytest.mark.parametrize(("again", "passes"), [(9, True), (10, False)])
    def test_one_in_a_hundred_received_again_is_too_many(
        self, again: int, killed_at: tuple[float, ...], *, passes: bool
    ) -> None:
        failed = [arrived(n, good=False, canary=True) for n in range(1, again + 1)]
        seen = of(*failed, *(arrived(n, receives=1 + (n <= again)) for n in range(1, 1_001)))
        *_, received = checks.order_checks(seen, 1_000, killed_at)
        assert received.good is passes

    def test_what_never_failed_and_came_again_is_put_down_to_a_kill_if_there_was_one(self) -> None:
        seen = of(*(arrived(n, receives=2) for n in range(1, 11)))
        counts = [
            [check.good for check in checks.order_checks(seen, 10, killed_at)][-1]
            for killed_at in [(), (90.0,)]
        ]
        assert counts == [False, True]


class TestRollback:
    BAD = (arrived(7, 109.5, good=False, canary=True),)

    @pytest.mark.parametrize(("in_force_at", "passes"), [(110.2, True), (114.6, False)])
    def test_it_is_timed_from_the_deciding_message(
        self, in_force_at: float, *, passes: bool
    ) -> None:
        rollback, evidence = checks.rollback_checks(ABORT, in_force_at, self.BAD, self.BAD)
        assert good(rollback, evidence) == [passes, True]

    def test_the_fortieth_message_of_the_canary_bounds_it_too(self) -> None:
        canary = [arrived(n, 100.0 + n / 40, canary=True) for n in range(50)]
        found = good(*checks.rollback_checks(ABORT, 110.2, canary, self.BAD))
        assert found == [True, False]

    def test_a_weight_that_is_in_force_on_one_gateway_alone_is_found(self) -> None:
        assert good(*checks.rollback_checks(ABORT, None, (), ())) == [False]

    @pytest.mark.parametrize(
        "lines",
        [
            [],
            [{"level": "warning", "why": COUNTS}] * 2,
            [{"level": "info", "why": COUNTS}],
            [{"level": "warning", "why": "the canary is bad"}],
        ],
    )
    def test_no_line_two_lines_or_one_without_counts_is_found(
        self, lines: list[dict[str, str]]
    ) -> None:
        assert not checks.log_check(lines, 1).good
        assert checks.log_check([{"level": "warning", "why": COUNTS}], 1).good

    def test_the_metric_must_count_one_rollback_over_both(self) -> None:
        assert good(checks.metric_check(1.0, 1), checks.metric_check(2.0, 1)) == [True, False]

    def test_a_message_to_the_canary_at_weight_0_is_found(self) -> None:
        assert good(checks.away_check(0), checks.away_check(1)) == [True, False]

    def test_a_mended_canary_must_get_messages_again(self) -> None:
        assert good(checks.retry_check(10, 10), checks.retry_check(9, 10)) == [True, False]

    def test_each_gateway_must_end_with_status_0(self) -> None:
        assert good(checks.stop_check((0, 0)), checks.stop_check((0, -9))) == [True, False]


class TestPromotion:
    def test_every_step_must_be_taken_in_order(self) -> None:
        done = (*HISTORY[:2], Change(110.0, "the gateway", "promote", 5, "passed"))
        found = [
            checks.promoted_check(history, steps)
            for history, steps in [(done, (1, 5)), (done, (1, 2, 5)), (HISTORY, (1, 5)), ((), ())]
        ]
        assert good(*found) == [True, False, False, False]

    @pytest.mark.parametrize(
        ("after", "passes"),
        [(trial(1), True), (trial(0), False), (trial(1, since=111.0), False)],
        ids=["as the other", "begun anew", "with a time of its own"],
    )
    def test_a_killed_gateway_must_show_what_the_other_one_shows(
        self, after: Trial, *, passes: bool
    ) -> None:
        resumed = Resumed(110.0, 1.5, trial(1), after, [trial(1)])
        assert checks.resumed_check(resumed).good is passes

    def test_a_share_must_fit_its_weight_and_a_stage_without_messages_has_none(self) -> None:
        period = Period(1, 25, 100.0, 110.0, "pass", "")
        rows = [
            Row(period, 10.0, messages, got, 0, Share("v2", got, messages, 0.25))
            for got, messages in [(250, 1_000), (150, 1_000), (0, 0)]
        ]
        assert good(*checks.share_checks(rows)) == [True, False]


class TestPeriods:
    def test_a_stage_ends_with_the_next_change_which_says_why(self) -> None:
        assert list(periods(HISTORY)) == [
            Period(1, 1, 100.0, 105.0, "pass", "passed"),
            Period(2, 5, 105.0, 110.0, "abort", COUNTS),
            Period(3, 0, 110.0, None, "", ""),
        ]

    def test_what_a_gateway_shows_is_read(self) -> None:
        entry = {"by": "the gateway", "action": "begin", "from": None, "to": 1, "reason": ""}
        shown = read_trial(
            {
                "phase": "waiting",
                "step": 0,
                "weight": None,
                "since": "1970-01-01T00:01:40.000Z",
                "verdict": "wait",
                "reason": "0 of 50 messages",
                "history": [{"at": "1970-01-01T00:01:40.000Z", **entry}],
            }
        )
        change = Change(100.0, "the gateway", "begin", 1, "")
        assert shown == Trial("waiting", 0, 0.0, 100.0, "wait", "0 of 50 messages", (change,))
        assert (shown.last("begin"), shown.last("abort")) == (change, None)

    def test_shares_count_first_receives_within_the_time_alone(self) -> None:
        seen = of(
            arrived(1, 104.0, canary=True),
            arrived(2, canary=True),
            arrived(3),
            arrived(4, canary=True, receives=2),
        )
        assert seen.share(104.5, 106.0) == (1, 2)
