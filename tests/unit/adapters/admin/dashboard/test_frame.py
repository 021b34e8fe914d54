"""What a dashboard is sent: the present, what happened within the last second, and the past."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from gateway.adapters.admin.dashboard.decisions import DecisionLog
from gateway.adapters.admin.dashboard.frame import Frames
from gateway.adapters.admin.rollout_view import rollout_json
from gateway.adapters.admin.routes_view import routes_view
from gateway.adapters.telemetry.statistics import Statistics
from gateway.core.events import Outcome, ReloadFailed, TableInForce, VersionQueueDepth
from gateway.core.routing.decision import Decision, Reason
from tests.builders import STABLE, message
from tests.fakes.follows import follow_view
from tests.fakes.rollouts import FakeRollouts, rollout_view
from tests.unit.adapters.fakes import Clock, FakeControl, delivered, table, view

if TYPE_CHECKING:
    from gateway.follow_port import FollowView


class Stage:
    """One route whose events a test emits, and a clock that it moves."""

    def __init__(self) -> None:
        self.clock = Clock(1_000_000.0)
        self.statistics = Statistics(clock=self.clock, now=self.clock)
        self.statistics.observe(TableInForce(table(), 1))
        self.rollouts = FakeRollouts(rollout_view())
        self.log = DecisionLog(self.clock)
        self.follows: list[FollowView] = []
        self.control = control = FakeControl([view(table().routes[0], in_flight=3)], generation=4)
        self.frames = Frames(
            control,
            control,
            self.statistics,
            self.rollouts,
            lambda: self.follows,
            self.log,
            now=self.clock,
        )

    def deliver(self, outcome: Outcome, times: int = 1) -> None:
        for _ in range(times):
            self.statistics.observe(delivered(outcome))

    def route(self) -> Any:
        """Return the route in the next frame, a second later."""
        self.clock.now += 1.0
        (route,) = self.frames.next()["routes"]
        return route

    def canary(self) -> Any:
        return next(each for each in self.route()["versions"] if each["name"] == "canary")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_frame_has_the_route_and_its_rollout_as_their_own_endpoints_do(stage: Stage) -> None:
    frame = stage.frames.next()
    (route,) = frame["routes"]
    assert (frame["generation"], frame["at"]) == (4, "1970-01-12T13:46:40.000Z")
    assert (route["name"], route["in_flight"]) == ("orders", 3)
    assert route["rollout"] == rollout_json(rollout_view(), "stable")


def test_a_frame_has_what_a_route_follows_as_the_api_does_and_costs_no_other_route_a_byte(
    stage: Stage,
) -> None:
    without = len(orjson.dumps(stage.route()))
    stage.follows = [follow_view(route="another")]
    assert len(orjson.dumps(stage.route())) == without
    stage.follows = [follow_view()]
    views = stage.control.views()
    said = routes_view(views, 4, stage.statistics, stage.rollouts.views(), stage.follows)
    assert stage.route()["follow"] == said["routes"][0]["follow"] is not None


def test_what_ended_since_the_last_frame_is_counted(stage: Stage) -> None:
    stage.deliver(Outcome.ACK, 5)
    assert stage.canary()["second"] == {"acked": 0, "failed": 0}  # it was before the first frame
    stage.deliver(Outcome.ACK, 3)
    stage.deliver(Outcome.RETRY)
    stage.deliver(Outcome.FALLBACK)
    assert stage.canary()["second"] == {"acked": 3, "failed": 2}
    assert stage.canary()["second"] == {"acked": 0, "failed": 0}


def test_points_come_once_and_again_while_their_span_goes_on(stage: Stage) -> None:
    stage.route()
    stage.deliver(Outcome.ACK)
    first = stage.canary()
    assert [point[:3] for point in first["fine"]] == [(1_000_000.0, 1, 0)]
    stage.clock.now += 5.0
    stage.deliver(Outcome.RETRY)
    assert [point[1:3] for point in stage.canary()["fine"]] == [(1, 0), (0, 1)]
    assert [point[1:3] for point in stage.canary()["fine"]] == [(0, 1)]
    assert [point[1:3] for point in stage.canary()["coarse"]] == [(1, 1)]


def test_the_past_has_every_point_and_the_decisions_that_were_kept(stage: Stage) -> None:
    stage.deliver(Outcome.ACK)
    stage.log.note("orders", message(message_id="m-1"), Decision(STABLE, Reason.SPLIT, None, 5))
    stage.route()
    past = stage.frames.history()["routes"]["orders"]
    assert [point[1:3] for point in past["versions"]["canary"]["fine"]] == [(1, 0)]
    assert past["decisions"] == [(1_000_000.0, "m-1", "stable", "split", None, 5)]


def test_the_depth_of_a_versions_queue_is_shown_where_it_is_known(stage: Stage) -> None:
    assert stage.canary()["depth"] is None
    stage.statistics.observe(VersionQueueDepth("orders", "canary", 12))
    assert stage.canary()["depth"] == 12


def test_problems_of_the_file_and_of_the_state_are_told_once(stage: Stage) -> None:
    stage.statistics.observe(ReloadFailed(1, ("routes.yaml:4: unknown key",)))
    torn = replace(rollout_view(), problems=("the state is torn",))
    stage.rollouts.seen = {"orders": torn, "refunds": replace(torn, route="refunds")}
    assert stage.frames.next()["problems"] == ["routes.yaml:4: unknown key", "the state is torn"]


def test_once_no_dashboard_is_open_it_begins_anew(stage: Stage) -> None:
    stage.route()
    stage.deliver(Outcome.ACK)
    stage.frames.forget()
    assert stage.canary()["second"] == {"acked": 0, "failed": 0}
