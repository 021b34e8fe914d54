"""Envoy's configuration for the chain: one listener for each workload and host that it calls.

A sidecar gets every request that its pod sends. On one machine one Envoy does so for all pods; the
port identifies the caller.
Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from __future__ import annotations

import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.demo.addresses import LOOPBACK
from gateway.demo.mesh.objects import target_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.demo.mesh.objects import Mesh, Object, Rule, Target

TYPES: Final = "type.googleapis.com/envoy.extensions"
HTTP_CONNECTIONS: Final = (
    f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"
)
ROUTER: Final = f"{TYPES}.filters.http.router.v3.Router"
RETRIES: Final[Mapping[str, str | int]] = {
    "attempts": 2,
    "retryOn": "connect-failure,refused-stream,unavailable,cancelled",
}
"""Istio's default since 1.24: https://istio.io/latest/news/releases/1.24.x/announcing-1.24/change-notes/"""

OPTIONS: Final = ("--concurrency", "1", "--log-level", "warning", "--disable-hot-restart")
READY: Final = "/ready"


@dataclass(frozen=True, slots=True)
class Call:
    """A workload and a host that it calls; on a cluster, a name in DNS."""

    caller: str
    host: str


def find_envoy() -> Path | None:
    """Return the path of envoy beside this Python or on PATH, or None."""
    beside = Path(sys.executable).with_name("envoy")
    found = str(beside) if beside.exists() else shutil.which("envoy")
    return Path(found) if found else None


def explain_missing_envoy() -> str:
    """Return how to install envoy."""
    return (
        "--with-envoy needs envoy: pipx install 'sqs-version-gateway[demo,demo-envoy]', or in a"
        " virtual environment pip install 'sqs-version-gateway[demo-envoy]' (Linux with glibc,"
        " macOS on arm64), or put an envoy of your own on the PATH"
        f" (this is {platform.system()} on {platform.machine()})"
    )


def bootstrap(
    mesh: Mesh, calls: Mapping[Call, int], ports: Mapping[str, int], admin: int
) -> Object:
    """Return Envoy's bootstrap configuration, to be written as JSON.

    `calls` has the port of each caller and host, `ports` that of each workload.
    Raises MeshError where a rule leads nowhere.
    """
    rules = {call: tuple(mesh.seen_by(mesh.pods[call.caller], call.host)) for call in calls}
    targets = {target_of(r): None for many in rules.values() for rule in many for r in rule.routes}
    return {
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [_listener(call, port, rules[call]) for call, port in calls.items()],
            "clusters": [_cluster(mesh, target, ports) for target in targets],
        },
    }


def _address(port: int) -> Object:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def _cluster(mesh: Mesh, target: Target, ports: Mapping[str, int]) -> Object:
    found = [{"endpoint": {"address": _address(ports[name])}} for name in mesh.endpoints(target)]
    return {
        "name": target.cluster,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": target.cluster, "endpoints": [{"lb_endpoints": found}]},
    }


def _listener(call: Call, port: int, rules: tuple[Rule, ...]) -> Object:
    routes = [_route(match, rule) for rule in rules for match in rule.matches]
    name = f"{call.caller} to {call.host}"
    manager = {
        "@type": HTTP_CONNECTIONS,
        "stat_prefix": name,
        "route_config": {
            "virtual_hosts": [{"name": call.host, "domains": ["*"], "routes": routes}]
        },
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
    }
    filters = [{"name": "http", "typed_config": manager}]
    return {"name": name, "address": _address(port), "filter_chains": [{"filters": filters}]}


def _route(match: Mapping[str, Object], rule: Rule) -> Object:
    headers = [{"name": name, "string_match": _matcher(how)} for name, how in match.items()]
    route: Object = {"match": {"prefix": "/", "headers": headers}, "route": _action(rule)}
    if len(rule.routes) == 1:
        route["request_headers_to_add"] = list(_set_headers(rule.routes[0]))
    return route


def _matcher(condition: Object) -> Object:
    """Return Envoy's matcher; a regex matches the whole value in both Istio and Envoy."""
    ((kind, value),) = condition.items()
    if kind == "regex":
        re.compile(value)
        return {"safe_regex": {"regex": value}}
    return {kind: value}


def _action(rule: Rule) -> Object:
    """Return a rule's action; a single destination gets all requests, independent of its weight."""
    action: Object = {"timeout": rule.timeout or "0s"}  # Istio's default: no timeout
    policy = RETRIES if rule.retries is None else {**RETRIES, **rule.retries}
    if policy["attempts"]:
        action["retry_policy"] = {
            "retry_on": policy["retryOn"],
            "num_retries": policy["attempts"],
        }
        if "perTryTimeout" in policy:
            action["retry_policy"]["per_try_timeout"] = policy["perTryTimeout"]
    if len(rule.routes) == 1:
        return action | {"cluster": target_of(rule.routes[0]).cluster}
    return action | {"weighted_clusters": {"clusters": [_weighted(one) for one in rule.routes]}}


def _weighted(route: Object) -> Object:
    return {
        "name": target_of(route).cluster,
        "weight": route.get("weight", 0),
        "request_headers_to_add": list(_set_headers(route)),
    }


def _set_headers(route: Object) -> Iterator[Object]:
    for name, value in route.get("headers", {}).get("request", {}).get("set", {}).items():
        header = {"key": name, "value": value}
        yield {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
