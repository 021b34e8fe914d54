"""Followed objects made to do harm, by what is large or odd in them."""

from __future__ import annotations

from typing import Any, Final

ROUTE: Final = [
    {"destination": {"host": "b-primary"}, "weight": 90},
    {"destination": {"host": "b-canary"}, "weight": 10},
]
BACKENDS: Final = [
    {"name": "b-primary", "port": 8080, "weight": 90},
    {"name": "b-canary", "port": 8080, "weight": 10},
]
_REWRITE: Final = {
    "type": "URLRewrite",
    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
}
MANY: Final = 10_000
LARGE: Final = 1 << 20
BOMBS: Final = (
    "(a+)+$",
    "(x|x|x)*y",
    "(.*a){100}b",
    "[ab]*a[ab]{12}c",
    "[ab]*a[ab]{900}c",
    "(?s).*a.{900}",
    "(((a?){10}){10}){10}",
    "((a{100}){100}){100}",
    "(abcdefghijklmnopqrstuvwxyz){900}",
    "(|a|b)*" * 146,
)
"""What backtracks for ever elsewhere, has a state for each subset, or is a million long."""

DEEPEST: Final = 900


def service(*http: Any, name: str = "b", **spec: Any) -> dict[str, Any]:
    """Make a VirtualService."""
    meta = {"name": name, "namespace": "shop", "resourceVersion": "1"}
    return {"metadata": meta, "spec": {"hosts": ["b"], "http": list(http)} | spec}


def http_route(*rules: Any, **spec: Any) -> dict[str, Any]:
    """Make an HTTPRoute of the Service b."""
    parent = {"group": "", "kind": "Service", "name": "b"}
    meta = {"name": "b", "namespace": "shop", "resourceVersion": "1"}
    return {"metadata": meta, "spec": {"parentRefs": [parent], "rules": list(rules)} | spec}


def on_header(**condition: Any) -> dict[str, Any]:
    """Make a match on the header x."""
    return {"headers": {"x": condition}}


def on_headers(count: int, at: int = 0) -> list[dict[str, Any]]:
    """Make matches that each ask for another value."""
    return [on_header(exact=f"{at}-{number}") for number in range(count)]


def regexes(pattern: str, count: int = 200) -> dict[str, Any]:
    """Make a route for each of many regexes, no two alike."""
    asked = [[on_header(regex=f"{pattern}{number}"[-1024:])] for number in range(count)]
    return service(*({"match": each, "route": ROUTE} for each in asked), {"route": ROUTE})


def origins(pattern: str, count: int = 10_000) -> dict[str, Any]:
    """Make a CORS policy of many regexes, no two alike, which nothing is matched by."""
    allowed = [{"regex": f"{pattern}{number}"[-1024:]} for number in range(count)]
    return service({"route": ROUTE, "corsPolicy": {"allowOrigins": allowed}})


def nested(depth: int = DEEPEST) -> list[Any]:
    """Make lists in lists."""
    inmost: list[Any] = []
    for _ in range(depth):
        inmost = [inmost]
    return inmost


def services() -> dict[str, dict[str, Any]]:
    """Return VirtualServices by what is wrong with them."""
    mirror = {"destination": {"host": "b-canary"}, "percentage": {"value": 1}}
    subsets = [
        {"destination": {"host": "b", "subset": f"s{at}"}, "weight": 1} for at in range(MANY)
    ]
    hosts = [{"destination": {"host": f"h{at}"}, "weight": 1} for at in range(MANY)]
    return {
        "10,000 routes": service(*({"match": [each], "route": ROUTE} for each in on_headers(MANY))),
        "2,000 routes": service(*({"match": [each], "route": ROUTE} for each in on_headers(2000))),
        "10,000 matches": service({"match": on_headers(MANY), "route": ROUTE}),
        "2,000 matches": service({"match": on_headers(2000), "route": ROUTE}),
        "10,000 headers": service({"match": [{"headers": {f"h{at}": {} for at in range(MANY)}}]}),
        "10,000 parameters": service(
            {"match": [{"queryParams": {f"q{at}": {} for at in range(MANY)}}], "route": ROUTE}
        ),
        "10,000 labels": service(
            {"match": [{"sourceLabels": {f"l{at}": "" for at in range(MANY)}}], "route": ROUTE}
        ),
        "10,000 gateways": service({"route": ROUTE}, gateways=[f"g{at}" for at in range(MANY)]),
        "10,000 exports": service({"route": ROUTE}, exportTo=[f"n{at}" for at in range(MANY)]),
        "10,000 hosts": service({"route": ROUTE}, hosts=["b", *(f"*.{at}" for at in range(MANY))]),
        "1,000 hosts": service({"route": ROUTE}, hosts=["b", *(f"*.{at}" for at in range(999))]),
        "10,000 destinations": service({"route": [*ROUTE, *hosts]}),
        "10,000 subsets": service({"route": subsets}),
        "10,000 mirrors": service({"route": ROUTE, "mirrors": [mirror] * MANY}),
        "10,000 unknown fields": service({f"f{at}": 1 for at in range(MANY)} | {"route": ROUTE}),
        "1,000 delegates": service(
            *({"delegate": {"name": f"d{at}"}} for at in range(1000)), {"route": ROUTE}
        ),
        "a long name": service({"name": "x" * LARGE, "route": ROUTE}),
        "a long host": service({"route": ROUTE}, hosts=["b", "x" * LARGE]),
        "a long destination": service({"route": [{"destination": {"host": "\u202e" * LARGE}}]}),
        "a long header": service({"match": [{"headers": {"x" * LARGE: {}}}], "route": ROUTE}),
        "a long value": service({"match": [on_header(exact="x" * LARGE)], "route": ROUTE}),
        "a long regex": service({"match": [on_header(regex="x" * LARGE)], "route": ROUTE}),
        "a long unknown field": service({"x\n" * LARGE: 1, "route": ROUTE}),
        "a deep field": service({"route": ROUTE, "fault": nested()}),
        "10,000 conditions of a retry": service(
            {"route": ROUTE, "retries": {"attempts": 1, "retryOn": "x," * MANY}}
        ),
        "10,000 headers to set": service(
            {"route": ROUTE, "headers": {"request": {"set": {f"h{at}": "%" for at in range(MANY)}}}}
        ),
        "a long label": service(
            {"match": [{"sourceLabels": {"x" * LARGE + "/" + "." * LARGE: "x" * LARGE}}]}
        ),
        "a long duration": service({"route": ROUTE, "timeout": "9" * LARGE + "h"}),
        "a deep label": service({"match": [{"sourceLabels": {"x": nested()}}], "route": ROUTE}),
        "a deep name": service({"name": nested(), "route": ROUTE}),
    }


def http_routes() -> dict[str, dict[str, Any]]:
    """Return HTTPRoutes by what is wrong with them."""
    rules = [
        {"matches": [{"headers": [{"name": "x", "value": str(at)}]}], "backendRefs": BACKENDS}
        for at in range(MANY)
    ]
    odd = [
        {"name": "b-primary", "port": 8080, "filters": [{"type": nested()}, {"type": "X" * 999}]}
    ]
    many = [{"type": f"F{at}"} for at in range(MANY)]
    return {
        "10,000 rules": http_route(*rules),
        "2,000 rules": http_route(*rules[:2000]),
        "10,000 backends": http_route({"backendRefs": BACKENDS * (MANY // 2)}),
        "10,000 filters": http_route({"filters": many, "backendRefs": BACKENDS}),
        "10,000 parents": http_route({}, parentRefs=[{"name": f"g{at}"} for at in range(MANY)]),
        "10,000 host names": http_route({}, hostnames=[f"*.h{at}" for at in range(MANY)]),
        "odd filters of a rule": http_route(
            {"filters": [*odd[0]["filters"], "x", None], "matches": [{"path": "x"}]}
        ),
        "a prefix in place of no match": http_route(
            {"filters": [_REWRITE], "matches": [{"path": "x"}], "backendRefs": BACKENDS}
        ),
        "odd filters": http_route({"backendRefs": odd}),
    }
