"""Any JSON in any place of a followed object: it decides, or is refused with a sentence."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.routing.mesh.delegates import merged
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.reader import InvalidObject
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version
from tests.hostile_objects import ROUTE, http_route, nested, service

STABLE = version("stable", url="http://b-primary.shop:8080/")
CANARY = version("canary", url="http://b-canary.shop:8080/")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders", subsets={"canary": "canary"})
FOLLOW = Follow(8080, "/events?a=b", namespace="shop", mirror=True)
TEXTS = st.text(st.characters(), max_size=20)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -1, 2**31, 2**63, 0.5, 1e308])
ODD = st.sampled_from(["", "*", "*.", "\0", "\ud800", "mesh", "(", "(a+)+$", {}, [], nested()])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
STRING = {"exact": "a"}
SERVICE = service(
    {
        "name": "first",
        "match": [
            {
                "uri": {"prefix": "/"},
                "method": STRING,
                "authority": {"regex": ".*"},
                "scheme": STRING,
                "headers": {"x": STRING, "y": {"regex": "a+"}, "z": {}},
                "withoutHeaders": {"w": STRING},
                "queryParams": {"a": STRING},
                "port": 8080,
                "sourceLabels": {"app": "a"},
                "sourceNamespace": "shop",
                "gateways": ["mesh"],
                "ignoreUriCase": True,
            },
            {"headers": {"x": {"prefix": "b"}}},
        ],
        "route": ROUTE,
        "mirrors": [{"destination": {"host": "b-canary"}, "percentage": {"value": 5.5}}],
        "timeout": "1s",
        "headers": {"request": {"set": {"a": "b"}, "remove": ["c"]}},
        "retries": {"attempts": 1, "perTryTimeout": "1s", "retryOn": "5xx,503"},
        "fault": {
            "delay": {"percentage": {"value": 1}, "fixedDelay": "1s"},
            "abort": {"httpStatus": 503},
        },
        "corsPolicy": {
            "allowOrigins": [{"regex": "a+"}, {"exact": "a"}],
            "allowMethods": ["GET"],
            "allowHeaders": ["a"],
            "maxAge": "1s",
        },
        "rewrite": {"uriRegexRewrite": {"match": "a+", "rewrite": "b"}},
    },
    {"match": [{"port": 1}], "redirect": {"uri": "/"}},
    {"match": [{"port": 2}], "directResponse": {"status": 200, "body": {"string": "a"}}},
    {"delegate": {"name": "d", "namespace": "shop"}},
    {"mirror": {"host": "b", "subset": "canary", "port": {"number": 1}}, "route": ROUTE},
    exportTo=["*"],
    gateways=["mesh"],
)
HTTP_ROUTE = http_route(
    {
        "name": "first",
        "matches": [
            {
                "path": {"type": "PathPrefix", "value": "/events"},
                "method": "POST",
                "headers": [{"type": "RegularExpression", "name": "x", "value": "a+"}],
                "queryParams": [{"name": "a", "value": "b"}],
            }
        ],
        "filters": [
            {
                "type": "RequestMirror",
                "requestMirror": {
                    "backendRef": {"name": "b-canary", "port": 1},
                    "fraction": {"numerator": 1, "denominator": 3},
                },
            },
            {"type": "CORS", "cors": {}},
            {
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
            },
        ],
        "timeouts": {"request": "2s", "backendRequest": "1s"},
        "backendRefs": [
            {"group": "", "kind": "Service", "name": "b-canary", "port": 1, "weight": 1},
            {"name": "b-primary", "port": 1, "filters": [{"type": "CORS", "cors": {}}]},
        ],
    },
    hostnames=["b.shop"],
)
DOCUMENTS = st.sampled_from([(read_virtual_service, SERVICE), (read_http_route, HTTP_ROUTE)])
MESSAGES = [message(attributes={"x": text, "y": "a"}) for text in ("a", "\ud800", "\0", "é")]


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each value in a JSON value."""
    found = [at]
    inner: Any = enumerate(value) if isinstance(value, list) else ()
    for key, each in value.items() if isinstance(value, dict) else inner:
        found += places(each, (*at, key))
    return found


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a JSON value with another value in one place."""
    if not place:
        return value
    made = copy.deepcopy(document)
    inner = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


def compiled(read: Any, document: Any) -> Followed | str:
    try:
        seen = read(document)
        return Followed(merged(seen, [seen]), FOLLOW, FOLLOWING)
    except InvalidObject as problem:
        return str(problem)


def check(read: Any, document: Any) -> None:
    found = compiled(read, document)
    if isinstance(found, str):
        assert found
        assert found.isprintable()
        return
    for sent in MESSAGES:
        decided = found.decide(sent)
        assert decided.decision.version in (STABLE, CANARY)
        assert 0 <= found.copied(sent, STABLE, CANARY) <= 100
    assert all(each.isprintable() for each in (*found.notes, *found.named_destinations))


@given(JSON)
def test_any_json_is_an_object_or_a_sentence(document: Any) -> None:
    check(read_virtual_service, document)
    check(read_http_route, document)


@given(DOCUMENTS, st.data(), JSON)
def test_any_json_in_one_place_of_an_object_is_taken_or_refused(
    chosen: Any, data: st.DataObject, value: Any
) -> None:
    read, document = chosen
    place = data.draw(st.sampled_from(places(document)))
    check(read, changed(document, place, value))


def test_each_place_may_be_missing_or_null() -> None:
    for read, document in ((read_virtual_service, SERVICE), (read_http_route, HTTP_ROUTE)):
        for place in places(document)[1:]:
            check(read, changed(document, place, None))
