"""Compiles the routes of a followed object to entries: what has to hold, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.routing.decision import Reason
from gateway.core.routing.mesh.destinations import shares
from gateway.core.routing.mesh.matching import HeaderTest, header_tests, is_for
from gateway.core.routing.mesh.outcomes import Copy, Outcome

if TYPE_CHECKING:
    from gateway.core.routing.mesh.destinations import DestinationMap, FollowingVersions
    from gateway.core.routing.mesh.follow import Follow
    from gateway.core.routing.mesh.values import FollowedObject, MeshRoute

Entry = tuple[tuple[HeaderTest, ...], Outcome]
"""One match of a route: all tests have to hold. Without any it always does."""


class EntryCompiler:
    """Compiles the routes of one object for one route that follows it."""

    def __init__(self, follow: Follow, following: FollowingVersions, known: DestinationMap) -> None:
        self._follow = follow
        self._following = following
        self._known = known

    def entries(self, seen: FollowedObject, host: str) -> tuple[Entry, ...]:
        """Return each match that may hold, with what follows; one that always does ends them."""
        found: list[Entry] = []
        for route in seen.routes:
            if route.blocked or route.delegate is not None:
                continue
            outcome = self._outcome(route)
            if not route.matches:
                return (*found, ((), outcome))
            for match in route.matches:
                if not is_for(match, self._follow, seen.namespace):
                    continue
                tests = header_tests(match, self._follow, host)
                if tests is not None:
                    found.append((tests, outcome))
                    if not tests:
                        return tuple(found)
        return tuple(found)

    def destinations(self, seen: FollowedObject) -> dict[tuple[str, str], str | None]:
        """Return every destination of the object with its version's name."""
        found: dict[tuple[str, str], str | None] = {}
        for route in seen.routes:
            for each in route.destinations:
                version = self._known.version(each)
                found[each.host, each.subset] = None if version is None else version.name
        return found

    def _outcome(self, route: MeshRoute) -> Outcome:
        end = route.ends
        reason = Reason.SPLIT if route.matchless and not end else Reason.RULE
        rule = None if reason is Reason.SPLIT else route.name
        found = shares(() if end else route.destinations, self._known, self._following)
        alone = {} if found.only is None else {found.only.name: 1}
        share = found.split or self._following.split(alone)
        return Outcome(found, share, reason, rule, self._copies(route), end)

    def _copies(self, route: MeshRoute) -> tuple[Copy, ...]:
        if not self._follow.mirror:
            return ()
        each_to = [(self._known.version(each.destination), each.percent) for each in route.mirrors]
        by_name: dict[str, Copy] = {}  # at most one for each version, however many mirrors
        for to, percent in each_to:
            if to and to.url and percent > 0 and to.name != self._following.stable.name:
                before = by_name[to.name].percent if to.name in by_name else 0.0
                by_name[to.name] = Copy(to, before + percent)
        return tuple(by_name.values())
