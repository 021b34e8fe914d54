"""Reads a VirtualService of Istio as its validation would: taken, or refused whole.

Sources: https://istio.io/latest/docs/reference/config/networking/virtual-service/ and
https://github.com/istio/istio/blob/master/pkg/config/validation/virtualservice.go
"""

from __future__ import annotations

from typing import Any, Final

from gateway.core.routing.mesh.follow import DEFAULT_DOMAIN
from gateway.core.routing.mesh.istio_names import check_export_to, check_gateways, check_hosts
from gateway.core.routing.mesh.istio_routes import RouteReader
from gateway.core.routing.mesh.names import MESH, host_in_object
from gateway.core.routing.mesh.reader import Reader
from gateway.core.routing.mesh.values import FollowedObject

MOST_MATCHES: Final = 2000
"""Of one object, each with its conditions on headers, which are asked for each message; a route
without a match counts as one. More are refused before they are read."""

MOST_HOSTS: Final = 1000
"""Of one object: each is looked for among those with a wildcard by all its ends."""

_NOT_OBEYED: Final = ("tcp", "tls")
_PROTOCOLS: Final = ("http", *_NOT_OBEYED)


def read_virtual_service(document: Any, domain: str = DEFAULT_DOMAIN) -> FollowedObject:
    """Return what a VirtualService, as parsed JSON, says.

    An object without hosts is a delegate: see :func:`gateway.core.routing.mesh.delegates.merged`.
    Raises InvalidObject with all problems.
    """
    reader = Reader()
    top = reader.mapping(document, "object")
    metadata = reader.mapping(top.get("metadata"), "metadata")
    name = reader.text(metadata.get("name"), "metadata.name")
    namespace = reader.text(metadata.get("namespace"), "metadata.namespace") or "default"
    spec = reader.mapping(top.get("spec"), "spec")
    written = reader.texts(spec.get("hosts"), "spec.hosts")
    gateways = reader.texts(spec.get("gateways"), "spec.gateways")
    if len(written) > MOST_HOSTS:
        reader.invalid("spec.hosts", f"has more than {MOST_HOSTS}: split it")
        written = written[:1]
    hosts = tuple(host_in_object(each, namespace, domain) for each in written)
    in_mesh = not gateways or MESH in gateways
    check_hosts(reader, written, mesh=in_mesh)
    check_gateways(reader, gateways, "spec.gateways")
    if not hosts and (gateways or spec.get("tls") or spec.get("tcp")):
        reader.invalid("spec.hosts", "missing: name one, or leave gateways, tcp and tls out")
    if not any(spec.get(each) for each in _PROTOCOLS):
        reader.invalid("spec", "has none of http, tcp and tls: give one")
    routes = RouteReader(reader, namespace, domain, delegate=not hosts, mesh=in_mesh)
    raw_routes = reader.items(spec.get("http"), "spec.http")
    if _count_matches(raw_routes) > MOST_MATCHES:
        reader.invalid(
            "spec.http", f"has more than {MOST_MATCHES} matches and conditions: split it"
        )
        raw_routes = []
    read = tuple(routes.route(each, at) for at, each in enumerate(raw_routes, start=1))
    for each in _NOT_OBEYED:
        if spec.get(each):
            reader.note(f"{each} is not obeyed")
    export_to = reader.texts(spec.get("exportTo"), "spec.exportTo") or ("*",)
    check_export_to(reader, export_to, namespace)
    created = reader.text(metadata.get("creationTimestamp"), "metadata.creationTimestamp")
    return FollowedObject(
        "VirtualService",
        namespace,
        name,
        hosts,
        written[0] if written else "",
        read,
        gateways,
        export_to,
        notes=reader.finish(),
        created=created,
    )


def _count_matches(routes: list[Any]) -> int:
    """Count the matches with their conditions on headers, before they are read."""
    lists = (each.get("match") if isinstance(each, dict) else None for each in routes)
    return sum(
        sum(_weigh(match) for match in each) if isinstance(each, list) and each else 1
        for each in lists
    )


def _weigh(match: Any) -> int:
    given = match if isinstance(match, dict) else {}
    named = (given.get("headers"), given.get("withoutHeaders"))
    return max(1, sum(len(each) for each in named if isinstance(each, dict)))
