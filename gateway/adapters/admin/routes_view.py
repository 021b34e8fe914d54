"""The response of `GET /api/routes`, as plain values ready for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.adapters.admin.json_bodies import MAX_ERROR_CHARS, iso_time
from gateway.adapters.admin.rollout_view import rollout_summary
from gateway.core.events import Outcome
from gateway.ports import VersionMeasurements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.core.routing.mirror import Mirror
    from gateway.core.routing.version import Version
    from gateway.follow_port import FollowView
    from gateway.ports import Measurements, RouteMeasurements, RouteView
    from gateway.rollout_port import RolloutView

_NOTHING_MEASURED: Final = VersionMeasurements()


def routes_view(
    views: Iterable[RouteView],
    generation: int,
    measurements: Measurements,
    rollouts: Iterable[RolloutView],
    follows: Iterable[FollowView] = (),
) -> dict[str, Any]:
    """Return the whole response.

    ::

        {"generation": 3,
         "config": {"last_reload_successful": true, "problems": []},
         "state": {"problems": []},
         "routes": [{
           "name": "orders", "queue": "orders", "phase": "polling", "why": "",
           "redrive": {"queue": "orders-dead", "max_receives": 5},
           "in_flight": 7, "waiting": 0, "max_in_flight": 200, "messages_received": 1200,
           "rates": {"received_per_second": 20.0, "ack_per_second": 19.8, "retry_per_second": 0.2,
                     "reject_per_second": 0.0, "fallback_per_second": 0.0},
           "last_error": null,
           "mirror": {"to": "canary", "percent": 5.0, "max_in_flight": 20},
           "rollout": {"phase": "progressing", "step": 1, "verdict": "wait",
                       "reason": "132 of 200 messages"},
           "override": null,
           "follow": {"object": "VirtualService shop/b", "host": "b", "read": true,
                      "found": true, "valid": true, "problem": "", "not_applied": "",
                      "since": "2026-07-30T12:00:00.000Z", "synced": "2026-07-30T12:04:00.000Z",
                      "unmapped": 0, "unmapped_share": 0.0, "unroutable": 0,
                      "destinations": {"b-canary.shop.svc.cluster.local": "canary"},
                      "destinations_left_out": 0,
                      "not_obeyed": ["timeout is not obeyed"]},
           "versions": [{
             "name": "canary", "tag": "v2", "stable": false, "url": "http://b1.shop:8080/events",
             "weight": 10, "share_configured": 0.1, "share_observed": 0.098, "decisions": 1198,
             "in_flight": 1, "max_in_flight": 100,
             "deliveries": {"ack": 110, "retry": 2, "reject": 0, "fallback": 0},
             "rate_per_second": 2.1,
             "last_error": {"text": "status 500", "time": "2026-07-30T12:00:00.000Z"}}]}]}

    `redrive` is null where the queue has no redrive policy, or is not resolved yet; `mirror` where
    the route has none, `rollout` where nothing judges the route, `override` where no weights are
    set by hand, and `follow` where the route follows nothing. `state.problems` are those of the
    state that replicas share.
    Rates are over the last minute; deliveries count since the start of the process; decisions
    and `share_observed` (all reasons, null before the first decision) since the route or its
    weights last changed. A route's `waiting` messages are those whose version is at its own limit.
    A `last_error` is null until there is one; it stays after a recovery, so look at its time.
    A version's headers are never shown, and its URL without userinfo, query and fragment. A version
    that is a queue has `queue`, as it is written in the routing file, in place of `url`; one that
    is a topic has `topic`. A route that reads a topic has that as its `queue`, and in `kafka` (else
    null) `topic`, `group`, `rebalances`, and of each of this process's partitions `topic`,
    `partition`, `behind`, `paused`, `blocked`, `oldest` (the lowest offset not settled) and
    `detours`.
    """
    problems = list(measurements.problems)
    judged = {each.route: each for each in rollouts}
    followed = {each.route: each for each in follows}
    return {
        "generation": generation,
        "config": {"last_reload_successful": not problems, "problems": problems},
        "state": {"problems": _state_problems(judged.values())},
        "routes": [
            {
                **_route(view, measurements.measure(view.route.name), judged.get(view.route.name)),
                "follow": _follow(followed.get(view.route.name)),
            }
            for view in views
        ],
    }


def _state_problems(rollouts: Iterable[RolloutView]) -> list[str]:
    return list(dict.fromkeys(problem for each in rollouts for problem in each.problems))


def _route(
    view: RouteView, measured: RouteMeasurements, rollout: RolloutView | None
) -> dict[str, Any]:
    route = view.route
    return {
        "name": route.name,
        "queue": route.queue.text,
        "phase": view.phase.phase.value,
        "why": view.phase.why,
        "redrive": None if view.redrive is None else asdict(view.redrive),
        "kafka": _kafka(view),
        "in_flight": view.in_flight,
        "waiting": view.waiting,
        "max_in_flight": view.max_in_flight,
        "messages_received": measured.received,
        "rates": _rates(measured),
        "last_error": _error(measured.last_error),
        "mirror": _mirror(route.mirror),
        "rollout": rollout_summary(rollout),
        "override": None if rollout is None or rollout.override is None else {**rollout.override},
        "versions": [_version(view, version, measured) for version in route.versions],
    }


def _follow(view: FollowView | None) -> dict[str, Any] | None:
    if view is None:
        return None
    return {
        "object": view.object,
        "host": view.host,
        "read": view.read,
        "found": view.found,
        "valid": view.valid,
        "problem": view.problem,
        "not_applied": view.not_applied,
        "since": None if view.since is None else iso_time(view.since),
        "synced": None if view.synced_at is None else iso_time(view.synced_at),
        "unmapped": view.unmapped,
        "unmapped_share": round(view.unmapped_share, 4),
        "unroutable": view.unroutable,
        "destinations": {**view.destinations},
        "destinations_left_out": view.destinations_left_out,
        "not_obeyed": list(view.notes),
    }


def _mirror(mirror: Mirror | None) -> dict[str, Any] | None:
    if mirror is None:
        return None
    return {
        "to": mirror.to.name,
        "percent": mirror.percent,
        "max_in_flight": mirror.max_in_flight,
    }


def _rates(measured: RouteMeasurements) -> dict[str, float]:
    rates = {"received_per_second": measured.received_per_second}
    for outcome in Outcome:
        versions = measured.versions.values()
        rates[f"{outcome}_per_second"] = sum(each.per_second.get(outcome, 0.0) for each in versions)
    return {name: round(rate, 3) for name, rate in rates.items()}


def _version(view: RouteView, version: Version, route: RouteMeasurements) -> dict[str, Any]:
    measured = route.versions.get(version.name, _NOTHING_MEASURED)
    return {
        "name": version.name,
        "tag": version.tag,
        "stable": version.name == view.route.stable.name,
        **_place(version),
        **_shares(view, version, route),
        "decisions": measured.decisions,
        "in_flight": view.in_flight_by_version.get(version.name, 0),
        "max_in_flight": view.max_in_flight_by_version.get(version.name, version.max_in_flight),
        "deliveries": {outcome.value: measured.deliveries.get(outcome, 0) for outcome in Outcome},
        "rate_per_second": round(float(sum(measured.per_second.values())), 3),
        "last_error": _error(measured.last_error),
    }


def _kafka(view: RouteView) -> dict[str, Any] | None:
    plan = view.route.kafka
    if plan is None:
        return None
    return {
        "topic": plan.topic.name,
        "group": plan.group,
        "rebalances": view.rebalances,
        "partitions": [each._asdict() for each in view.partitions or ()],
    }


def _place(version: Version) -> dict[str, str]:
    if version.topic is not None:
        return {"topic": version.topic.name}
    if version.queue is not None:
        return {"queue": version.queue.text}
    return {"url": bare_url(version.url)}


def _shares(
    view: RouteView, version: Version, measured: RouteMeasurements
) -> dict[str, float | None]:
    weights = view.route.split_weights()
    # Only versions of the route: a removed one may still report messages that were in flight.
    decisions = {
        name: measured.versions[name].decisions for name in weights if name in measured.versions
    }
    return {
        "weight": weights[version.name],
        "share_configured": _fraction(weights, version),
        "share_observed": _fraction(decisions, version),
    }


def _fraction(amounts: dict[str, int], version: Version) -> float | None:
    """Return the version's part of all amounts, 0..1; None where they add up to 0."""
    whole = sum(amounts.values())
    return round(amounts.get(version.name, 0) / whole, 4) if whole else None


def bare_url(url: str) -> str:
    """Return a URL without the parts that may be secret: userinfo, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _error(error: tuple[str, float] | None) -> dict[str, str | None] | None:
    if error is None:
        return None
    text, seconds = error
    return {"text": text[:MAX_ERROR_CHARS], "time": iso_time(seconds)}
