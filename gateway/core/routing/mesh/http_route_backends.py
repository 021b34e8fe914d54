"""Reads where the rules of an HTTPRoute send requests: backends, and filters that change it.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.http_route_checks import check_filters
from gateway.core.routing.mesh.reader import MOST_PORT
from gateway.core.routing.mesh.values import Destination, MirrorTo

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader

_MOST_WEIGHT: Final = 1_000_000
_ALL: Final = 100.0
_IGNORED_FILTERS: Final = (
    "RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite", "CORS", "ExternalAuth",
)  # fmt: skip


class BackendReader:
    """Reads the backends and filters of one object."""

    def __init__(self, reader: Reader, namespace: str, domain: str) -> None:
        self._reader = reader
        self._namespace = namespace
        self._domain = domain

    def filters(self, raw: Any, place: str) -> tuple[str, tuple[MirrorTo, ...]]:
        """Return why the rule has no destination, or an empty text, and where copies go.

        A filter that only the mesh's implementation knows might do anything: as a redirect, it
        leaves the message to stable.
        """
        ends, mirrors = "", []
        for at, each in enumerate(raw if isinstance(raw, list) else ()):
            given = each if isinstance(each, dict) else {}
            kind = given.get("type")  # which the checks of the rule look at
            if kind == "RequestRedirect":
                ends = ends or "redirect"
            elif kind == "RequestMirror":
                mirrors.append(self._mirror(given.get("requestMirror"), f"{place}[{at}]"))
            elif kind in _IGNORED_FILTERS:
                self._reader.note(f"the filter {kind} is not obeyed")
            else:
                self._reader.note(f"the filter {kind} is not known: its rule goes to stable")
                ends = ends or "a filter that is not known"
        return ends, tuple(mirrors)

    def _mirror(self, raw: Any, place: str) -> MirrorTo:
        place = f"{place}.requestMirror"
        given = self._reader.mapping(raw, place)
        to = self.destination(given.get("backendRef"), f"{place}.backendRef")
        percent: float | None = self._reader.number(given.get("percent"), f"{place}.percent", 100)
        if percent is not None and given.get("fraction") is not None:
            self._reader.invalid(place, "has percent and fraction: keep one")
        if percent is None and given.get("fraction") is not None:
            fraction = self._reader.mapping(given["fraction"], f"{place}.fraction")
            most = 2**31 - 1
            above = self._reader.number(
                fraction.get("numerator"), f"{place}.fraction.numerator", most
            )
            below = self._reader.number(
                fraction.get("denominator"), f"{place}.fraction.denominator", most, 1
            )
            if (above or 0) > (below or 100):
                self._reader.invalid(f"{place}.fraction", "is more than all: lower the numerator")
            percent = _ALL * (above or 0) / (below or 100)
        return MirrorTo(to, _ALL if percent is None else percent)

    def destinations(self, raw: Any, place: str) -> tuple[Destination, ...]:
        """Return the backends of a rule."""
        items = enumerate(self._reader.items(raw, place))
        return tuple(self.destination(each, f"{place}[{at}]") for at, each in items)

    def destination(self, raw: Any, place: str) -> Destination:
        """Return a backend: a Service, or a host name as Istio has it; any other is an error."""
        given = self._reader.mapping(raw, place)
        group = self._reader.text(given.get("group"), f"{place}.group")
        kind = self._reader.text(given.get("kind"), f"{place}.kind", "Service")
        name = self._reader.text(given.get("name"), f"{place}.name")
        weight = self._reader.number(given.get("weight"), f"{place}.weight", _MOST_WEIGHT)
        port = self._reader.number(given.get("port"), f"{place}.port", MOST_PORT, 1)
        weight = 1 if weight is None else weight
        if not name:
            self._reader.invalid(f"{place}.name", "missing: name a Service")
        for of in check_filters(self._reader, {"filters": given.get("filters")}, place):
            self._reader.note(f"the filter {of} of a backend is not obeyed")
        if (group, kind) == ("networking.istio.io", "Hostname"):
            return Destination(name.lower(), weight=weight)
        namespace = self._reader.text(given.get("namespace"), f"{place}.namespace")
        host = f"{name}.{namespace or self._namespace}.svc.{self._domain}".lower()
        if (group, kind) != ("", "Service"):
            self._reader.note(f"the backend {name} is a {kind}, not a Service")
            return Destination(host, weight=weight, usable=False)
        if port is None:
            self._reader.invalid(f"{place}.port", "missing: a Service has to have one")
        return Destination(host, weight=weight)
