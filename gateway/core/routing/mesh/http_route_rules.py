"""Reads the rules of an HTTPRoute.

Source: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.http_route_backends import BackendReader
from gateway.core.routing.mesh.http_route_checks import (
    METHODS,
    check_filters,
    check_path,
    check_timeouts,
)
from gateway.core.routing.mesh.istio_names import is_token
from gateway.core.routing.mesh.reader import Unsupported
from gateway.core.routing.mesh.string_match import Conditions
from gateway.core.routing.mesh.values import Match, MeshRoute, PathPrefix, matchless
from gateway.core.routing.rules import Exact

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.string_match import Condition
    from gateway.core.routing.mesh.values import Named

_NOTHING_TO_SEND_TO: Final = "no backend"
_NOT_OBEYED: Final = ("timeouts", "retry", "sessionPersistence")
_KNOWN: Final = frozenset({*_NOT_OBEYED, "name", "matches", "filters", "backendRefs"})
_OF_MATCH: Final = frozenset({"path", "headers", "queryParams", "method"})


class RuleReader:
    """Reads the rules of one object."""

    def __init__(self, reader: Reader, namespace: str, domain: str) -> None:
        self._reader = reader
        self._names: set[str] = set()
        self._backends = BackendReader(reader, namespace, domain)
        self._conditions = Conditions(reader)

    def rule(self, raw: Any, number: int) -> MeshRoute:
        """Return the rule with a number, from 1; it is blocked where it cannot be obeyed."""
        place = f"spec.rules[{number - 1}]"
        given = {k: v for k, v in self._reader.mapping(raw, place).items() if v is not None}
        label = self._reader.text(given.get("name"), f"{place}.name")
        name = label or f"http-{number}"
        if label and label in self._names:
            self._reader.invalid(f"{place}.name", f"{label} is another rule's too: rename one")
        self._names.add(label)
        ends, mirrors = self._backends.filters(given.get("filters"), f"{place}.filters")
        destinations = self._backends.destinations(given.get("backendRefs"), f"{place}.backendRefs")
        check_filters(self._reader, given, place)
        check_timeouts(self._reader, given.get("timeouts"), f"{place}.timeouts")
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
        if method and method not in METHODS:
            self._reader.invalid(f"{place}.method", f"{method!r} is none: write one such as POST")
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
        check_path(self._reader, value, f"{place}.value")
        return Exact(value) if kind == "Exact" else PathPrefix(value)

    def _named(self, raw: Any, place: str, *, fold: bool) -> Named:
        """Return conditions by name; a name in another case is idle where `fold` says so."""
        found: dict[str, tuple[str, Condition]] = {}
        written: set[str] = set()
        for at, each in enumerate(self._reader.items(raw, place)):
            where = f"{place}[{at}]"
            given = self._reader.mapping(each, where)
            name = self._reader.text(given.get("name"), f"{where}.name")
            condition = self._condition(given, where)
            if not is_token(name):
                wrong = f"{name!r} is no name: correct it" if name else "missing: give one"
                self._reader.invalid(f"{where}.name", wrong)
            elif name in written:
                self._reader.invalid(f"{where}.name", f"{name} is there twice: leave one out")
            elif condition is not None:
                found.setdefault(name.lower() if fold else name, (name, condition))
            written.add(name)
        return tuple(found.values())

    def _condition(self, given: dict[str, Any], place: str) -> Condition | None:
        kind = self._reader.text(given.get("type"), f"{place}.type", "Exact")
        value = self._reader.text(given.get("value"), f"{place}.value")
        if not value:
            self._reader.invalid(f"{place}.value", "missing: give one")
            return None
        if kind == "RegularExpression":
            return self._conditions.regex(value, f"{place}.value")
        if kind != "Exact":
            raise Unsupported(f"{place}.type is {kind}")
        return Exact(value)
