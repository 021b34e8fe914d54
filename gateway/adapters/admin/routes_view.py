"""The answer of `GET /api/routes`, as plain values ready for JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.adapters.telemetry.metrics import split_weights
from gateway.adapters.telemetry.statistics import VersionStatistics
from gateway.core.delivery.disposition import describe
from gateway.core.events import Outcome

if TYPE_CHECKING:
    from gateway.adapters.telemetry.statistics import RouteStatistics, Statistics
    from gateway.core.routing.version import Version
    from gateway.ports import Control, RouteView

MAX_ERROR_CHARS: Final = 500


def routes_json(control: Control, statistics: Statistics) -> dict[str, Any]:
    """Return the whole answer.

    ::

        {"generation": 3,
         "config": {"last_reload_successful": true, "problems": []},
         "routes": [{
           "name": "orders", "queue": "orders", "phase": "polling", "why": "",
           "in_flight": 7, "waiting": 0, "max_in_flight": 200, "messages_received": 1200,
           "rates": {"received_per_second": 20.0, "ack_per_second": 19.8, "retry_per_second": 0.2,
                     "reject_per_second": 0.0, "fallback_per_second": 0.0},
           "last_error": null,
           "versions": [{
             "name": "canary", "tag": "v2", "stable": false, "url": "http://b1.shop:8080/events",
             "weight": 10, "share_configured": 0.1, "share_observed": 0.098, "decisions": 1198,
             "in_flight": 1, "max_in_flight": 100,
             "deliveries": {"ack": 110, "retry": 2, "reject": 0, "fallback": 0},
             "rate_per_second": 2.1,
             "last_error": {"text": "status 500", "time": "2026-07-30T12:00:00.000Z"}}]}]}

    Rates are over the last minute; deliveries count since the start of the process; decisions
    and `share_observed` (all reasons, null before the first decision) since the route last
    changed. A route's `waiting` messages are those whose version is at its own limit. A
    `last_error` is null until there is one; it stays after a recovery, so look at its time.
    A version's headers are never shown, and its URL without userinfo, query and fragment.
    """
    now = statistics.clock()
    return {
        "generation": control.generation,
        "config": {
            "last_reload_successful": not statistics.problems,
            "problems": list(statistics.problems),
        },
        "routes": [
            _route(view, statistics.route(view.route.name), now) for view in control.routes()
        ],
    }


def _route(view: RouteView, statistics: RouteStatistics, now: float) -> dict[str, Any]:
    route = view.route
    return {
        "name": route.name,
        "queue": route.queue.text,
        "phase": view.phase.phase.value,
        "why": view.phase.why,
        "in_flight": view.in_flight,
        "waiting": view.waiting,
        "max_in_flight": route.max_in_flight,
        "messages_received": statistics.received.count,
        "rates": _rates(statistics, now),
        "last_error": _error(statistics.last_error),
        "versions": [_version(view, version, statistics, now) for version in route.versions],
    }


def _rates(statistics: RouteStatistics, now: float) -> dict[str, float]:
    rates = {"received_per_second": statistics.received.per_second(now)}
    for outcome in Outcome:
        meters = [version.outcomes[outcome] for version in statistics.versions.values()]
        rates[f"{outcome}_per_second"] = sum(meter.per_second(now) for meter in meters)
    return {name: round(rate, 3) for name, rate in rates.items()}


def _version(
    view: RouteView, version: Version, statistics: RouteStatistics, now: float
) -> dict[str, Any]:
    counted = statistics.versions.get(version.name) or VersionStatistics(now)
    meters, error = counted.outcomes, counted.last_error
    return {
        "name": version.name,
        "tag": version.tag,
        "stable": version.name == view.route.stable.name,
        "url": bare_url(version.url),
        **_shares(view, version, statistics),
        "decisions": counted.decisions,
        "in_flight": view.in_flight_by_version.get(version.name, 0),
        "max_in_flight": version.max_in_flight,
        "deliveries": {outcome.value: meter.count for outcome, meter in meters.items()},
        "rate_per_second": round(sum(meter.per_second(now) for meter in meters.values()), 3),
        "last_error": _error(error and (describe(error[0]), error[1])),
    }


def _shares(
    view: RouteView, version: Version, statistics: RouteStatistics
) -> dict[str, float | None]:
    weights = split_weights(view.route)
    # Of the route's versions alone: one that was removed may still report what it had in hand.
    decisions = {
        name: statistics.versions[name].decisions for name in weights if name in statistics.versions
    }
    return {
        "weight": weights[version.name],
        "share_configured": _fraction(weights, version),
        "share_observed": _fraction(decisions, version),
    }


def _fraction(amounts: dict[str, int], version: Version) -> float | None:
    """Return the version's part of the whole, 0..1; None where the whole is 0."""
    whole = sum(amounts.values())
    return round(amounts.get(version.name, 0) / whole, 4) if whole else None


def bare_url(url: str) -> str:
    """Return a URL without what may be secret in it: userinfo, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _error(error: tuple[str, float] | None) -> dict[str, str] | None:
    if error is None:
        return None
    text, seconds = error
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return {"text": text[:MAX_ERROR_CHARS], "time": moment.replace("+00:00", "Z")}
