"""What a queue's redrive policy, or the lack of one, does to a route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.events import RouteWarned
from gateway.core.routing.route import FallbackOn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.ports import Redrive

NO_POLICY: Final = (
    "queue has no redrive policy, so a rejected message comes again every retry.max, for ever",
    "give the queue a redrive policy, or set reject: to a dead-letter queue",
)


def redrive_warnings(route: Route, redrive: Redrive | None) -> Iterator[RouteWarned]:
    """Yield what deserves a warning in the log when the route starts, or changes."""
    if redrive is None:
        if route.dead_letter is None and route.kafka is None:
            yield RouteWarned(route.name, *NO_POLICY)
        return
    after = route.fallback.after_receives if route.fallback else None
    if after is not None and len(route.versions) > 1 and redrive.max_receives <= after:
        yield RouteWarned(
            route.name,
            f"queue moves a message to {redrive.queue} after {redrive.max_receives} receives,"
            f" before fallback.after_receives: {after} can send it to stable",
            f"set fallback.after_receives below {redrive.max_receives}, or raise the queue's"
            " maxReceiveCount",
        )
    for version in route.versions:
        if version.max_depth is not None and not _falls_back(route, version):
            yield RouteWarned(
                route.name,
                f"version {version.name} has max_depth and no fallback, so while its queue is full"
                f" its messages are moved to {redrive.queue} after {redrive.max_receives} receives",
                "remove max_depth: they wait in the version's queue then; or set fallback.on:"
                " [unreachable] for a version that is not stable",
            )


def _falls_back(route: Route, version: Version) -> bool:
    """Whether stable takes over, now or later, while the version is unreachable."""
    if route.fallback is None or version.name == route.stable.name:
        return False
    return FallbackOn.UNREACHABLE in route.fallback.on or route.fallback.after_receives is not None
