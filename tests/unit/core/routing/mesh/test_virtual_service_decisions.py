"""The odd cases of Istio's routing, by name: what a followed VirtualService decides."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.mesh.delegates import merged
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.entry_index import EntryIndex
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow, RequestHeaders
from gateway.core.routing.mesh.matching import header_tests
from gateway.core.routing.mesh.outcomes import FollowedDecision
from gateway.core.routing.mesh.reader import InvalidObject
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version

STABLE = version("stable", url="http://b-primary.shop:8080/events")
CANARY = version("canary", url="http://b-canary.shop.svc:8080/events")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders", subsets={"canary": "canary"})
TO_CANARY = {"route": [{"destination": {"host": "b-canary"}}]}
TO_STABLE = {"route": [{"destination": {"host": "b-primary"}}]}


def to(host: str, weight: float | None = None, subset: str | None = None) -> dict[str, Any]:
    destination = {"host": host} | ({} if subset is None else {"subset": subset})
    return {"destination": destination} | ({} if weight is None else {"weight": weight})


def spec_of(*http: Any, **spec: Any) -> dict[str, Any]:
    meta = {"name": spec.pop("name", "b"), "namespace": spec.pop("namespace", "shop")}
    return {"metadata": meta, "spec": {"hosts": ["b"], "http": list(http)} | spec}


def followed(*http: Any, follow: dict[str, Any] | None = None, **spec: Any) -> Followed:
    settings = {"port": 8080, "path": "/events", "namespace": "shop"} | (follow or {})
    return Followed(read_virtual_service(spec_of(*http, **spec)), Follow(**settings), FOLLOWING)


def decided(*http: Any, attributes: Any = None, **rest: Any) -> FollowedDecision:
    return followed(*http, **rest).decide(message(attributes=attributes))


def matches(match: Any, attributes: Any = None, **follow: Any) -> bool:
    """Whether a match holds: its route is to the canary, what follows is to stable."""
    http = ({"match": [match], **TO_CANARY}, TO_STABLE)
    return decided(*http, attributes=attributes, follow=follow).decision.version is CANARY


def problems(*http: Any, **spec: Any) -> str:
    with pytest.raises(InvalidObject) as caught:
        read_virtual_service(spec_of(*http, **spec))
    return str(caught.value)


def test_the_first_match_wins_and_names_its_route() -> None:
    routes = ({"match": [{"headers": {"x": {"exact": "1"}}}], **TO_CANARY}, TO_STABLE)
    assert decided(*routes, attributes={"X": "1"}).decision == Decision(
        CANARY, Reason.RULE, "http-1"
    )
    assert decided(*routes).decision == Decision(STABLE, Reason.SPLIT)


def test_a_list_of_matches_is_or_and_fields_are_and() -> None:
    one = {"headers": {"a": {"exact": "1"}, "b": {"exact": "1"}}}
    routes = ({"name": "n", "match": [one, {"headers": {"c": {}}}], **TO_CANARY}, TO_STABLE)
    names = [
        decided(*routes, attributes=dict.fromkeys(each, "1")).decision.rule
        for each in ("ab", "c", "a")
    ]
    assert names == ["n", "n", None]


def test_the_first_of_many_matches_wins_whatever_headers_it_asks_for() -> None:
    """The index finds what a look at one match after another finds."""
    random = Random(14)
    conditions: list[dict[str, Any]] = [{"exact": "1"}, {"exact": "2"}, {"prefix": "1"}, {}]
    for _ in range(300):
        asked = [
            [
                (random.choice("abcd"), random.choice(conditions), random.random() < 0.2)
                for _ in range(random.randint(0, 3))
            ]
            for _ in range(random.randint(1, 6))
        ]
        attributes = {name: random.choice("12") for name in "abcd" if random.random() < 0.6}
        http = [{"match": [_match(each)], **TO_CANARY} for each in asked]
        found = decided(*http, TO_STABLE, attributes=attributes).decision
        first = next((at for at, each in enumerate(asked) if _holds(each, attributes)), None)
        split = first is None or not asked[first]
        assert found.rule == (None if split else f"http-{(first or 0) + 1}"), (asked, attributes)


def test_what_a_message_is_held_to_depends_on_its_attributes_not_on_the_object() -> None:
    """Of 2,000 routes by one header a decision looks at one, and at what ends the list."""
    asked = [{"match": [{"headers": {"x": {"exact": str(at)}}}], **TO_CANARY} for at in range(1999)]
    read = read_virtual_service(spec_of(*asked, TO_STABLE))
    follow = Follow(8080, "/events", namespace="shop")
    tests = [
        header_tests(each, follow, "b") or () for route in read.routes for each in route.matches
    ]
    index = EntryIndex([*tests, ()], follow.usual_headers)
    for attributes, found in (({"x": "7"}, [7, 1999]), ({"x": "no"}, [1999]), ({"y": "7"}, [1999])):
        sent = message(attributes=attributes)
        assert list(index.find(sent, RequestHeaders(sent, follow))) == found


def test_what_is_shown_of_destinations_is_bounded() -> None:
    many = [to(f"h{at}", 1) for at in range(1000)]
    found = followed({"route": [to("b-canary", 1), *many]})
    assert len(found.destinations) == 1001
    assert len(found.named_destinations) == 100
    assert found.destinations_left_out == 901


def _match(asked: Any) -> dict[str, Any]:
    return {
        "headers": {name: condition for name, condition, negated in asked if not negated},
        "withoutHeaders": {name: condition for name, condition, negated in asked if negated},
    }


def _holds(asked: Any, attributes: Any) -> bool:
    match = _match(asked)
    return all(_fits(attributes.get(n), c) for n, c in match["headers"].items()) and not any(
        _fits(attributes.get(n), c) for n, c in match["withoutHeaders"].items()
    )


def _fits(value: str | None, condition: Any) -> bool:
    if "prefix" in condition:
        return (value or "").startswith(condition["prefix"])
    return value == condition["exact"] if condition else value is not None


def test_a_catch_all_ends_the_list() -> None:
    late = {"match": [{"headers": {"x": {}}}], **TO_CANARY}
    assert decided(TO_STABLE, late, attributes={"x": "1"}).decision.version is STABLE


@pytest.mark.parametrize(
    ("match", "path", "holds"),
    [
        ({"uri": {"exact": "/events"}}, "/events?x=1", True),
        ({"uri": {"prefix": "/ev"}}, "/events", True),
        ({"uri": {"prefix": ""}}, "/events", True),
        ({"uri": {"regex": "/ev"}}, "/events", False),
        ({"uri": {"regex": "/ev.*"}}, "/events", True),
        ({"uri": {"prefix": "/EV"}, "ignoreUriCase": True}, "/events", True),
        ({"uri": {"exact": "/EVENTS"}, "ignoreUriCase": True}, "/events", True),
        ({"uri": {"regex": "/EV.*"}, "ignoreUriCase": True}, "/events", False),
        ({"queryParams": {"x": {"exact": "1"}}}, "/events?x=1", True),
        ({"queryParams": {"x": {}}}, "/events?x", True),
        ({"queryParams": {"x": {"exact": "1"}}}, "/events", False),
    ],
)
def test_paths_and_queries(match: Any, path: str, holds: bool) -> None:  # noqa: FBT001
    assert matches(match, path=path) is holds


def test_the_authority_has_the_port_but_for_80() -> None:
    exact = {"authority": {"exact": "b.shop"}}
    assert not matches(exact, host="b.shop", port=8080)
    assert matches(exact, host="b.shop", port=80)
    assert matches({"authority": {"prefix": "b.shop:"}}, host="b.shop")


@pytest.mark.parametrize(
    ("condition", "missing", "a"),
    [
        ({"exact": "a"}, False, True),
        ({"exact": ""}, False, False),
        ({"prefix": "a"}, False, True),
        ({"regex": ".*"}, False, True),
        ({"regex": "*"}, False, True),
        ({}, False, True),
    ],
)
def test_a_missing_header_matches_nothing(condition: Any, missing: bool, a: bool) -> None:  # noqa: FBT001
    match = {"headers": {"X-Key": condition}}
    assert (matches(match), matches(match, {"x-key": "a"})) == (missing, a)


@pytest.mark.parametrize(
    ("condition", "missing", "a"),
    [
        ({"exact": "a"}, True, False),
        ({"prefix": "a"}, True, False),
        ({"regex": ".*"}, False, False),
        ({"exact": ""}, False, True),
        ({"regex": "*"}, True, False),
        ({}, True, False),
        (None, True, False),
    ],
)
def test_without_headers_takes_a_missing_one_for_empty(
    condition: Any,
    missing: bool,  # noqa: FBT001
    a: bool,  # noqa: FBT001
) -> None:
    match = {"withoutHeaders": {"X-Key": condition}}
    assert (matches(match), matches(match, {"x-key": "a"})) == (missing, a)


def test_the_request_has_content_type_and_the_version_but_no_binary_attribute() -> None:
    assert matches({"headers": {"content-type": {"exact": "application/json"}}})
    assert matches({"headers": {"version": {"exact": "v2"}}}, {"baggage": "version=v2"})
    assert not matches({"headers": {"x": {}}}, {"x": b"1"})
    assert matches({"method": {"exact": "POST"}, "scheme": {"exact": "http"}})


def test_ports_labels_namespaces_and_gateways_of_a_match() -> None:
    assert not matches({"port": 9090})
    assert not matches({"sourceLabels": {"app": "a"}})
    assert matches({"sourceLabels": {"app": "a"}}, labels={"app": "a", "x": "y"})
    assert not matches({"sourceNamespace": "other"})
    assert matches({"gateways": ["mesh"], "sourceLabels": {"app": "a"}, "sourceNamespace": "o"})
    assert not matches({"gateways": ["ingress"]})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"exportTo": ["."], "namespace": "other"}, "not exported"),
        ({"gateways": ["ingress"]}, "not for the gateway mesh"),
        ({"hosts": ["c"]}, "b is none of its hosts (c.shop.svc.cluster.local)"),
        ({"hosts": [f"{each}.x" for each in "cdefg"]}, "hosts (c.x, d.x, e.x and 2 more)"),
    ],
)
def test_an_object_that_is_not_for_the_producer_does_not_exist(spec: Any, words: str) -> None:
    found = followed(TO_CANARY, follow={"host": "b"}, **spec)
    assert words in found.not_applied
    assert found.decide(message()).decision == Decision(STABLE, Reason.DEFAULT)


def test_an_object_whose_routes_are_all_for_others_does_not_exist() -> None:
    found = followed({"match": [{"sourceLabels": {"app": "x"}}], **TO_CANARY})
    assert "none of its routes" in found.not_applied


@pytest.mark.parametrize("weight", [None, 0, 50])
def test_one_destination_takes_all_whatever_its_weight(weight: int | None) -> None:
    found = decided({"route": [to("b-canary", weight)]}).decision
    assert found == Decision(CANARY, Reason.SPLIT)


def test_weights_of_0_are_dropped_and_floats_are_numbers() -> None:
    found = decided({"route": [to("b-primary", 0.0), to("b-canary", 10.0)]}).decision
    assert found == Decision(CANARY, Reason.SPLIT)


def test_a_name_with_a_dot_is_no_short_name() -> None:
    found = decided({"route": [to("b-canary.shop", 1), to("b-primary", 0)]})
    assert found == FollowedDecision(Decision(STABLE, Reason.SPLIT), unmapped=True)


def test_a_subset_is_one_of_the_followed_host() -> None:
    assert decided({"route": [to("b", subset="canary")]}).decision.version is CANARY
    with pytest.raises(InvalidObject, match="no destination is a version") as caught:
        followed({"route": [to("other", subset="canary")]})
    for known in ("b.shop.svc.cluster.local/canary", "b-primary.shop.svc.cluster.local"):
        assert known in str(caught.value), "what would be one"


def test_routes_of_tcp_and_tls_are_named_as_not_obeyed() -> None:
    assert followed(TO_STABLE, tcp=[{"route": [to("b-primary")]}], tls=[]).notes == (
        "tcp is not obeyed",
    )


def test_where_stable_is_a_queue_without_a_subset_an_object_may_be_for_stable_alone() -> None:
    """After a promotion the canary's destination is gone, and the old weights must not stay."""
    queue = replace(version("stable"), url="")
    versions = FollowingVersions((queue, CANARY), queue, "orders", subsets={"canary": "canary"})
    seen = read_virtual_service(spec_of({"route": [to("b", subset="stable")]}))
    found = Followed(seen, Follow(8080, "/events", namespace="shop"), versions)
    assert found.decide(message()).decision == Decision(queue, Reason.SPLIT)


def test_the_share_of_an_unmapped_destination_is_stables() -> None:
    found = followed({"route": [to("b-experiment", 99), to("b-canary", 1)]})
    assert found.unmapped_share == pytest.approx(0.99)
    seen = {found.decide(message(message_id=f"m-{n}"))[:2] for n in range(300)}
    assert all(each.version is CANARY or unmapped for each, unmapped in seen)
    assert {each.version for each, _ in seen} == {STABLE, CANARY}


def test_the_unmapped_share_is_that_of_the_weights_in_force() -> None:
    matched = {"match": [{"headers": {"x": {"exact": "1"}}}], "route": [to("b-experiment")]}
    assert followed(matched, {"route": [to("b-canary")]}).unmapped_share == 0
    only = {"match": [{"headers": {"x": {"exact": "1"}}}], "route": [to("b-canary")]}
    assert followed(only, {"route": [to("b-experiment")]}).unmapped_share == 1
    assert followed(only).unmapped_share == 0


@pytest.mark.parametrize("end", [{"redirect": {"uri": "/"}}, {"directResponse": {"status": 200}}])
def test_a_redirect_goes_to_stable_as_a_rule(end: Any) -> None:
    found = decided(end)
    assert found == FollowedDecision(Decision(STABLE, Reason.RULE, "http-1"), unroutable=True)


def test_an_unknown_field_blocks_one_route_and_no_weights() -> None:
    found = followed({"match": [{"cookies": {}}], **TO_CANARY}, TO_STABLE)
    assert found.decide(message()).decision == Decision(STABLE, Reason.SPLIT)
    assert "http-1 is passed over" in found.notes[0]


def test_a_mirror_is_obeyed_only_where_it_is_asked_for() -> None:
    route = {**TO_STABLE, "mirror": {"host": "b-canary"}, "mirrorPercentage": {"value": 5}}
    assert decided(route).copies == ()
    assert decided(route, follow={"mirror": True}).copies == ((CANARY, 5),)


def test_a_delegate_is_narrowed_by_its_root() -> None:
    root = spec_of(
        {"name": "r", "match": [{"uri": {"prefix": "/ev"}}], "delegate": {"name": "d"}}, TO_STABLE
    )
    leaf = spec_of(
        {"name": "x", "match": [{"uri": {"prefix": "/other"}}], **TO_CANARY},
        {"name": "y", "match": [{"headers": {"v": {"exact": "2"}}}], **TO_CANARY},
        name="d", hosts=[],
    )  # fmt: skip
    both = merged(read_virtual_service(root), [read_virtual_service(leaf)])
    assert [each.name for each in both.routes] == ["r-y", "http-2"]
    found = Followed(both, Follow(8080, "/events", namespace="shop"), FOLLOWING)
    assert found.decide(message(attributes={"v": "2"})).decision.rule == "r-y"
    assert [each.name for each in merged(read_virtual_service(root), []).routes] == ["http-2"]


@pytest.mark.parametrize(
    ("above", "below", "merges"),
    [
        ({"sourceNamespace": "x"}, {"sourceNamespace": "x"}, True),
        ({"sourceNamespace": "x"}, {}, False),
        ({"sourceLabels": {"app": "a"}}, {"sourceLabels": {"v": "1"}}, True),
        ({"sourceLabels": {"app": "a"}}, {"sourceLabels": {"app": "b"}}, False),
        ({"gateways": ["mesh", "g"]}, {"gateways": ["mesh"]}, True),
        ({"gateways": ["g"]}, {"gateways": ["mesh"]}, False),
        ({"port": 80}, {"port": 81}, False),
        ({"headers": {"a": {"regex": "a+"}}}, {"headers": {"b": {"regex": "b+"}}}, True),
        ({"headers": {"a": {"regex": "a+"}}}, {"headers": {"a": {"regex": "a+"}}}, False),
    ],
)
def test_matches_of_a_root_and_its_delegate(above: Any, below: Any, merges: bool) -> None:  # noqa: FBT001
    root = spec_of({"match": [above], "delegate": {"name": "d"}})
    leaf = spec_of({"match": [below], **TO_CANARY}, name="d", hosts=[])
    routes = merged(read_virtual_service(root), [read_virtual_service(leaf)]).routes
    assert bool(routes) is merges
    if merges:
        match = routes[0].matches[0]
        said = {**above.get("sourceLabels", {}), **below.get("sourceLabels", {})}
        assert dict(match.source_labels) == said
        assert match.source_namespace == above.get("sourceNamespace", "")
        assert list(match.gateways) == below.get("gateways", [])


def test_root_and_delegate_together_are_bounded() -> None:
    """A thousand matches under a thousand are refused before they are multiplied."""
    many = [{"headers": {f"h{at}": {}}} for at in range(1000)]
    root = spec_of({"match": many, "delegate": {"name": "d"}})
    leaf = spec_of({"match": many, **TO_CANARY}, name="d", hosts=[])
    with pytest.raises(InvalidObject, match="with delegates more than 2000"):
        merged(read_virtual_service(root), [read_virtual_service(leaf)])


@pytest.mark.parametrize("name", ["shop/g", "./g", "g", "g.shop", "g.shop.svc.cluster.local"])
def test_all_names_of_a_gateway_are_one(name: str) -> None:
    assert not followed(TO_CANARY, gateways=[name], follow={"gateway": "shop/g"}).not_applied
    assert followed(TO_CANARY, gateways=[name]).not_applied


def test_a_value_that_fits_no_header_is_in_no_request() -> None:
    """Nor is it matched by any regex, however long that would take."""
    match = {"headers": {"x": {"regex": "a*"}}}
    assert matches(match, {"x": "a" * 8192})
    assert not matches(match, {"x": "a" * 8193})


def test_regexes_are_counted_where_they_are_used() -> None:
    match = {"headers": {"x": {"regex": "a+"}}}
    found = read_virtual_service(spec_of(*[{"match": [match] * 70, **TO_CANARY}] * 3, TO_STABLE))
    assert [bool(each.blocked) for each in found.routes] == [False, False, True, False]
    assert any("more than 200 regexes" in note for note in found.notes)


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ({}, "none of route"),
        ({**TO_STABLE, "redirect": {}}, "both route and redirect"),
        ({"fault": {}, "redirect": {}}, "both fault and redirect"),
        ({**TO_STABLE, "delegate": {"name": "d"}}, "delegate beside"),
        ({"route": [to("a", 0), to("b", 0)]}, "only weights of 0"),
        ({"route": [to("a", -1), to("b", 2)]}, "must be in 0"),
        ({"route": [to("*")]}, "must not be `*`"),
        ({"route": [{}]}, "missing"),
        ({"route": [to("b", subset="A_b")]}, "no DNS label"),
        ({"match": [{"headers": {"x": None}}], **TO_STABLE}, "must not be null"),
        ({"match": [{"headers": {"x": {"prefix": ""}}}], **TO_STABLE}, "must not be empty"),
        ({"match": [{"uri": {"regex": "("}}], **TO_STABLE}, "is not RE2"),
        ({"match": [{"uri": {"regex": "a" * 1025}}], **TO_STABLE}, "longer than 1024"),
        ({"match": [{"headers": {"@request.auth.claims.a": {}}}], **TO_STABLE}, "for gateways"),
        ({**TO_STABLE, "mirror": {"host": "c"}, "mirrors": [{}]}, "both mirror and mirrors"),
        ({**TO_STABLE, "mirrorPercentage": {"value": 101}}, "must be in 0..100"),
        ({"match": [{}] * 2001, **TO_STABLE}, "more than 2000 matches"),
        (
            {"match": [{"headers": {str(at): {} for at in range(2001)}}], **TO_STABLE},
            "more than 2000 matches and conditions",
        ),
    ],
)
def test_what_istio_refuses_is_refused_whole(route: Any, words: str) -> None:
    assert words in problems(TO_STABLE, route)


@pytest.mark.parametrize("spec", [{"hosts": ["*"]}, {"hosts": ["b", "b"]}, {"hosts": [3]}])
def test_hosts_that_istio_refuses(spec: Any) -> None:
    assert "spec.hosts" in problems(TO_STABLE, **spec)
