"""Reads the HTTP routes of a VirtualService.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.istio_matches import MatchReader
from gateway.core.routing.mesh.names import DNS_LABEL, host_in_object
from gateway.core.routing.mesh.reader import Unsupported
from gateway.core.routing.mesh.values import DelegateTo, Destination, MeshRoute, MirrorTo, matchless

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.values import Match

_MOST_PORT: Final = 65_535
_MOST_WEIGHT: Final = 2**31 - 1
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
        self._domain = domain
        self._of_delegate = delegate
        self._matches = MatchReader(reader, mesh=mesh)
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
        destinations = self._destinations(given.get("route"), place)
        ends = next((each for each in ("redirect", "directResponse") if each in given), "")
        mirrors = self._mirrors(given, place)
        self._check(given, place, destinations, ends)
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
                invalid(place, "has a delegate, and is one itself")
            if destinations or ends:
                invalid(place, "has a delegate beside a route, redirect or directResponse")
            return
        if "redirect" in given and "directResponse" in given:
            invalid(place, "has both redirect and directResponse")
        if ends and destinations:
            invalid(place, f"has both route and {ends}")
        for each in ("fault", "rewrite"):
            if ends and each in given:
                invalid(place, f"has both {each} and {ends}")
        if not ends and not destinations and not given.keys() - _KNOWN:
            invalid(place, "has none of route, redirect, directResponse and delegate")

    def _delegate(self, raw: Any, place: str) -> DelegateTo | None:
        if raw is None:
            return None
        given = self._reader.mapping(raw, f"{place}.delegate")
        name = self._reader.text(given.get("name"), f"{place}.delegate.name")
        namespace = self._reader.text(given.get("namespace"), f"{place}.delegate.namespace")
        if not name:
            self._reader.invalid(f"{place}.delegate.name", "missing")
        return DelegateTo(namespace or self._namespace, name)

    def _destinations(self, raw: Any, place: str) -> tuple[Destination, ...]:
        """Return the destinations; the weights of several have to add up to more than 0."""
        found = []
        for at, each in enumerate(self._reader.items(raw, f"{place}.route")):
            where = f"{place}.route[{at}]"
            given = self._reader.mapping(each, where)
            weight = self._reader.number(given.get("weight"), f"{where}.weight", _MOST_WEIGHT)
            found.append(
                self._destination(given.get("destination"), f"{where}.destination", weight or 0)
            )
            if given.get("headers") is not None:
                self._reader.note("headers of a destination is not obeyed")
        if len(found) > 1 and not sum(each.weight for each in found):
            self._reader.invalid(f"{place}.route", "has only weights of 0")
        return tuple(found)

    def _destination(self, raw: Any, place: str, weight: int = 0) -> Destination:
        given = self._reader.mapping(raw, place)
        host = self._reader.text(given.get("host"), f"{place}.host")
        subset = self._reader.text(given.get("subset"), f"{place}.subset")
        port = self._reader.mapping(given.get("port"), f"{place}.port")
        if not host or host == "*":
            self._reader.invalid(f"{place}.host", "missing" if not host else "must not be `*`")
        if subset and not DNS_LABEL.match(subset):
            self._reader.invalid(f"{place}.subset", "is no DNS label")
        if port:
            self._reader.number(port.get("number"), f"{place}.port.number", _MOST_PORT, 1)
        return Destination(host_in_object(host, self._namespace, self._domain), subset, weight)

    def _mirrors(self, given: dict[str, Any], place: str) -> tuple[MirrorTo, ...]:
        """Return where copies go; `mirrorPercentage` wins over the deprecated `mirrorPercent`."""
        mirrors = self._reader.items(given.get("mirrors"), f"{place}.mirrors")
        percent = self._percent(given.get("mirrorPercentage"), f"{place}.mirrorPercentage")
        old = self._reader.number(given.get("mirrorPercent"), f"{place}.mirrorPercent", 100)
        if mirrors and given.get("mirror") is not None:
            self._reader.invalid(place, "has both mirror and mirrors")
        if given.get("mirror") is not None:
            share = percent if percent is not None else old
            to = self._destination(given["mirror"], f"{place}.mirror")
            return (MirrorTo(to, 100.0 if share is None else share),)
        found = []
        for at, each in enumerate(mirrors):
            where = f"{place}.mirrors[{at}]"
            one = self._reader.mapping(each, where)
            share = self._percent(one.get("percentage"), f"{where}.percentage")
            to = self._destination(one.get("destination"), f"{where}.destination")
            found.append(MirrorTo(to, 100.0 if share is None else share))
        return tuple(found)

    def _percent(self, raw: Any, place: str) -> float | None:
        """Return a Percent; one without a value is 0, as in protobuf."""
        if raw is None:
            return None
        value = self._reader.mapping(raw, place).get("value")
        return self._reader.fraction(value, f"{place}.value", 100) or 0.0
