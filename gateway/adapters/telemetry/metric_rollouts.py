"""Rollouts, and what is followed, as values of metrics, read at a scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.adapters.telemetry import metric_definitions as names
from gateway.core.rollout.judge import Verdict
from gateway.core.rollout.state import RolloutPhase
from gateway.rollout_port import RolloutView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.adapters.telemetry.metric_definitions import Labels, MetricDefinition
    from gateway.core.routing.route import RoutingTable
    from gateway.follow_port import FollowView

    Sample = tuple[MetricDefinition, Labels, float]

VERDICTS: Final = {Verdict.PASS: 1, Verdict.WAIT: 0, Verdict.ABORT: -1}


def samples_of_table(table: RoutingTable) -> Iterator[Sample]:
    """Yield what holds by the routing table alone, where nothing is judged or set by hand."""
    for route in table.routes:
        yield from _samples_of(RolloutView(route.name, RolloutPhase.NONE))
        for version, weight in route.split_weights().items():
            yield names.WEIGHT, (route.name, version), weight


def samples_of_follows(views: Sequence[FollowView]) -> Iterator[Sample]:
    """Yield what is known of what routes follow."""
    for view in views:
        route = (view.route,)
        yield names.FOLLOW_VALID, route, view.valid
        yield names.FOLLOW_UNMAPPED, route, view.unmapped
        yield names.FOLLOW_UNROUTABLE, route, view.unroutable
        if view.synced_at is not None:
            yield names.FOLLOW_SYNCED, route, view.synced_at


def samples_of_rollouts(
    views: Sequence[RolloutView], follows: Sequence[FollowView] = ()
) -> Iterator[Sample]:
    """Yield what holds by the rollouts.

    Weights are those in force where a rollout, a person or something followed may move them, else
    the table's stay.
    """
    moved = {view.route for view in follows}
    yield names.STATE_IN_TROUBLE, (), any(view.problems for view in views)
    for view in views:
        yield from _samples_of(view)
        if view.plan is None and view.override is None and view.route not in moved:
            continue
        for version, weight in view.weights.items():
            yield names.WEIGHT, (view.route, version), weight


def _samples_of(view: RolloutView) -> Iterator[Sample]:
    for phase in RolloutPhase:
        yield names.ROLLOUT_PHASE, (view.route, phase), phase is view.phase
    yield names.ROLLOUT_STEP, (view.route,), view.step
    yield names.ROLLOUT_VERDICT, (view.route,), VERDICTS[view.verdict]
    yield names.WEIGHT_OVERRIDE, (view.route,), view.override is not None
