"""A VirtualService and an HTTPRoute as Envoy's routes, as Istio translates them.

Written for the tests alone and from Istio's own code, so that it shares nothing with the gateway's.
Sources: https://github.com/istio/istio/blob/master/pilot/pkg/networking/core/route/route.go and
https://github.com/istio/istio/blob/master/pilot/pkg/config/kube/gateway/conversion.go
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

CASE: Final = "x-case"
"""The header that says which object a request is for."""
END: Final = "end"
"""The response where a route sends nowhere: a redirect, a direct response, no backend."""


@dataclass(frozen=True, slots=True)
class Client:
    """The sidecar that asks: what Istio's translation takes from the proxy and its listener."""

    port: int = 8080
    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = "shop"
    gateway: str = "mesh"


def routes_of_service(case: int, spec: dict[str, Any], client: Client) -> list[dict[str, Any]]:
    """Return the routes of a VirtualService's `spec.http`; each responds with its destination."""
    return [
        {"match": _for_case(case, _match(each)), **_action(*_where(route))}
        for route in spec["http"]
        for each in route.get("match") or [{}]
        if each.get("port", client.port) == client.port and _source_matches(each, client)
    ]


def routes_of_http_route(case: int, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the routes of an HTTPRoute's rules, the most specific first."""
    single = [
        (match, rule) for rule in spec.get("rules") or [{}] for match in rule.get("matches") or [{}]
    ]
    return [
        {"match": _for_case(case, _api_match(match)), **_action(*_api_where(rule))}
        for match, rule in sorted(single, key=lambda each: _precedence(each[0]))
    ]


def _for_case(case: int, match: dict[str, Any]) -> dict[str, Any]:
    return {**match, "headers": [*match.get("headers", ()), _string(CASE, {"exact": str(case)})]}


def _action(only: str, weighted: list[tuple[str, int]]) -> dict[str, Any]:
    """Return a response with a name, or clusters by weight, each of which adds its name."""
    if not weighted:
        return {"direct_response": {"status": 200, "body": {"inline_string": only}}}
    clusters = [
        {
            "name": name,
            "weight": weight,
            "response_headers_to_add": [{"header": {"key": "x-cluster", "value": name}}],
        }
        for name, weight in weighted
    ]
    return {"route": {"weighted_clusters": {"clusters": clusters}}}


def _where(route: dict[str, Any]) -> tuple[str, list[tuple[str, int]]]:
    """Return applyHTTPRouteDestination's: one destination whatever its weight, else the rest.

    One that is left of several gets all of it, so that it needs no cluster.
    """
    if "redirect" in route or "directResponse" in route:
        return END, []
    to = route["route"]
    if len(to) == 1:
        return to[0]["destination"]["host"], []
    weighted = [(each["destination"]["host"], each.get("weight") or 0) for each in to]
    left = [(host, weight) for host, weight in weighted if weight]
    return (left[0][0], []) if len(left) == 1 else ("", left)


def _api_where(rule: dict[str, Any]) -> tuple[str, list[tuple[str, int]]]:
    """Return conversion.go's: an unset weight is 1, those of 0 go, none left is a 500."""
    if any(each["type"] == "RequestRedirect" for each in rule.get("filters") or []):
        return END, []
    weighted = [(each["name"], each.get("weight", 1)) for each in rule.get("backendRefs") or []]
    left = [(name, weight) for name, weight in weighted if weight]
    if not left:
        return END, []
    return (left[0][0], []) if len(left) == 1 else ("", left)


def _source_matches(match: dict[str, Any], client: Client) -> bool:
    """Return sourceMatchHTTP's: with gateways, labels and namespace are not looked at."""
    if match.get("gateways"):
        return client.gateway in match["gateways"]
    labels = match.get("sourceLabels") or {}
    if any(client.labels.get(name, "") != value for name, value in labels.items()):
        return False
    return match.get("sourceNamespace") in (None, "", client.namespace)


def _match(given: dict[str, Any]) -> dict[str, Any]:
    uri = given.get("uri") or {"prefix": "/"}
    ((kind, value),) = uri.items()
    if kind == "regex":
        made: dict[str, Any] = {"safe_regex": {"regex": value}}
    else:
        made = {{"exact": "path", "prefix": "prefix"}[kind]: value}
    made["case_sensitive"] = not given.get("ignoreUriCase")
    headers = [_header(name, how) for name, how in (given.get("headers") or {}).items()]
    headers += [_without(name, how) for name, how in (given.get("withoutHeaders") or {}).items()]
    for key in ("method", "authority", "scheme"):
        if key in given:
            headers.append(_header(f":{key}", given[key]))
    made["headers"] = headers
    made["query_parameters"] = [
        {"name": name, "present_match": True}
        if _is_presence(how)
        else {"name": name, "string_match": _matcher(how)}
        for name, how in (given.get("queryParams") or {}).items()
    ]
    return made


def _precedence(match: dict[str, Any]) -> tuple[Any, ...]:
    """Return sortHTTPRoutes' order, over maps of headers and parameters by their name."""
    kind, path = _api_path(match)
    rank = ["Exact", "PathPrefix", "RegularExpression"].index(kind)
    headers = {each["name"].lower() for each in match.get("headers") or []}
    query = {each["name"] for each in match.get("queryParams") or []}
    return rank, -len(path), "method" not in match, -len(headers), -len(query)


def _api_path(match: dict[str, Any]) -> tuple[str, str]:
    """Return createURIMatch's: a trailing slash of a prefix is not part of it."""
    path = match.get("path") or {}
    kind, value = path.get("type", "PathPrefix"), path.get("value", "/")
    if kind == "PathPrefix" and value != "/":
        value = value.removesuffix("/")
    return kind, value


def _api_match(given: dict[str, Any]) -> dict[str, Any]:
    kind, value = _api_path(given)
    if kind == "RegularExpression":
        made: dict[str, Any] = {"safe_regex": {"regex": value}}
    elif kind == "Exact":
        made = {"path": value}
    else:
        made = {"prefix": "/"} if value == "/" else {"path_separated_prefix": value}
    conditions: dict[str, dict[str, Any]] = {}
    for each in given.get("headers") or []:
        conditions.setdefault(each["name"].lower(), each)
    made["headers"] = [_string(each["name"], _api_condition(each)) for each in conditions.values()]
    if "method" in given:
        made["headers"].append(_string(":method", {"exact": given["method"]}))
    made["query_parameters"] = [
        {"name": each["name"], "string_match": _matcher(_api_condition(each))}
        for each in given.get("queryParams") or []
    ]
    return made


def _api_condition(given: dict[str, Any]) -> dict[str, str]:
    regex = given.get("type") == "RegularExpression"
    return {"regex" if regex else "exact": given["value"]}


def _is_presence(condition: dict[str, Any] | None) -> bool:
    return not condition or condition.get("regex") == "*"


def _header(name: str, condition: dict[str, Any]) -> dict[str, Any]:
    if _is_presence(condition):
        return {"name": name, "present_match": True}
    return _string(name, condition)


def _without(name: str, condition: dict[str, Any] | None) -> dict[str, Any]:
    if _is_presence(condition):
        return {"name": name, "present_match": True, "invert_match": True}
    inverted = _string(name, condition or {})
    return {**inverted, "invert_match": True, "treat_missing_header_as_empty": True}


def _string(name: str, condition: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "string_match": _matcher(condition)}


def _matcher(condition: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = condition.items()
    return {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value}
