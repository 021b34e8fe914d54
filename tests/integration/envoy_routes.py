"""A VirtualService and an HTTPRoute as Envoy's routes, as Istio translates them.

Written for the tests alone and from Istio's own code, so that it shares nothing with the gateway's.
Sources: https://github.com/istio/istio/blob/master/pilot/pkg/networking/core/route/route.go and
https://github.com/istio/istio/blob/master/pilot/pkg/config/kube/gateway/conversion.go
"""

from __future__ import annotations

from typing import Any, Final

CASE: Final = "x-case"
"""The header that says which object a request is for."""


def routes_of_service(case: int, spec: dict[str, Any], port: int) -> list[dict[str, Any]]:
    """Return the routes of a VirtualService's `spec.http`, each of which answers with its name."""
    routes = []
    for route in spec["http"]:
        matches = route.get("match") or [{}]
        routes += [
            _route(case, _match(each), route["name"])
            for each in matches
            if each.get("port", port) == port and not each.get("sourceLabels")
        ]
    return routes


def routes_of_http_route(case: int, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the routes of an HTTPRoute's rules, the most specific first."""
    single = [
        (match, rule["name"])
        for rule in spec["rules"]
        for match in rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]
    ]

    def precedence(entry: tuple[dict[str, Any], str]) -> tuple[Any, ...]:
        path = entry[0].get("path") or {"type": "PathPrefix", "value": "/"}
        rank = ["Exact", "PathPrefix", "RegularExpression"].index(path["type"])
        headers, query = entry[0].get("headers") or [], entry[0].get("queryParams") or []
        return rank, -len(path["value"]), "method" not in entry[0], -len(headers), -len(query)

    return [_route(case, _api_match(each), name) for each, name in sorted(single, key=precedence)]


def _route(case: int, match: dict[str, Any], name: str) -> dict[str, Any]:
    headers = [*match.get("headers", ()), _string(CASE, {"exact": str(case)})]
    return {
        "match": {**match, "headers": headers},
        "direct_response": {"status": 200, "body": {"inline_string": name}},
    }


def _match(given: dict[str, Any]) -> dict[str, Any]:
    uri = given.get("uri") or {"prefix": "/"}
    ((kind, value),) = uri.items()
    if kind == "regex":
        made: dict[str, Any] = {"safe_regex": {"regex": value}}
    else:
        made = {{"exact": "path", "prefix": "prefix"}[kind]: value}
        if given.get("ignoreUriCase"):
            made["case_sensitive"] = False
    headers = [_header(name, how) for name, how in (given.get("headers") or {}).items()]
    headers += [_without(name, how) for name, how in (given.get("withoutHeaders") or {}).items()]
    for key in ("method", "authority", "scheme"):
        if key in given:
            headers.append(_string(f":{key}", given[key]))
    made["headers"] = headers
    made["query_parameters"] = [
        {"name": name, "present_match": True}
        if _is_presence(how)
        else {"name": name, "string_match": _matcher(how)}
        for name, how in (given.get("queryParams") or {}).items()
    ]
    return made


def _api_match(given: dict[str, Any]) -> dict[str, Any]:
    path = given.get("path") or {"type": "PathPrefix", "value": "/"}
    kind, value = path["type"], path["value"]
    if kind == "RegularExpression":
        made: dict[str, Any] = {"safe_regex": {"regex": value}}
    elif kind == "Exact":
        made = {"path": value}
    else:
        made = {"prefix": "/"} if value == "/" else {"path_separated_prefix": value.rstrip("/")}
    named: dict[str, dict[str, Any]] = {}
    for each in given.get("headers") or []:
        named.setdefault(each["name"].lower(), each)
    made["headers"] = [_string(each["name"], _api_condition(each)) for each in named.values()]
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
