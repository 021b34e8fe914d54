"""Reads the HTTP routes of a VirtualService.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.istio_destinations import DestinationReader
from gateway.core.routing.mesh.istio_matches import MatchReader
from gateway.core.routing.mesh.istio_policies import check_policies
from gateway.core.routing.mesh.reader import Unsupported
from gateway.core.routing.mesh.string_match import Patterns
from gateway.core.routing.mesh.values import DelegateTo, MeshRoute, matchless

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.values import Destination, Match

MOST_DELEGATES: Final = 50
"""Of one object: each is a watch of its own, a connection to the API server."""

_NOT_OBEYED: Final = ("rewrite", "timeout", "retries", "fault", "corsPolicy", "headers")
_KNOWN: Final = frozenset(
    {
        *_NOT_OBEYED,
        "name", "match", "route", "redirect", "directResponse", "delegate",
        "mirror", "mirrors", "mirrorPercent", "mirrorPercentage",
    }
)  # fmt: skip


class RouteReader:
    """Reads the routes of one object.

    `delegate`: of one without hosts; `mesh`: of one that sidecars obey.
    """

    def __init__(
        self, reader: Reader, namespace: str, domain: str, *, delegate: bool, mesh: bool
    ) -> None:
        self._reader = reader
        self._namespace = namespace
        self._of_delegate = delegate
        self._to = DestinationReader(reader, namespace, domain)
        self._matches = MatchReader(reader, namespace, mesh=mesh)
        self._patterns = Patterns()
        self._delegates: set[DelegateTo] = set()

    def route(self, raw: Any, number: int) -> MeshRoute:
        """Return the route with a number, from 1; it is blocked where it cannot be obeyed."""
        place = f"spec.http[{number - 1}]"
        given = {
            key: value
            for key, value in self._reader.mapping(raw, place).items()
            if value is not None
        }
        label = self._reader.text(given.get("name"), f"{place}.name")
        name = label or f"http-{number}"
        delegate = self._delegate(given.get("delegate"), place)
        destinations = self._to.destinations(given.get("route"), place)
        ends = next((each for each in ("redirect", "directResponse") if each in given), "")
        mirrors = self._to.mirrors(given, place)
        self._check(given, place, destinations, ends)
        check_policies(self._reader, given, place, self._patterns)
        blocked = ""
        matches: tuple[Match, ...] = ()
        try:
            matches = self._matches.matches(given.get("match"), f"{place}.match")
            blocked = self._note_others(given, name, place)
            self._count(delegate)
        except Unsupported as reason:
            blocked = str(reason)
        if blocked:
            self._reader.note(f"{name} is passed over: {blocked}")
        return MeshRoute(
            name, matches, destinations, mirrors, ends, delegate, blocked, label, matchless(matches)
        )

    def _count(self, delegate: DelegateTo | None) -> None:
        """Keep a delegate; raises Unsupported for one too many."""
        if delegate is None or delegate in self._delegates:
            return
        if len(self._delegates) == MOST_DELEGATES:
            raise Unsupported(f"the object has more than {MOST_DELEGATES} delegates")
        self._delegates.add(delegate)

    def _note_others(self, given: dict[str, Any], name: str, place: str) -> str:
        """Note what is not obeyed; return why the route cannot be used, if it cannot."""
        for each in _NOT_OBEYED:
            if each in given:
                self._reader.note(f"{each} is not obeyed")
        unknown = sorted(given.keys() - _KNOWN)
        if not unknown:
            return ""
        self._reader.note(f"{name}: {', '.join(unknown)} is not known")
        acts = given.keys() & {"route", "redirect", "directResponse", "delegate"}
        return "" if acts else f"{place} has {', '.join(unknown)} and no destination"

    def _check(
        self, given: dict[str, Any], place: str, destinations: tuple[Destination, ...], ends: str
    ) -> None:
        """Check which fields exclude each other, as Istio's validateHTTPRouteConflict does."""
        invalid = self._reader.invalid
        if "delegate" in given:
            if self._of_delegate:
                invalid(place, "has a delegate, and is one itself: only a root may delegate")
            elif destinations or "redirect" in given:
                invalid(place, "has a delegate beside a route or redirect: keep one")
            return
        if "redirect" in given and "directResponse" in given:
            invalid(place, "has both redirect and directResponse: keep one")
        if ends and destinations:
            invalid(place, f"has both route and {ends}: keep one")
        for each in ("fault", "rewrite"):
            if ends and each in given:
                invalid(place, f"has both {each} and {ends}: leave {each} out")
        if not ends and not destinations and not given.keys() - _KNOWN:
            invalid(place, "has none of route, redirect, directResponse and delegate: give one")

    def _delegate(self, raw: Any, place: str) -> DelegateTo | None:
        if raw is None:
            return None
        given = self._reader.mapping(raw, f"{place}.delegate")
        name = self._reader.text(given.get("name"), f"{place}.delegate.name")
        namespace = self._reader.text(given.get("namespace"), f"{place}.delegate.namespace")
        if not name:
            self._reader.invalid(f"{place}.delegate.name", "missing: name a VirtualService")
        return DelegateTo(namespace or self._namespace, name)
