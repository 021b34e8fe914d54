"""What a followed HTTPRoute decides: precedence, defaults, weights, filters and parents."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.outcomes import FollowedDecision
from gateway.core.routing.mesh.reader import InvalidObject
from tests.builders import message, version

STABLE = version("stable", url="http://b-primary.shop:8080/events")
CANARY = version("canary", url="http://b-canary.shop:8080/events")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders")
SERVICE = {"group": "", "kind": "Service", "name": "b"}


def backend(name: str, weight: int | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "port": 8080} | ({} if weight is None else {"weight": weight}) | more


TO_CANARY = {"backendRefs": [backend("b-canary")]}
TO_STABLE = {"backendRefs": [backend("b-primary")]}


def route_of(*rules: Any, **spec: Any) -> dict[str, Any]:
    meta = {"name": "b", "namespace": spec.pop("namespace", "shop")}
    return {"metadata": meta, "spec": {"parentRefs": [SERVICE], "rules": list(rules)} | spec}


def followed(*rules: Any, follow: Any = None, **spec: Any) -> Followed:
    settings = {"port": 8080, "path": "/events", "namespace": "shop"} | (follow or {})
    return Followed(read_http_route(route_of(*rules, **spec)), Follow(**settings), FOLLOWING)


def decided(*rules: Any, attributes: Any = None, **rest: Any) -> FollowedDecision:
    return followed(*rules, **rest).decide(message(attributes=attributes))


def path(value: str, kind: str = "PathPrefix") -> dict[str, Any]:
    return {"path": {"type": kind, "value": value}}


def header(name: str, value: str, kind: str | None = None) -> dict[str, Any]:
    return {"name": name, "value": value} | ({} if kind is None else {"type": kind})


SPECIFIC = (
    path("/events", "Exact"),
    path("/events"),
    path("/e.*", "RegularExpression") | {"method": "POST"},
    path("/") | {"method": "POST"},
    path("/") | {"headers": [header("a", "1"), header("b", "1")]},
    path("/") | {"headers": [header("a", "1")], "queryParams": [header("q", "1")]},
    path("/") | {"headers": [header("a", "1")]},
    path("/"),
)
"""From the most specific to the least, but for the regex, which comes behind all prefixes."""


def test_the_most_specific_match_wins_whatever_the_order() -> None:
    order = [*SPECIFIC[:2], *SPECIFIC[3:], SPECIFIC[2]]
    rules = [
        {"name": f"rule-{at}", "matches": [each], **TO_CANARY} for at, each in enumerate(order)
    ]
    everything = {"a": "1", "b": "1"}
    for seed in range(20):
        left = list(rules)
        Random(seed).shuffle(left)
        for each in rules[:-2]:  # the last two never have their turn: `/` takes all that is left
            found = decided(*left, attributes=everything, follow={"path": "/events?q=1"})
            assert found.decision.rule == each["name"]
            left.remove(each)


def test_of_equal_matches_the_first_rule_wins_and_names_count_from_1() -> None:
    match = {"matches": [{"headers": [header("X", "1")]}]}
    found = decided({**match, **TO_STABLE}, {**match, **TO_CANARY}, attributes={"x": "1"})
    assert found.decision == Decision(STABLE, Reason.RULE, "http-1")


def test_a_rule_without_a_match_or_with_the_prefix_slash_is_the_split() -> None:
    rule = {"backendRefs": [backend("b-primary", 0), backend("b-canary", 5)]}
    for matches in ({}, {"matches": []}, {"matches": [{}]}, {"matches": [path("/")]}):
        assert decided({**rule, **matches}).decision == Decision(CANARY, Reason.SPLIT)


@pytest.mark.parametrize(
    ("match", "url", "holds"),
    [
        (path("/ev"), "/events", False),
        (path("/events/"), "/events", True),
        (path("/events"), "/events/x", True),
        (path("/events", "Exact"), "/events/", False),
        (path("/ev.*", "RegularExpression"), "/events", True),
        (path("/ev", "RegularExpression"), "/events", False),
        ({"method": "GET"}, "/", False),
        ({"headers": [header("A", "1"), header("a", "2")]}, "/", True),
        ({"headers": [header("a", "[0-9]", "RegularExpression")]}, "/", True),
        ({"headers": [header("b", ".*", "RegularExpression")]}, "/", False),
        ({"queryParams": [header("q", "1")]}, "/?q=1", True),
        ({"queryParams": [header("Q", "1")]}, "/?q=1", False),
    ],
)
def test_paths_are_whole_elements_and_duplicates_do_not_count(
    match: Any,
    url: str,
    holds: bool,  # noqa: FBT001
) -> None:
    found = decided({"matches": [match], **TO_CANARY}, attributes={"a": "1"}, follow={"path": url})
    assert (found.decision.version is CANARY) is holds


@pytest.mark.parametrize(
    "backends",
    [[], [backend("b-canary", 0)], [backend("b-primary", 0), backend("b-canary", 0)]],
)
def test_weights_of_0_are_an_error_that_leaves_the_message_to_stable(backends: Any) -> None:
    found = decided({"backendRefs": backends}, {"name": "x", **TO_CANARY, "matches": [path("/x")]})
    assert found == FollowedDecision(Decision(STABLE, Reason.RULE, "http-1"), unroutable=True)


def test_an_unset_weight_is_1_and_a_backend_of_another_kind_has_its_share() -> None:
    rule = {"backendRefs": [backend("b-canary"), backend("b-primary", 1, kind="Pool", group="x")]}
    found = [followed(rule).decide(message(message_id=str(at))) for at in range(1000)]
    assert 430 < sum(each.decision.version is CANARY for each in found) < 570
    assert {each.unmapped for each in found if each.decision.version is STABLE} == {True}


@pytest.mark.parametrize(
    "rule",
    [
        {"filters": [{"type": "RequestRedirect", "requestRedirect": {}}]},
        {**TO_CANARY, "filters": [{"type": "ExtensionRef", "extensionRef": {"name": "x"}}]},
        {**TO_CANARY, "filters": [{"type": "Unheard"}]},
    ],
)
def test_filters_that_send_elsewhere_leave_the_message_to_stable(rule: Any) -> None:
    found = decided(rule)
    assert (found.decision.version, found.decision.reason) == (STABLE, Reason.RULE)
    assert found.unroutable


@pytest.mark.parametrize("share", [{"percent": 20}, {"fraction": {"numerator": 20}}])
def test_a_mirror_is_obeyed_where_it_is_asked_for(share: Any) -> None:
    mirror = {"backendRef": backend("b-canary"), **share}
    rule = {**TO_STABLE, "filters": [{"type": "RequestMirror", "requestMirror": mirror}]}
    assert decided(rule).copies == ()
    assert decided(rule, follow={"mirror": True}).copies == ((CANARY, 20),)


def test_an_unknown_field_blocks_its_rule_and_no_weights() -> None:
    found = followed({"matches": [{"cookies": []}], **TO_STABLE}, TO_CANARY)
    assert found.decide(message()).decision.version is CANARY
    assert found.notes == ("http-1 is passed over: spec.rules[0].matches[0] has cookies",)


@pytest.mark.parametrize(
    ("spec", "follow", "why"),
    [
        ({}, {}, ""),
        ({}, {"host": "b.shop.svc.cluster.local"}, ""),
        ({}, {"host": "c"}, "c is none of its Services"),
        ({"parentRefs": [{**SERVICE, "port": 80}]}, {}, "it is not for port 8080"),
        ({"parentRefs": [{**SERVICE, "port": 80}, {**SERVICE, "port": 8080}]}, {}, ""),
        ({"parentRefs": [{"name": "g"}]}, {}, "none of its parents is a Service"),
        ({"parentRefs": [{"name": "g"}]}, {"gateway": "g"}, ""),
        ({"parentRefs": [{"name": "g"}]}, {"gateway": "h"}, "does not belong to the Gateway h"),
        (
            {"parentRefs": [{"name": "g"}], "hostnames": ["*.example.com"]},
            {"gateway": "g", "host": "b.example.com"},
            "",
        ),
        (
            {"parentRefs": [{"name": "g"}], "hostnames": ["a.example.com"]},
            {"gateway": "shop/g", "host": "b.example.com"},
            "b.example.com is none of its host names",
        ),
        ({"namespace": "a", "parentRefs": [{**SERVICE, "namespace": "shop"}]}, {}, "namespace a"),
        (
            {"namespace": "a", "parentRefs": [{**SERVICE, "namespace": "shop"}]},
            {"namespace": "a"},
            "",
        ),
    ],
)
def test_for_whom_a_route_is(spec: Any, follow: Any, why: str) -> None:
    rule = {"backendRefs": [backend("b-canary", namespace="shop")]}
    found = followed(rule, follow=follow, **spec)
    assert why in found.not_applied if why else found.not_applied == ""
    reason = Reason.DEFAULT if why else Reason.SPLIT
    assert found.decide(message()).decision.reason is reason


def test_without_a_backend_that_is_a_version_the_object_is_refused() -> None:
    with pytest.raises(InvalidObject, match=r"no destination is a version: c.shop.svc"):
        followed({"backendRefs": [backend("c")]})


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"backendRefs": [{"name": "b-canary"}]}, "port: missing"),
        ({"backendRefs": [{"port": 1}]}, "name: missing"),
        ({"backendRefs": [backend("b", -1)]}, "must be in 0"),
        ({"matches": [path("x")], **TO_CANARY}, "must begin with a slash"),
        ({"matches": [path("(", "RegularExpression")], **TO_CANARY}, "is not RE2"),
        ({"matches": [{"headers": [{"name": "a"}]}], **TO_CANARY}, "value: missing"),
        ({"matches": [{"headers": [{"value": "a"}]}], **TO_CANARY}, "name: missing"),
        ({"matches": [{}] * 2001}, "more than 2000 matches"),
        ("x", "must be an object"),
    ],
)
def test_what_the_api_server_refuses_is_refused_whole(rule: Any, words: str) -> None:
    with pytest.raises(InvalidObject, match=words):
        read_http_route(route_of(TO_STABLE, rule))


def test_a_rising_weight_moves_keys_to_the_canary_alone() -> None:
    before: set[str] = set()
    for weight in (0, 1, 10, 50, 99, 100):
        backends = [backend("b-primary", 100 - weight), backend("b-canary", weight)]
        found = followed({"backendRefs": backends[:: (-1) ** weight]})
        ids = [str(at) for at in range(2000)]
        canary = {
            each
            for each in ids
            if found.decide(message(message_id=each)).decision.version is CANARY
        }
        assert before <= canary
        before = canary
