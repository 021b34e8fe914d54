"""Reads an HTTPRoute of the Gateway API, its matches in their order of precedence.

The API server fills in defaults, which a file leaves out: they are filled in here too. Sources:
https://gateway-api.sigs.k8s.io/reference/spec/#httproute and, where that leaves room,
https://github.com/istio/istio/blob/master/pilot/pkg/config/kube/gateway/conversion.go
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.follow import DEFAULT_DOMAIN
from gateway.core.routing.mesh.http_route_rules import RuleReader
from gateway.core.routing.mesh.reader import MOST_PORT, Reader
from gateway.core.routing.mesh.string_match import BoundedRegex
from gateway.core.routing.mesh.values import FollowedObject, Match, MeshRoute, Parent, PathPrefix
from gateway.core.routing.mesh.virtual_service import MOST_MATCHES
from gateway.core.routing.rules import Exact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.core.routing.mesh.string_match import Condition


def read_http_route(document: Any, domain: str = DEFAULT_DOMAIN) -> FollowedObject:
    """Return what an HTTPRoute, as parsed JSON, says; raises InvalidObject with all problems."""
    reader = Reader()
    top = reader.mapping(document, "object")
    metadata = reader.mapping(top.get("metadata"), "metadata")
    name = reader.text(metadata.get("name"), "metadata.name")
    namespace = reader.text(metadata.get("namespace"), "metadata.namespace") or "default"
    spec = reader.mapping(top.get("spec"), "spec")
    parents = tuple(
        _parent(reader, each, f"spec.parentRefs[{at}]", namespace)
        for at, each in enumerate(reader.items(spec.get("parentRefs"), "spec.parentRefs"))
    )
    hostnames = reader.texts(spec.get("hostnames"), "spec.hostnames")
    raw_rules = reader.items(spec.get("rules"), "spec.rules") or [{}]
    if _count_matches(raw_rules) > MOST_MATCHES:
        reader.invalid("spec.rules", f"has more than {MOST_MATCHES} matches and conditions")
        raw_rules = []
    rules = RuleReader(reader, namespace, domain)
    read = [rules.rule(each, at) for at, each in enumerate(raw_rules, start=1)]
    created = reader.text(metadata.get("creationTimestamp"), "metadata.creationTimestamp")
    services = [each for each in parents if each.kind == "Service"]
    return FollowedObject(
        "HTTPRoute",
        namespace,
        name,
        tuple(f"{each.name}.{each.namespace}.svc.{domain}" for each in services),
        _first_host(services, hostnames, namespace),
        by_precedence(read),
        notes=reader.finish(),
        parents=parents,
        hostnames=tuple(each.lower() for each in hostnames),
        created=created,
    )


def by_precedence(routes: Iterable[MeshRoute]) -> tuple[MeshRoute, ...]:
    """Return each match as a route of its own, the most specific first; equals keep their order."""
    single = [replace(each, matches=(match,)) for each in routes for match in each.matches]
    return tuple(sorted(single, key=lambda each: _precedence(each.matches[0])))


def _precedence(match: Match) -> tuple[int, ...]:
    rank, length = _path_rank(match.uri)
    return rank, -length, match.method is None, -len(match.headers), -len(match.query)


def _path_rank(uri: Condition | PathPrefix | None) -> tuple[int, int]:
    """Return the rank of a path's kind, 0 the most specific, and its length."""
    match uri:
        case Exact(text):
            return 0, len(text)
        case PathPrefix(path):
            return 1, max(1, len(path.rstrip("/")))
        case BoundedRegex():
            return 2, len(uri.pattern)
        case _:
            return 1, 1


def _parent(reader: Reader, raw: Any, place: str, namespace: str) -> Parent:
    """Return a parent; one of another kind than Service and Gateway is for no producer."""
    given = reader.mapping(raw, place)
    group = reader.text(given.get("group"), f"{place}.group", "gateway.networking.k8s.io")
    kind = reader.text(given.get("kind"), f"{place}.kind", "Gateway")
    name = reader.text(given.get("name"), f"{place}.name")
    if not name:
        reader.invalid(f"{place}.name", "missing")
    return Parent(
        kind if (group, kind) in _PARENTS else f"{group}/{kind}",
        reader.text(given.get("namespace"), f"{place}.namespace") or namespace,
        name,
        reader.number(given.get("port"), f"{place}.port", MOST_PORT, 1),
    )


_PARENTS: Final = (("", "Service"), ("gateway.networking.k8s.io", "Gateway"))


def _first_host(services: list[Parent], hostnames: tuple[str, ...], namespace: str) -> str:
    """Return what producers call: the first Service parent, else the first host name."""
    if not services:
        return hostnames[0] if hostnames else ""
    first = services[0]
    return first.name if first.namespace == namespace else f"{first.name}.{first.namespace}"


def _count_matches(rules: list[Any]) -> int:
    """Count the matches with their conditions on headers, before they are read."""
    lists = (each.get("matches") if isinstance(each, dict) else None for each in rules)
    return sum(
        sum(_weigh(match) for match in each) if isinstance(each, list) and each else 1
        for each in lists
    )


def _weigh(match: Any) -> int:
    headers = match.get("headers") if isinstance(match, dict) else None
    return max(1, len(headers)) if isinstance(headers, list) else 1
