"""The label values that each metric has under a routing table: no message adds one."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from gateway.adapters.telemetry import metric_definitions as names
from gateway.core import events
from gateway.core.rollout.judge import RollbackCause
from gateway.core.rollout.state import RolloutPhase
from gateway.core.routing.decision import DECISION_REASONS, Reason
from gateway.core.routing.route import UnknownVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.adapters.telemetry.metric_definitions import Labels, MetricDefinition
    from gateway.core.routing.route import Route, RoutingTable
    from gateway.core.routing.version import Version

_RESULTS: Final = ("messages", "empty", "error")


def series_of(table: RoutingTable) -> dict[MetricDefinition, list[Labels]]:
    """Return the label values that each metric has under a routing table."""
    routes: list[Labels] = [(route.name,) for route in table.routes]
    versions: list[Labels] = [
        (route.name, version.name) for route in table.routes for version in route.versions
    ]
    mirrors: list[Labels] = [
        (route.name, version.name)
        for route in table.routes
        for version in route.versions
        if _may_mirror(route, version)
    ]
    queues: list[Labels] = [
        (route.name, version.name)
        for route in table.routes
        for version in route.versions
        if version.queue is not None
    ]
    limited: list[Labels] = [
        (route.name, version.name)
        for route in table.routes
        for version in route.versions
        if version.max_depth is not None
    ]
    follows: list[Labels] = [(route.name,) for route in table.routes if route.follow is not None]
    undecided: list[Labels] = [
        (route.name, "", Reason.UNKNOWN_VERSION)
        for route in table.routes
        if route.unknown_version is UnknownVersion.RETRY
    ]
    return {
        names.RECEIVED: routes,
        names.UNREADABLE: routes,
        names.RECEIVES: _each(routes, _RESULTS),
        names.DECISIONS: _each(versions, DECISION_REASONS) + undecided,
        names.DELIVERIES: _each(versions, events.Outcome),
        names.MIRRORED: _each(mirrors, events.CopyOutcome),
        names.DURATION: versions,
        names.AGE: versions,
        names.FORWARD_UNSTAMPED: queues,
        names.QUEUE_DEPTH: limited,
        names.QUEUE_MAX_DEPTH: limited,
        names.IN_FLIGHT: routes,
        names.MAX_IN_FLIGHT: routes,
        names.DELIVERIES_IN_FLIGHT: versions,
        names.SETTLEMENTS: _each(routes, events.Action),
        names.SETTLEMENT_FAILURES: _each(routes, events.Action),
        names.WEIGHT: versions,
        names.STABLE: versions,
        names.ROLLOUT_PHASE: _each(routes, RolloutPhase),
        names.ROLLOUT_STEP: routes,
        names.ROLLOUT_VERDICT: routes,
        names.ROLLBACKS: _each(routes, RollbackCause),
        names.WEIGHT_OVERRIDE: routes,
        names.FOLLOW_VALID: follows,
        names.FOLLOW_SYNCED: follows,
        names.FOLLOW_UNMAPPED: follows,
        names.FOLLOW_UNROUTABLE: follows,
    }


def _may_mirror(route: Route, version: Version) -> bool:
    """Whether a version gets copies: by the file, or if the followed object says so."""
    if route.mirror is not None:
        return version.name == route.mirror.to.name
    follows = route.follow is not None and route.follow.follow.mirror
    return follows and bool(version.url) and version.name != route.stable.name


def _each(prefixes: Iterable[Labels], values: Iterable[str]) -> list[Labels]:
    return [(*prefix, value) for prefix, value in product(prefixes, values)]
