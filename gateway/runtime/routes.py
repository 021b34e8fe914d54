"""What a new routing table changes: build, then swap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.routing.route import Route, RoutingTable


@dataclass(frozen=True, slots=True)
class Plan:
    """Routes to start, to stop, to swap in place, and to replace because their queue differs."""

    start: tuple[Route, ...]
    swap: tuple[Route, ...]
    replace: tuple[Route, ...]
    stop: tuple[str, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the routes that differ and stay."""
        return tuple(route.name for route in (*self.swap, *self.replace))


def plan(running: Mapping[str, Route], table: RoutingTable) -> Plan:
    """Compare what runs with a new table; routes that are alike are left alone.

    Compiled parts of two tables are never the same objects, so the comparison is by value.
    """
    names = {route.name for route in table.routes}
    known = [route for route in table.routes if route.name in running]
    changed = [route for route in known if route != running[route.name]]
    return Plan(
        start=tuple(route for route in table.routes if route.name not in running),
        swap=tuple(r for r in changed if _receiving(r) == _receiving(running[r.name])),
        replace=tuple(r for r in changed if _receiving(r) != _receiving(running[r.name])),
        stop=tuple(name for name in running if name not in names),
    )


def _receiving(route: Route) -> tuple[object, ...]:
    """Return what a poll under way was begun with, and so cannot be changed in place."""
    return route.queue, route.dead_letter, route.wait_seconds, route.visibility_seconds
