"""The three routes of the bench: a canary, dead letters, and message groups; all are mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CANARY: Final = "chaos-canary"
REJECTS: Final = "chaos-rejects"
GROUPS: Final = "chaos-groups.fifo"
CANARY_DEAD: Final = "chaos-canary-dead"
REJECTS_DEAD: Final = "chaos-rejects-dead"
GROUPS_DEAD: Final = "chaos-groups-dead.fifo"
SOURCES: Final = (CANARY, REJECTS, GROUPS)
DEAD: Final = (CANARY_DEAD, REJECTS_DEAD, GROUPS_DEAD)

TIMEOUT_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 5
MAX_RECEIVES: Final = 8
"""Of the canary's queue: then SQS itself moves a message to its dead-letter queue."""

MIRROR: Final = "mirror"
"""The version of each route that gets copies alone, under the same faults as the others."""

NAMES: Final = {CANARY: "canary", REJECTS: "rejects", GROUPS: "groups"}


@dataclass(frozen=True, slots=True)
class Weights:
    """The canary's share of each route, in percent."""

    canary: int = 20
    rejects: int = 10
    groups: int = 30


def service_names() -> list[str]:
    """Return what the services are called: ROUTE-VERSION."""
    versions = ("stable", "canary", MIRROR)
    return [f"{route}-{version}" for route in NAMES.values() for version in versions]


def gets_copies(service: str) -> bool:
    """Whether a service gets nothing but copies, which are no deliveries."""
    return service.endswith(f"-{MIRROR}")


def routing(urls: Mapping[str, str], weights: Weights) -> dict[str, Any]:
    """Return the routing file; `urls` are the services' by name."""
    return {
        "routes": [
            {**_route(CANARY, urls, weights.canary), "retry": {"min": "1s", "max": "2s"}},
            {**_route(REJECTS, urls, weights.rejects), "reject": REJECTS_DEAD},
            {**_route(GROUPS, urls, weights.groups), "reject": GROUPS_DEAD},
        ]
    }


def _route(queue: str, urls: Mapping[str, str], weight: int) -> dict[str, Any]:
    name = NAMES[queue]

    def version(which: str, tag: str) -> dict[str, Any]:
        url = urls[f"{name}-{which}"]
        return {"url": url, "tag": tag, "timeout": f"{TIMEOUT_SECONDS:g}s"}

    return {
        "name": name,
        "queue": queue,
        "wait": "1s",
        "visibility": f"{LEASE_SECONDS}s",
        "max_in_flight": 100,
        "versions": {
            "stable": version("stable", "v1"),
            "canary": version("canary", "v2"),
            MIRROR: version(MIRROR, "v3"),
        },
        "mirror": {"to": MIRROR, "percent": 50, "max_in_flight": 10, "timeout": "1s"},
        "split": {"stable": 100 - weight, "canary": weight},
        "retry": {"min": "1s", "max": "3s"},
    }
