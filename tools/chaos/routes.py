"""The routes of the bench, one of each kind; those that have nothing but services are mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

CANARY: Final = "chaos-canary"
REJECTS: Final = "chaos-rejects"
GROUPS: Final = "chaos-groups.fifo"
QUEUES: Final = "chaos-queues"
LANES: Final = "chaos-lanes.fifo"
MIXED: Final = "chaos-mixed"
ENVELOPES: Final = "chaos-envelopes"
SENDERS: Final = "chaos-senders"
SOURCES: Final = (CANARY, REJECTS, GROUPS, QUEUES, LANES, MIXED, ENVELOPES, SENDERS)
NAMES: Final = {queue: queue.removeprefix("chaos-").removesuffix(".fifo") for queue in SOURCES}

CANARY_DEAD: Final = "chaos-canary-dead"
"""Where SQS itself moves messages; to the others the gateway sends copies."""
COPIES: Final = {
    REJECTS: "chaos-rejects-dead",
    GROUPS: "chaos-groups-dead.fifo",
    MIXED: "chaos-mixed-dead",
    ENVELOPES: "chaos-envelopes-dead",
    SENDERS: "chaos-senders-dead",
}
"""The dead-letter queues that the gateway sends to, by source."""

TIMEOUT_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 5
MAX_RECEIVES: Final = 8
"""Of the canary's queue: then SQS itself moves a message to its dead-letter queue."""
MAX_DEPTH: Final = 15
"""Of the mixed route's canary: a queue that nobody reads, and that is purged now and then."""

STABLE_TAG: Final = "v1"
CANARY_TAG: Final = "v2"
MIRROR: Final = "mirror"
"""The version that gets copies alone, under the same faults as the others."""

_MIRRORED: Final = (CANARY, REJECTS, GROUPS)
PINNED: Final = (ENVELOPES, SENDERS)
"""Where no other version than the one that a message names may ever get it: no fallback."""


class VersionQueue(NamedTuple):
    """The queue of a version. `place` is ROUTE-VERSION, as services are called."""

    name: str
    source: str
    place: str


def _version_queue(source: str, version: str) -> VersionQueue:
    ending = ".fifo" if source.endswith(".fifo") else ""
    place = f"{NAMES[source]}-{version}"
    return VersionQueue(f"chaos-{place}{ending}", source, place)


FULL: Final = _version_queue(MIXED, "canary")
VERSION_QUEUES: Final = (
    *(_version_queue(source, each) for source in (QUEUES, LANES) for each in ("stable", "canary")),
    FULL,
)

Weights = dict[str, int]
"""The canary's share of each route in percent, by the route's name."""
WEIGHTS: Final[Weights] = {
    **dict.fromkeys(NAMES.values(), 30),
    NAMES[CANARY]: 20,
    NAMES[REJECTS]: 10,
}


def service_names() -> list[str]:
    """Return what the services are called: ROUTE-VERSION."""
    queues = {each.place for each in VERSION_QUEUES}
    places = [place_of(queue, each) for queue in SOURCES for each in ("stable", "canary")]
    services = [place for place in places if place not in queues]
    return [*services, *(place_of(queue, MIRROR) for queue in _MIRRORED)]


def place_of(queue: str, version: str) -> str:
    """Return what the service or queue of a version is called in the records."""
    return f"{NAMES[queue]}-{version}"


def gets_copies(service: str) -> bool:
    """Whether a service gets nothing but copies, which are no deliveries."""
    return service.endswith(f"-{MIRROR}")


def routing(urls: Mapping[str, str], weights: Weights) -> dict[str, Any]:
    """Return the routing file; `urls` are the services' by name."""
    return {"routes": [_route(queue, urls, weights[NAMES[queue]]) for queue in SOURCES]}


def _route(queue: str, urls: Mapping[str, str], weight: int) -> dict[str, Any]:
    queues = {each.place: each.name for each in VERSION_QUEUES}

    def version(which: str, tag: str) -> dict[str, Any]:
        place = place_of(queue, which)
        target = {"queue": queues[place]} if place in queues else {"url": urls[place]}
        depth = {"max_depth": MAX_DEPTH} if place == FULL.place else {}
        return {**target, **depth, "tag": tag, "timeout": f"{TIMEOUT_SECONDS:g}s"}

    route: dict[str, Any] = {
        "name": NAMES[queue],
        "queue": queue,
        "wait": "1s",
        "visibility": f"{LEASE_SECONDS}s",
        "max_in_flight": 100,
        "versions": {
            "stable": version("stable", STABLE_TAG),
            "canary": version("canary", CANARY_TAG),
        },
        "split": {"stable": 100 - weight, "canary": weight},
        "retry": {"min": "1s", "max": "2s" if queue == CANARY else "3s"},
    }
    if queue in COPIES:
        route["reject"] = COPIES[queue]
    if queue in _MIRRORED:
        route["versions"][MIRROR] = version(MIRROR, "v3")
        route["mirror"] = {"to": MIRROR, "percent": 50, "max_in_flight": 10, "timeout": "1s"}
    if queue in PINNED:
        route["fallback"] = "off"
    if queue == ENVELOPES:
        route |= {"unwrap": "sns", "deliver": "message"}
    return route
