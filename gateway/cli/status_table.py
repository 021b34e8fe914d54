"""The table of `gateway status`, from what the admin port says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.cli.follow_words import follow_problem, followed
from gateway.cli.rollout_words import ABORTED, PROMOTED, number, ratio, step_in
from gateway.cli.table import Cell, Column, table
from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.cli.table import Paint

    Route = Mapping[str, Any]
    """A route of `GET /api/routes`, with the rollout's own resource as its `rollout`."""

POLLING: Final = "polling"
OUTCOMES: Final = ("ack", "retry", "reject", "fallback")
COLUMNS: Final = (
    Column("ROUTE"),
    Column("PHASE"),
    Column("STEP", expendable=2),
    Column("WEIGHT SET/SEEN"),
    Column("RATE", right=True, expendable=3),
    Column("FAILED", right=True, expendable=1),
    Column("IN FLIGHT", right=True, expendable=4),
    Column("FOLLOWS", expendable=1),
    Column("REASON"),
)
FOLLOWS: Final = 7
"""The place of a column that is there where a route follows an object."""
STYLES: Final = {ABORTED: "bad", PROMOTED: "good", "paused": "attention"}


def status_lines(status: Mapping[str, Any], width: int | None, paint: Paint) -> list[str]:
    """Return the table, and below it the problems of the routing file and of rollouts."""
    routes = status["routes"]
    if not routes:
        return ["no routes", *_problems(status)]
    rows = [_row(route) for route in routes]
    columns = list(COLUMNS)
    if not any(route.get("follow") for route in routes):
        del columns[FOLLOWS]
        rows = [[*row[:FOLLOWS], *row[FOLLOWS + 1 :]] for row in rows]
    return [*table(columns, rows, width, paint), *_problems(status)]


def _row(route: Route) -> list[Cell]:
    rollout = route["rollout"]
    texts = [
        route["name"],
        "",
        step_in(rollout) if rollout else "",
        _weights(route),
        f"{number(route['rates']['received_per_second'])}/s",
        _failed(route["rates"]),
        f"{route['in_flight']:,}/{route['max_in_flight']:,}",
        "",
        _reason(route),
    ]
    cells = [Cell(printable(text) or "-") for text in texts]
    cells[1] = _phase(route)
    cells[FOLLOWS] = followed(route)
    return cells


def _phase(route: Route) -> Cell:
    """Return the phase of the rollout, and of a route that is not polled its own."""
    if route["phase"] != POLLING:
        return Cell(printable(route["phase"]), "bad" if route["phase"] == "failed" else "attention")
    phase = printable(route["rollout"]["phase"]) if route["rollout"] else "-"
    return Cell(phase, STYLES.get(phase, ""))


def _reason(route: Route) -> str:
    if route["phase"] != POLLING and route["why"]:
        return str(route["why"])
    rollout, topic = route["rollout"], _of_topic(route)
    if not rollout:
        return topic
    by_hand = "weights set by hand" if rollout["override"] else ""
    reason = "" if rollout["phase"] == "none" and by_hand else str(rollout["reason"])
    return "; ".join(each for each in (topic, by_hand, reason) if each)


def _of_topic(route: Route) -> str:
    """Return how far behind a route is that reads a topic, and what does not go on in it."""
    kafka = route.get("kafka")
    if not kafka:
        return ""
    partitions = kafka["partitions"]
    if not partitions:
        error = route.get("last_error")
        return f"no partitions: {error['text']}" if error else "no partitions"
    stopped = ((sum(bool(each[key]) for each in partitions), key) for key in ("paused", "blocked"))
    said = [f"{many} {key}" for many, key in stopped if many]
    behind = sum(each["behind"] for each in partitions)
    if not partitions:
        return "no partition assigned"
    of = f"{len(partitions)} partition{'' if len(partitions) == 1 else 's'}"
    return ", ".join([f"{behind:,} behind in {of}", *said])


def _weights(route: Route) -> str:
    """Return each weight but stable's in per cent, set and seen: `5/4.8`.

    With several the names stand before them; a route of one version has none.
    """
    others = [version for version in route["versions"] if not version["stable"]]
    weights = _set_weights(route)
    texts = []
    for version in others:
        seen = version["share_observed"]
        pair = f"{_percent(weights[version['name']])}/{'-' if seen is None else number(100 * seen)}"
        texts.append(pair if len(others) == 1 else f"{version['name']} {pair}")
    return f"{', '.join(texts)} %" if texts else ""


def _set_weights(route: Route) -> dict[str, float | None]:
    """Return the weights in force; those of the file where the API has none by rollout."""
    shares = {each["name"]: each["share_configured"] for each in route["versions"]}
    by_file = {name: None if share is None else 100 * share for name, share in shares.items()}
    in_force = route["rollout"]["weights"] if route["rollout"] else {}
    return {**by_file, **in_force}


def _percent(weight: float | None) -> str:
    return "-" if weight is None else number(weight)


def _failed(rates: Mapping[str, float]) -> str:
    """Return the part of the last minute's deliveries that were not acked."""
    ended = {outcome: rates[f"{outcome}_per_second"] for outcome in OUTCOMES}
    whole = sum(ended.values())
    return ratio(whole - ended["ack"], whole)


def _problems(status: Mapping[str, Any]) -> list[str]:
    """Return the problems of the file and the state, and those that a route alone has."""
    shared = status.get("state", {}).get("problems", [])
    found = [f"routing file: {each}" for each in status["config"]["problems"]]
    found += [f"state: {each}" for each in shared]
    for route in status["routes"]:
        own = route["rollout"]["problems"] if route["rollout"] else []
        own = [*(each for each in own if each not in shared), follow_problem(route)]
        found += [f"{route['name']}: {each}" for each in own if each]
    return [printable(each) for each in found]
