"""What is followed as metrics and as lines of the log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.adapters.telemetry.log_observer import LogObserver
from gateway.adapters.telemetry.metrics import Metrics
from gateway.core.events import TableInForce
from gateway.core.rollout.state import RolloutPhase
from gateway.core.routing.mesh.events import FollowChanged
from gateway.core.routing.route import RoutingTable
from gateway.follow_port import FollowView
from gateway.rollout_port import RolloutView
from tests.builders import CANARY, STABLE, THIRD, follow_plan, route
from tests.unit.adapters.telemetry.test_metrics import Scraped

UNREAD = FollowView("orders", "VirtualService shop/b")
FOLLOWING = replace(
    UNREAD, found=True, valid=True, since=1.0, synced_at=2.5, unmapped=3, unroutable=4
)
EVENT = FollowChanged("orders", "VirtualService shop/b", found=True, valid=True)


def scraped(*views: FollowView, rollout: RolloutView | None = None) -> Scraped:
    metrics = Metrics(
        CollectorRegistry(),
        read_follows=lambda: views,
        read_rollouts=lambda: () if rollout is None else (rollout,),
    )
    versions = (STABLE, CANARY, THIRD)
    followed = route(versions=versions, follow=follow_plan(versions=versions))
    metrics.observe(TableInForce(RoutingTable((followed, route(name="other", queue="other"))), 1))
    return Scraped(metrics)


def test_a_route_that_follows_has_series_from_the_start_and_no_other_has_any() -> None:
    found = scraped(UNREAD)
    assert found.labels("gateway_follow_valid") == [{"route": "orders"}]
    assert found.value("gateway_follow_valid", route="orders") == 0
    assert found.value("gateway_follow_synced_timestamp_seconds", route="orders") is None
    assert found.value("gateway_follow_unmapped_total", route="orders") == 0


def test_what_is_known_is_shown() -> None:
    found = scraped(FOLLOWING)
    assert found.value("gateway_follow_valid", route="orders") == 1
    assert found.value("gateway_follow_synced_timestamp_seconds", route="orders") == 2.5
    assert found.value("gateway_follow_unmapped_total", route="orders") == 3
    assert found.value("gateway_follow_unroutable_total", route="orders") == 4


def test_weights_are_those_in_force_though_nothing_judges_the_route() -> None:
    weights = {"stable": 70.0, "canary": 30.0, "third": 0.0}
    view = RolloutView("orders", RolloutPhase.NONE, weights=weights)
    found = scraped(FOLLOWING, rollout=view)
    assert found.value("gateway_split_weight", route="orders", version="canary") == 30
    assert found.value("gateway_split_weight", route="other", version="stable") == 1


@pytest.mark.parametrize(
    ("event", "level", "text"),
    [
        (EVENT, "info", "followed object in force"),
        (replace(EVENT, notes=("timeout is not obeyed",)), "info", "followed object in force"),
        (replace(EVENT, valid=False, problem="x"), "warning", "followed object cannot be taken"),
        (replace(EVENT, found=False), "warning", "does not exist; stable gets all"),
        (replace(EVENT, not_applied="x"), "warning", "is not for these producers"),
    ],
)
def test_each_change_is_one_line(event: FollowChanged, level: str, text: str) -> None:
    with capture_logs() as lines:
        LogObserver().observe(event)
    (line,) = lines
    assert line["log_level"] == level
    assert text in line["event"]
    assert line["object"] == "VirtualService shop/b"
