"""Whether an object exists for a producer: by its hosts, namespaces, gateways and port.

Where it does not, the mesh does as if it were not there: requests go to the plain Service.
Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.routing.mesh.matching import is_for
from gateway.core.routing.mesh.names import MESH, covers, gateway_name, names_of_client
from gateway.core.routing.mesh.reader import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.routing.mesh.follow import Follow
    from gateway.core.routing.mesh.values import FollowedObject, MeshRoute

_MOST_NAMED: Final = 3
"""The most hosts that a sentence lists."""


def not_applied(seen: FollowedObject, follow: Follow, host: str) -> str:
    """Return why an object does not exist for the producer, in words; empty where it does."""
    if seen.kind == "HTTPRoute":
        return short(_not_parent(seen, follow, host))
    reasons = (_without_routes(seen), _other_host(seen, follow, host), _not_for(seen, follow))
    return short(next((each for each in reasons if each), ""))


def _not_parent(seen: FollowedObject, follow: Follow, host: str) -> str:
    """Name what an HTTPRoute does not belong to: the Service that is called, or the gateway.

    One in another namespace than its Service is for the producers of its own namespace alone.
    Source: https://gateway-api.sigs.k8s.io/mesh/#route-types
    """
    if follow.gateway != MESH:
        return _not_gateway(seen, follow, host)
    services = [each for each in seen.parents if each.kind == "Service"]
    if not services:
        return "none of its parents is a Service: follow.gateway has to name one of its Gateways"
    names = names_of_client(host, seen.namespace, follow.domain)
    called = [
        each for each in services if f"{each.name}.{each.namespace}.svc.{follow.domain}" in names
    ]
    if not called:
        return f"{host} is none of its Services"
    if not any(each.port in (None, follow.port) for each in called):
        return f"it is not for port {follow.port}"
    if any(seen.namespace in (each.namespace, follow.namespace) for each in called):
        return ""
    return f"it is for producers in the namespace {seen.namespace} alone"


def _not_gateway(seen: FollowedObject, follow: Follow, host: str) -> str:
    ours = gateway_name(follow.gateway, seen.namespace)
    gateways = {f"{each.namespace}/{each.name}" for each in seen.parents if each.kind == "Gateway"}
    if ours not in gateways:
        return f"it does not belong to the Gateway {follow.gateway}"
    if not seen.hostnames or any(covers(each, host.lower()) for each in seen.hostnames):
        return ""
    return f"{host} is none of its host names ({_listed(seen.hostnames)})"


def _without_routes(seen: FollowedObject) -> str:
    if not seen.hosts:
        return "it has no hosts: it is a delegate"
    return "" if seen.routes else "it has no HTTP routes"


def _other_host(seen: FollowedObject, follow: Follow, host: str) -> str:
    if host.startswith("*"):
        return f"its first host is {host}: follow.host has to say which one producers call"
    names = names_of_client(host, seen.namespace, follow.domain)
    found = any(covers(each, name) for each in seen.hosts for name in names)
    return "" if found else f"{host} is none of its hosts ({_listed(seen.hosts)})"


def _listed(names: Sequence[str]) -> str:
    """Return the first of some names, and how many there are more."""
    each = list(dict.fromkeys(names))  # `b` and its long name are one host
    more = len(each) - _MOST_NAMED
    return ", ".join(each[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _not_for(seen: FollowedObject, follow: Follow) -> str:
    """Name the namespace or gateway that it is not for."""
    exported = {seen.namespace if each == "." else each for each in seen.export_to}
    if not exported & {"*", follow.namespace}:
        return f"it is not exported to the namespace {follow.namespace}"
    ours = gateway_name(follow.gateway, seen.namespace)
    if ours not in {gateway_name(each, seen.namespace) for each in seen.gateways or (MESH,)}:
        return f"it is not for the gateway {follow.gateway}"
    return ""


def is_for_any(route: MeshRoute, follow: Follow, namespace: str) -> bool:
    """Whether the mesh gives any match of a route to the producer."""
    return not route.matches or any(is_for(each, follow, namespace) for each in route.matches)
