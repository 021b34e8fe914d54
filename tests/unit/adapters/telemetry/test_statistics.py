"""Statistics: counts, rates over the last minute and last errors, route by route."""

from __future__ import annotations

import pytest

from gateway.adapters.telemetry.statistics import Meter, Statistics
from gateway.core.delivery.disposition import Responded
from gateway.core.events import (
    Action,
    AttributesDropped,
    DeliveryCrashed,
    Event,
    Outcome,
    Phase,
    PhaseChanged,
    Received,
    ReceiveFailed,
    Reloaded,
    ReloadFailed,
    RolloutChanged,
    Settled,
    SettlementFailed,
    TableInForce,
)
from gateway.core.rollout.state import Entry
from gateway.core.routing.decision import Reason
from tests.builders import CANARY, STABLE, THIRD, route
from tests.unit.adapters.fakes import Clock, decided, delivered, table


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> Statistics:
    made = Statistics(clock=clock, now=lambda: 1_800_000_000.0)
    made.observe(TableInForce(table(), 1))
    return made


# ---- a meter ------------------------------------------------------------------------------------


def test_a_meter_gives_the_mean_of_the_last_minute(clock: Clock) -> None:
    meter = Meter(clock())
    for _ in range(120):
        clock.now += 1.0
        meter.add(clock(), 5)
    clock.now += 0.999
    assert meter.per_second(clock()) == pytest.approx(5.0, rel=0.01)
    assert meter.count == 600


def test_a_young_meter_divides_by_its_age_and_never_by_less_than_a_second(clock: Clock) -> None:
    meter = Meter(clock())
    meter.add(clock(), 4)
    assert meter.per_second(clock()) == 4.0
    clock.now += 8
    assert meter.per_second(clock()) == 0.5


def test_what_is_older_than_a_minute_leaves_the_rate_and_stays_in_the_count(clock: Clock) -> None:
    meter = Meter(clock())
    meter.add(clock(), 600)
    clock.now += 59
    assert meter.per_second(clock()) > 0
    clock.now += 1
    assert meter.per_second(clock()) == 0
    assert meter.count == 600


@pytest.mark.parametrize("silence", [59, 60, 61, 119, 120, 86_400])
def test_a_silence_leaves_nothing_of_an_earlier_turn_of_the_ring(
    clock: Clock, silence: int
) -> None:
    meter = Meter(clock())
    for _ in range(60):
        meter.add(clock(), 1_000_000)
        clock.now += 1
    clock.now += silence - 1
    meter.add(clock(), 60)
    left = 1_000_000 if silence == 59 else 0
    assert sum(meter._slots) == 60 + left


def test_a_meter_that_is_not_asked_counts_as_one_that_is(clock: Clock) -> None:
    asked, unasked = Meter(clock()), Meter(clock())
    for step in (0.0, 0.4, 3.0, 20.0, 61.0, 7.5, 30.0):
        clock.now += step
        asked.add(clock())
        asked.per_second(clock())
        unasked.add(clock())
    assert asked.per_second(clock()) == unasked.per_second(clock())


# ---- events -------------------------------------------------------------------------------------


def test_deliveries_count_by_version_and_outcome(statistics: Statistics) -> None:
    for outcome in (Outcome.ACK, Outcome.ACK, Outcome.REJECT):
        statistics.observe(delivered(outcome))
    canary = statistics.route("orders").versions["canary"]
    counts = {outcome.value: meter.count for outcome, meter in canary.outcomes.items()}
    assert counts == {"ack": 2, "retry": 0, "reject": 1, "fallback": 0}
    assert "stable" not in statistics.route("orders").versions


def test_decisions_count_by_version_and_those_for_none_do_not(statistics: Statistics) -> None:
    for version in (STABLE, STABLE, CANARY):
        statistics.observe(decided(version))
    statistics.observe(decided(None, Reason.UNKNOWN_VERSION))
    versions = statistics.route("orders").versions
    assert {name: each.decisions for name, each in versions.items()} == {"stable": 2, "canary": 1}


def test_decisions_count_anew_once_the_weights_have_moved(statistics: Statistics) -> None:
    statistics.observe(decided(CANARY))
    held = Entry(1.0, "ann", "pause", 5, 5, "lunch")
    statistics.observe(RolloutChanged("orders", held))
    assert statistics.route("orders").versions["canary"].decisions == 1
    statistics.observe(RolloutChanged("orders", Entry(1.0, "ann", "abort", 5, 0, "smoke")))
    assert statistics.route("orders").versions["canary"].decisions == 0


def test_received_messages_count(statistics: Statistics) -> None:
    statistics.observe(Received("orders", 10))
    statistics.observe(Received("orders", 0))
    assert statistics.route("orders").received.count == 10


def test_a_versions_last_error_is_the_last_result_but_an_ack(statistics: Statistics) -> None:
    statistics.observe(delivered(Outcome.RETRY, Responded(500)))
    statistics.observe(delivered(Outcome.REJECT, Responded(400)))
    statistics.observe(delivered(Outcome.ACK))
    statistics.observe(delivered(Outcome.ACK, version="stable"))
    versions = statistics.route("orders").versions
    assert versions["canary"].last_error == (Responded(400), 1_800_000_000.0)
    assert versions["stable"].last_error is None


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ReceiveFailed("orders", "no answer"), "receive: no answer"),
        (SettlementFailed("orders", Action.DELETE, "throttled"), "delete: throttled"),
        (DeliveryCrashed("orders", "m", KeyError("x")), "delivery crashed: KeyError('x')"),
        (PhaseChanged("orders", Phase.FAILED, "no such queue"), "no such queue"),
    ],
)
def test_a_routes_last_error_is_about_its_queue_or_ourselves(
    statistics: Statistics, event: Event, text: str
) -> None:
    statistics.observe(event)
    assert statistics.route("orders").last_error == (text, 1_800_000_000.0)


@pytest.mark.parametrize(
    "event",
    [
        PhaseChanged("orders", Phase.POLLING),
        Settled("orders", Action.DELETE),
        AttributesDropped("orders", "m", ("a",)),
        delivered(Outcome.RETRY),
    ],
)
def test_all_else_is_no_error_of_the_route(statistics: Statistics, event: Event) -> None:
    statistics.observe(event)
    assert statistics.route("orders").last_error is None


def test_problems_stay_until_a_routing_file_is_accepted(statistics: Statistics) -> None:
    statistics.observe(ReloadFailed(1, ("a", "b")))
    assert statistics.problems == ("a", "b")
    statistics.observe(Reloaded(2))
    assert statistics.problems == ()


# ---- the routing table in force -----------------------------------------------------------------


def test_shares_start_anew_when_the_route_changes_and_counts_do_not(statistics: Statistics) -> None:
    statistics.observe(decided(CANARY))
    statistics.observe(delivered())
    statistics.observe(TableInForce(table(route({"stable": 50, "canary": 50})), 2))
    canary = statistics.route("orders").versions["canary"]
    assert (canary.decisions, canary.outcomes[Outcome.ACK].count) == (0, 1)


def test_shares_go_on_when_only_another_route_changes(statistics: Statistics) -> None:
    statistics.observe(decided(CANARY))
    statistics.observe(TableInForce(table(*table().routes, route(name="payments")), 2))
    assert statistics.route("orders").versions["canary"].decisions == 1


def test_what_a_table_has_no_more_is_forgotten(statistics: Statistics) -> None:
    statistics.observe(Received("gone", 5))
    statistics.observe(delivered())
    statistics.observe(TableInForce(table(route(versions=(STABLE, THIRD))), 2))
    assert statistics.route("gone").received.count == 0
    assert statistics.route("orders").versions == {}
