"""Rollouts as metrics: gauges as the verdict endpoint has them, and rollbacks counted once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from gateway.adapters.admin.rollout_view import verdict_json
from gateway.adapters.telemetry.metrics import Metrics
from gateway.core.events import RolloutChanged, StateProblems, TableInForce
from gateway.core.rollout.judge import RollbackCause, Verdict
from gateway.core.rollout.state import Entry, RolloutPhase
from tests.builders import route
from tests.fakes.rollouts import FakeRollouts, rollout_view, unjudged_view
from tests.unit.adapters.fakes import table
from tests.unit.adapters.telemetry.test_metrics import Scraped

if TYPE_CHECKING:
    from gateway.rollout_port import RolloutView

ENTRY = Entry(1.0, "the gateway", "abort", 5, 0, "canary failed 7 of 43")


@pytest.fixture
def rollouts() -> FakeRollouts:
    return FakeRollouts(rollout_view())


@pytest.fixture
def metrics(rollouts: FakeRollouts) -> Metrics:
    made = Metrics(CollectorRegistry(), read_rollouts=rollouts.views)
    made.observe(TableInForce(table(), 1))
    return made


def phases(metrics: Metrics) -> list[str]:
    """Return the phases of `orders` that are 1; the others are there and 0."""
    scraped = Scraped(metrics)
    values = {
        phase: scraped.value("gateway_rollout_phase", route="orders", phase=phase)
        for phase in RolloutPhase
    }
    assert set(values.values()) == {0.0, 1.0}
    return [phase for phase, value in values.items() if value]


def weights(metrics: Metrics) -> list[float | None]:
    scraped = Scraped(metrics)
    return [
        scraped.value("gateway_split_weight", route="orders", version=version)
        for version in ("stable", "canary")
    ]


@pytest.mark.parametrize("phase", [*RolloutPhase])
def test_one_phase_is_1_and_all_are_there(
    metrics: Metrics, rollouts: FakeRollouts, phase: RolloutPhase
) -> None:
    rollouts.seen["orders"] = rollout_view(phase=phase)
    assert phases(metrics) == [phase]


@pytest.mark.parametrize(
    "view",
    [*(rollout_view(verdict=verdict) for verdict in Verdict), unjudged_view()],
    ids=lambda view: f"{view.phase}-{view.verdict}",
)
def test_the_verdict_is_that_of_the_api(
    metrics: Metrics, rollouts: FakeRollouts, view: RolloutView
) -> None:
    rollouts.seen["orders"] = view
    value = Scraped(metrics).value("gateway_rollout_verdict", route="orders")
    assert value == verdict_json(view)["value"]


def test_the_step_and_what_is_set_by_hand_are_read_at_each_scrape(
    metrics: Metrics, rollouts: FakeRollouts
) -> None:
    scraped = Scraped(metrics)
    assert scraped.value("gateway_rollout_step", route="orders") == 1.0
    assert scraped.value("gateway_weight_override", route="orders") == 0.0
    rollouts.seen["orders"] = rollout_view(step=3, override={"canary": 20, "stable": 80})
    scraped = Scraped(metrics)
    assert scraped.value("gateway_rollout_step", route="orders") == 3.0
    assert scraped.value("gateway_weight_override", route="orders") == 1.0


def test_series_are_there_before_a_rollout_is_known_as_for_a_route_that_nothing_judges() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.observe(TableInForce(table(), 1))
    scraped = Scraped(metrics)
    assert phases(metrics) == ["none"]
    assert scraped.value("gateway_rollout_verdict", route="orders") == 1.0
    for name in ("gateway_rollout_step", "gateway_weight_override"):
        assert scraped.value(name, route="orders") == 0.0
    for cause in RollbackCause:
        assert scraped.value("gateway_rollbacks_total", route="orders", reason=cause) == 0.0
    assert scraped.value("gateway_state_in_trouble") == 0.0


def test_a_removed_route_has_no_series_and_one_that_is_not_in_the_table_gets_none(
    metrics: Metrics, rollouts: FakeRollouts
) -> None:
    rollouts.seen["draining"] = rollout_view("draining")
    assert b"draining" not in metrics.render()[0]
    metrics.observe(TableInForce(table(route(name="payments")), 2))
    assert b"orders" not in metrics.render()[0]


# ---- weights ------------------------------------------------------------------------------------


def test_the_weights_are_those_in_force(metrics: Metrics, rollouts: FakeRollouts) -> None:
    assert weights(metrics) == [95.0, 5.0]
    rollouts.seen["orders"] = rollout_view(weights={"stable": 75.0, "canary": 25.0})
    assert weights(metrics) == [75.0, 25.0]


def test_weights_of_a_route_without_a_plan_are_the_tables_until_set_by_hand(
    metrics: Metrics, rollouts: FakeRollouts
) -> None:
    metrics.observe(TableInForce(table(route({"stable": 3, "canary": 1})), 2))
    plain = unjudged_view(weights={"stable": 75.0, "canary": 25.0})
    rollouts.seen["orders"] = plain
    assert weights(metrics) == [3.0, 1.0]
    by_hand = {"stable": 60.0, "canary": 40.0}
    rollouts.seen["orders"] = unjudged_view(override={"canary": 40}, weights=by_hand)
    assert weights(metrics) == [60.0, 40.0]
    rollouts.seen["orders"] = plain
    assert weights(metrics) == [3.0, 1.0]


# ---- rollbacks and the state --------------------------------------------------------------------


@pytest.mark.parametrize("cause", list(RollbackCause))
def test_a_rollback_counts_where_it_was_made(metrics: Metrics, cause: RollbackCause) -> None:
    metrics.observe(RolloutChanged("orders", ENTRY, cause))
    metrics.observe(RolloutChanged("orders", ENTRY, cause, here=False))
    metrics.observe(RolloutChanged("orders", ENTRY))
    metrics.observe(RolloutChanged("nowhere", ENTRY, cause))
    scraped = Scraped(metrics)
    counts = {
        each: scraped.value("gateway_rollbacks_total", route="orders", reason=each)
        for each in RollbackCause
    }
    assert counts == dict.fromkeys(RollbackCause, 0.0) | {cause: 1.0}
    metrics.observe(TableInForce(table(), 2))
    labels = {"route": "orders", "reason": cause.value}
    assert Scraped(metrics).value("gateway_rollbacks_total", **labels) == 1.0


def test_a_state_in_trouble_is_1_until_all_is_well(
    metrics: Metrics, rollouts: FakeRollouts
) -> None:
    rollouts.seen["orders"] = rollout_view(problems=("the state file is torn",))
    metrics.observe(StateProblems(("the state file is torn",)))
    assert Scraped(metrics).value("gateway_state_in_trouble") == 1.0
    rollouts.seen["orders"] = rollout_view()
    assert Scraped(metrics).value("gateway_state_in_trouble") == 0.0
