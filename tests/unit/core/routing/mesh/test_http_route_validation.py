"""What the API server refuses of an HTTPRoute is refused, with place and fix.

Source: the rules in https://github.com/kubernetes-sigs/gateway-api/blob/main/apis/v1/httproute_types.go
"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.reader import InvalidObject

BACKEND: dict[str, Any] = {"name": "b-canary", "port": 8080}
SET = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": []}}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}
REWRITE = {"type": "URLRewrite", "urlRewrite": {"hostname": "x"}}
BY_PREFIX = {
    "type": "URLRewrite",
    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
}


def read(*rules: Any) -> Any:
    parents = [{"group": "", "kind": "Service", "name": "b"}]
    meta = {"name": "b", "namespace": "shop"}
    spec = {"parentRefs": parents, "rules": list(rules)}
    return read_http_route({"metadata": meta, "spec": spec})


def mirror(**more: Any) -> dict[str, Any]:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": BACKEND, **more}}


def path(value: str, kind: str = "Exact") -> dict[str, Any]:
    return {"matches": [{"path": {"type": kind, "value": value}}]}


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"timeouts": {"request": "1.5s"}},
         ".timeouts.request: is no duration: write one such as 10s or 1m30s"),
        ({"timeouts": {"request": "100000s"}},
         ".timeouts.request: is no duration: write one such as 10s or 1m30s"),
        ({"timeouts": {"backendRequest": "1us"}},
         ".timeouts.backendRequest: is no duration: write one such as 10s or 1m30s"),
        ({"timeouts": {"request": "200ms", "backendRequest": "1s"}},
         ".timeouts.backendRequest: is longer than request: shorten it"),
        ({"filters": [SET, SET]}, ".filters: has RequestHeaderModifier more than once: keep one"),
        ({"filters": [REDIRECT, REWRITE]},
         ".filters: has RequestRedirect and URLRewrite: keep one"),
        ({"filters": [REDIRECT], "backendRefs": [BACKEND]},
         ": has RequestRedirect and backendRefs: keep one"),
        ({"filters": [{"type": "RequestRedirect"}]},
         ".filters[0].requestRedirect: missing: the type RequestRedirect needs it"),
        ({"filters": [{**SET, "cors": {}}]},
         ".filters[0].cors: is of the type CORS: leave it out"),
        ({"filters": [{}]}, ".filters[0].type: missing: give one"),
        ({"filters": [BY_PREFIX], **path("/a")},
         ".filters: replacePrefixMatch needs one match, by PathPrefix"),
        ({"filters": [BY_PREFIX], "matches": [{}, {}]},
         ".filters: replacePrefixMatch needs one match, by PathPrefix"),
        ({"filters": [mirror(percent=1, fraction={"numerator": 1})]},
         ".filters[0].requestMirror: has percent and fraction: keep one"),
        ({"filters": [mirror(fraction={"numerator": 3, "denominator": 2})]},
         ".filters[0].requestMirror.fraction: is more than all: lower the numerator"),
        ({"filters": [mirror(percent=1.5)]},
         ".filters[0].requestMirror.percent: must be a whole number"),
        ({"backendRefs": [{**BACKEND, "filters": [SET, SET]}]},
         ".backendRefs[0].filters: has RequestHeaderModifier more than once: keep one"),
        ({"backendRefs": [{**BACKEND, "weight": 1_000_001}]},
         ".backendRefs[0].weight: must be in 0..1000000"),
        ({"matches": [{"method": "post"}]},
         ".matches[0].method: 'post' is none: write one such as POST"),
        ({"matches": [{"headers": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}]},
         ".matches[0].headers[1].name: a is there twice: leave one out"),
        ({"matches": [{"headers": [{"name": "a b", "value": "1"}]}]},
         ".matches[0].headers[0].name: 'a b' is no name: correct it"),
        (path("x"), ".matches[0].path.value: must begin with a slash"),
        (path("/a//b"), ".matches[0].path.value: has //: write the path without it"),
        (path("/a/.."), ".matches[0].path.value: has /..: write the path without it"),
        (path("/a%2Fb", "PathPrefix"),
         ".matches[0].path.value: has %2F: write the path without it"),
        (path("/a?b"), ".matches[0].path.value: '/a?b' is no path: encode its characters as %XX"),
    ],
)  # fmt: skip
def test_rules_that_the_api_server_refuses(rule: Any, problem: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        read(rule)
    assert caught.value.problems == (f"spec.rules[0]{problem}",)


def test_names_of_rules_are_different() -> None:
    named = {"name": "r", "backendRefs": [BACKEND]}
    with pytest.raises(
        InvalidObject, match=r"rules\[1\].name: r is another rule's too: rename one"
    ):
        read(named, named)
    assert len(read({**named, "name": "s"}, named, {}, {}).routes) == 4


@pytest.mark.parametrize(
    "rule",
    [
        {"timeouts": {"request": "0s", "backendRequest": "1h30m10s500ms"}},
        {"timeouts": {"request": "10s", "backendRequest": "10s"}},
        {"timeouts": {"backendRequest": "99999h"}},
        {"filters": [SET, REWRITE, mirror(), mirror(fraction={"numerator": 1, "denominator": 1})]},
        {"filters": [BY_PREFIX]}, {"filters": [BY_PREFIX], "matches": [{"method": "POST"}]},
        {"filters": [REDIRECT]}, {"filters": [{"type": "example.com/Unheard"}]},
        {"matches": [{"headers": [{"name": "a", "value": "1"}, {"name": "A", "value": "2"}]}]},
        path("/a?b//[x]", "RegularExpression"), path("/a%20b/(c)"),
    ],
)  # fmt: skip
def test_what_the_api_server_takes_is_taken(rule: Any) -> None:
    assert read(rule).routes
