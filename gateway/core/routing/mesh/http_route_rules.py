"""Reads the rules of an HTTPRoute.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.reader import Unsupported
from gateway.core.routing.mesh.string_match import Conditions
from gateway.core.routing.mesh.values import (
    Destination,
    Match,
    MeshRoute,
    MirrorTo,
    PathPrefix,
    matchless,
)
from gateway.core.routing.rules import Exact

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.string_match import Condition
    from gateway.core.routing.mesh.values import Named

_MOST_WEIGHT: Final = 1_000_000
_MOST_PORT: Final = 65_535
_ALL: Final = 100.0
_NOTHING_TO_SEND_TO: Final = "no backend"
_NOT_OBEYED: Final = ("timeouts", "retry", "sessionPersistence")
_IGNORED_FILTERS: Final = (
    "RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite", "CORS", "ExternalAuth",
)  # fmt: skip
_KNOWN: Final = frozenset({*_NOT_OBEYED, "name", "matches", "filters", "backendRefs"})
_OF_MATCH: Final = frozenset({"path", "headers", "queryParams", "method"})


class RuleReader:
    """Reads the rules of one object."""

    def __init__(self, reader: Reader, namespace: str, domain: str) -> None:
        self._reader = reader
        self._namespace = namespace
        self._domain = domain
        self._conditions = Conditions(reader)

    def rule(self, raw: Any, number: int) -> MeshRoute:
        """Return the rule with a number, from 1; it is blocked where it cannot be obeyed."""
        place = f"spec.rules[{number - 1}]"
        given = {k: v for k, v in self._reader.mapping(raw, place).items() if v is not None}
        label = self._reader.text(given.get("name"), f"{place}.name")
        name = label or f"http-{number}"
        ends, mirrors = self._filters(given.get("filters"), f"{place}.filters")
        destinations = self._destinations(given.get("backendRefs"), f"{place}.backendRefs")
        if not ends and not sum(each.weight for each in destinations):
            ends = _NOTHING_TO_SEND_TO
        for each in _NOT_OBEYED:
            if each in given:
                self._reader.note(f"{each} is not obeyed")
        if unknown := sorted(given.keys() - _KNOWN):
            self._reader.note(f"{name}: {', '.join(unknown)} is not known")
        blocked = ""
        matches: tuple[Match, ...] = (Match(),)
        try:
            matches = self._matches(given.get("matches"), f"{place}.matches")
        except Unsupported as reason:
            blocked = str(reason)
            self._reader.note(f"{name} is passed over: {blocked}")
        return MeshRoute(
            name, matches, destinations, mirrors, ends,
            blocked=blocked, label=label, matchless=matchless(matches),
        )  # fmt: skip

    def _matches(self, raw: Any, place: str) -> tuple[Match, ...]:
        """Return the matches of a rule, one for every path where there is none."""
        items = self._reader.items(raw, place) or [{}]
        return tuple(self._match(each, f"{place}[{at}]") for at, each in enumerate(items))

    def _match(self, raw: Any, place: str) -> Match:
        given = {k: v for k, v in self._reader.mapping(raw, place).items() if v is not None}
        if unknown := given.keys() - _OF_MATCH:
            raise Unsupported(f"{place} has {', '.join(sorted(unknown))}")
        method = self._reader.text(given.get("method"), f"{place}.method")
        return Match(
            uri=self._path(given.get("path"), f"{place}.path"),
            method=Exact(method) if method else None,
            headers=self._named(given.get("headers"), f"{place}.headers", fold=True),
            query=self._named(given.get("queryParams"), f"{place}.queryParams", fold=False),
        )

    def _path(self, raw: Any, place: str) -> Condition | PathPrefix | None:
        given = self._reader.mapping(raw, place)
        kind = self._reader.text(given.get("type"), f"{place}.type", "PathPrefix")
        value = self._reader.text(given.get("value"), f"{place}.value", "/")
        if kind == "RegularExpression":
            return self._conditions.regex(value, f"{place}.value")
        if kind not in ("Exact", "PathPrefix"):
            raise Unsupported(f"{place}.type is {kind}")
        if not value.startswith("/"):
            self._reader.invalid(f"{place}.value", "must begin with a slash")
        return Exact(value) if kind == "Exact" else PathPrefix(value)

    def _named(self, raw: Any, place: str, *, fold: bool) -> Named:
        """Return conditions by name; of equal names the first counts. `fold`: case is no matter."""
        found: dict[str, tuple[str, Condition]] = {}
        for at, each in enumerate(self._reader.items(raw, place)):
            where = f"{place}[{at}]"
            given = self._reader.mapping(each, where)
            name = self._reader.text(given.get("name"), f"{where}.name")
            condition = self._condition(given, where)
            if not name:
                self._reader.invalid(f"{where}.name", "missing")
            elif condition is not None:
                found.setdefault(name.lower() if fold else name, (name, condition))
        return tuple(found.values())

    def _condition(self, given: dict[str, Any], place: str) -> Condition | None:
        kind = self._reader.text(given.get("type"), f"{place}.type", "Exact")
        value = self._reader.text(given.get("value"), f"{place}.value")
        if not value:
            self._reader.invalid(f"{place}.value", "missing")
            return None
        if kind == "RegularExpression":
            return self._conditions.regex(value, f"{place}.value")
        if kind != "Exact":
            raise Unsupported(f"{place}.type is {kind}")
        return Exact(value)

    def _filters(self, raw: Any, place: str) -> tuple[str, tuple[MirrorTo, ...]]:
        """Return why the rule has no destination, or an empty text, and where copies go.

        A filter that only the mesh's implementation knows might do anything: as a redirect, it
        leaves the message to stable.
        """
        ends, mirrors = "", []
        for at, each in enumerate(self._reader.items(raw, place)):
            given = self._reader.mapping(each, f"{place}[{at}]")
            kind = self._reader.text(given.get("type"), f"{place}[{at}].type")
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
        to = self._destination(given.get("backendRef"), f"{place}.backendRef")
        percent = self._reader.fraction(given.get("percent"), f"{place}.percent", 100)
        if percent is None and given.get("fraction") is not None:
            fraction = self._reader.mapping(given["fraction"], f"{place}.fraction")
            most = 2**31 - 1
            above = self._reader.number(
                fraction.get("numerator"), f"{place}.fraction.numerator", most
            )
            below = self._reader.number(
                fraction.get("denominator"), f"{place}.fraction.denominator", most, 1
            )
            percent = min(_ALL, _ALL * (above or 0) / (below or 100))
        return MirrorTo(to, _ALL if percent is None else percent)

    def _destinations(self, raw: Any, place: str) -> tuple[Destination, ...]:
        items = enumerate(self._reader.items(raw, place))
        return tuple(self._destination(each, f"{place}[{at}]") for at, each in items)

    def _destination(self, raw: Any, place: str) -> Destination:
        """Return a backend: a Service, or a host name as Istio has it; any other is an error."""
        given = self._reader.mapping(raw, place)
        group = self._reader.text(given.get("group"), f"{place}.group")
        kind = self._reader.text(given.get("kind"), f"{place}.kind", "Service")
        name = self._reader.text(given.get("name"), f"{place}.name")
        weight = self._reader.number(given.get("weight"), f"{place}.weight", _MOST_WEIGHT)
        port = self._reader.number(given.get("port"), f"{place}.port", _MOST_PORT, 1)
        weight = 1 if weight is None else weight
        if not name:
            self._reader.invalid(f"{place}.name", "missing")
        for at, each in enumerate(self._reader.items(given.get("filters"), f"{place}.filters")):
            where = f"{place}.filters[{at}]"
            of = self._reader.text(self._reader.mapping(each, where).get("type"), f"{where}.type")
            self._reader.note(f"the filter {of} of a backend is not obeyed")
        if (group, kind) == ("networking.istio.io", "Hostname"):
            return Destination(name.lower(), weight=weight)
        namespace = self._reader.text(given.get("namespace"), f"{place}.namespace")
        host = f"{name}.{namespace or self._namespace}.svc.{self._domain}".lower()
        if (group, kind) != ("", "Service"):
            self._reader.note(f"the backend {name} is a {kind}, not a Service")
            return Destination(host, weight=weight, usable=False)
        if port is None:
            self._reader.invalid(f"{place}.port", "missing, which a Service has to have")
        return Destination(host, weight=weight)
