"""The odd cases that no proxy decides but its control plane: names, ages, delegates, mirrors.

Sources, in https://github.com/istio/istio/blob/master/: pilot/pkg/model/virtualservice.go for
delegates, pilot/pkg/model/config.go for names and ages, pilot/pkg/networking/core/route/route.go
for mirrors; for HTTPRoutes https://gateway-api.sigs.k8s.io/mesh/ and
https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule.
"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.routing.decision import Reason
from gateway.core.routing.mesh.delegates import merged
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.several import obeyed_service, routes_together
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version

STABLE = version("stable", url="http://b-primary.shop:8080/events")
CANARY = version("canary", url="http://b-canary.shop:8080/events")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders")
FOLLOW = Follow(8080, "/events", "b", namespace="shop")
TO_CANARY: dict[str, Any] = {"route": [{"destination": {"host": "b-canary"}}]}
FULL = "b.shop.svc.cluster.local"


def service(*http: Any, **more: Any) -> Any:
    """Read a VirtualService; `name`, `namespace` and `at`, its time, are of its metadata."""
    meta = {"name": more.pop("name", "b"), "namespace": more.pop("namespace", "shop")}
    if at := more.pop("at", ""):
        meta["creationTimestamp"] = f"2026-11-{at}T00:00:00Z"
    spec = {"hosts": ["b"], "http": list(http) or [TO_CANARY]} | more
    return read_virtual_service({"metadata": meta, "spec": spec})


def http_route(name: str, path: str, namespace: str = "shop", at: str = "01", **parent: Any) -> Any:
    meta = {"name": name, "namespace": namespace, "creationTimestamp": f"2026-11-{at}T00:00:00Z"}
    parents = [{"group": "", "kind": "Service", "name": "b", "namespace": "shop", **parent}]
    backends = [{"name": "b-canary", "namespace": "shop", "port": 8080}]
    matches = [{"path": {"type": "PathPrefix", "value": path}}]
    rules = [{"matches": matches, "backendRefs": backends}]
    return read_http_route({"metadata": meta, "spec": {"parentRefs": parents, "rules": rules}})


def applies(seen: Any, host: str | None = None, namespace: str = "shop", **more: Any) -> bool:
    follow = Follow(8080, "/events", host, namespace=namespace, **more)
    return not Followed(seen, follow, FOLLOWING).not_applied


@pytest.mark.parametrize("called", ["b", "b.shop", "b.shop.svc", FULL, f"{FULL}.", "B.Shop"])
@pytest.mark.parametrize("written", ["b", FULL])
def test_all_names_of_a_service_are_one_host(written: str, called: str) -> None:
    assert applies(service(hosts=[written]), called)


@pytest.mark.parametrize(
    ("written", "called"),
    [("b.shop", "b"), ("b.shop.svc", "b"), ("b", "b.other"), ("c", "b"), ("*.other.com", "b")],
)
def test_names_that_are_another_host(written: str, called: str) -> None:
    """A name with a dot is taken as it is: `b.shop` is a host of the domain `shop`."""
    assert not applies(service(hosts=[written]), called)


@pytest.mark.parametrize(
    ("export_to", "namespaces"),
    [
        ([], ["shop", "x", "y"]), (["*"], ["shop", "x", "y"]), (["."], ["shop"]),
        (["x"], ["x"]), ([".", "y"], ["shop", "y"]),
    ],
)  # fmt: skip
def test_to_whom_an_object_is_exported(export_to: list[str], namespaces: list[str]) -> None:
    seen = service(exportTo=export_to)
    assert [each for each in ("shop", "x", "y") if applies(seen, "b", each)] == namespaces


def test_of_several_objects_for_a_host_the_oldest_counts_then_name_and_namespace() -> None:
    old, new = service(name="z", at="01"), service(name="a", at="02")
    assert obeyed_service(new, [old], FOLLOW) is old
    assert obeyed_service(old, [new], FOLLOW) is old
    twin = service(name="y", at="01")
    assert obeyed_service(old, [twin], FOLLOW) is twin
    other = service(name="z", namespace="alpha", hosts=[FULL], at="01")
    assert obeyed_service(old, [other], FOLLOW) is other


def test_a_host_without_a_wildcard_counts_and_what_does_not_apply_never_does() -> None:
    wildcard = service(name="w", hosts=["*.shop.svc.cluster.local"], at="01")
    exact = service(name="e", at="02")
    assert obeyed_service(wildcard, [exact], FOLLOW) is exact
    elsewhere = service(name="a", at="01", gateways=["shop/g"])
    assert obeyed_service(exact, [elsewhere], FOLLOW) is exact


def test_a_delegates_short_names_are_of_its_own_namespace() -> None:
    root = service({"delegate": {"name": "d", "namespace": "team"}})
    match = {"gateways": ["g"]}
    leaf = service({"match": [match], **TO_CANARY}, name="d", namespace="team", hosts=[])
    (route,) = merged(root, [leaf]).routes
    assert route.destinations[0].host == "b-canary.team.svc.cluster.local"
    assert route.matches[0].gateways == ("team/g",)


def test_a_delegate_is_one_for_the_namespaces_that_it_is_exported_to() -> None:
    root = service({"name": "r", "delegate": {"name": "d", "namespace": "team"}})
    for export_to, found in ((["."], 0), (["shop"], 1), (["*"], 1), (["x"], 0)):
        leaf = service(name="d", namespace="team", hosts=[], exportTo=export_to)
        assert len(merged(root, [leaf]).routes) == found


def test_a_delegate_has_the_mirror_of_its_root_where_it_has_none() -> None:
    root = service({"delegate": {"name": "d"}, "mirror": {"host": "m"}})
    own = {**TO_CANARY, "mirror": {"host": "n"}}
    leaf = service(TO_CANARY, own, name="d", hosts=[])
    hosts = [each.mirrors[0].destination.host[0] for each in merged(root, [leaf]).routes]
    assert hosts == ["m", "n"]


def test_each_match_of_a_delegate_needs_one_of_its_root() -> None:
    """The product of both lists, without the pairs in conflict; none left drops the route."""
    above = [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}]
    root = service({"name": "r", "match": above, "delegate": {"name": "d"}})
    below = [{"uri": {"prefix": "/a/x"}}, {"headers": {"v": {}}}]
    leaf = service(
        {"name": "one", "match": below, **TO_CANARY},
        {"match": [*below, {"uri": {"exact": "/c"}}], **TO_CANARY},
        TO_CANARY, name="d", hosts=[],
    )  # fmt: skip
    routes = merged(root, [leaf]).routes
    assert [(each.name, len(each.matches)) for each in routes] == [("r-one", 3), ("r", 2)]


@pytest.mark.parametrize(
    ("route", "percent"),
    [
        ({"mirror": {"host": "b-canary"}}, 100),
        ({"mirror": {"host": "b-canary"}, "mirrorPercentage": {"value": 0.5}}, 0.5),
        ({"mirror": {"host": "b-canary"}, "mirrorPercentage": {"value": 0}}, None),
        ({"mirror": {"host": "b-canary"}, "mirrorPercentage": {}}, None),
        ({"mirror": {"host": "b-canary"}, "mirrorPercent": 7}, 7),
        ({"mirror": {"host": "b-canary"}, "mirrorPercent": 0}, None),
        ({"mirror": {"host": "b-canary"}, "mirrorPercent": 7, "mirrorPercentage": {"value": 9}}, 9),
        ({"mirrors": [{"destination": {"host": "b-canary"}}]}, 100),
        ({"mirrors": [{"destination": {"host": "b-canary"}, "percentage": {"value": 3}}]}, 3),
        ({"mirrors": [{"destination": {"host": "b-canary"}, "percentage": {}}]}, None),
    ],
)
def test_how_many_requests_are_mirrored(route: Any, percent: float | None) -> None:
    """Unset is all of them, and 0 is none."""
    stable = {"route": [{"destination": {"host": "b-primary"}}]}
    follow = Follow(8080, "/events", "b", namespace="shop", mirror=True)
    found = Followed(service({**stable, **route}), follow, FOLLOWING).decide(message()).copies
    assert found == (() if percent is None else ((CANARY, percent),))


def test_routes_that_are_all_for_others_are_no_object() -> None:
    """The plain Service is called then, not an error: the reason is the default."""
    routes = [
        {"match": [{"port": 9090}], **TO_CANARY},
        {"match": [{"gateways": ["g"]}], **TO_CANARY},
    ]
    found = Followed(service(*routes), FOLLOW, FOLLOWING)
    assert found.not_applied == "none of its routes is for this port, gateway and source"
    assert found.decide(message()).decision.reason is Reason.DEFAULT


@pytest.mark.parametrize(
    ("route", "namespaces"),
    [
        (http_route("b", "/"), ["shop", "x"]),
        (http_route("b", "/", namespace="x"), ["x"]),
        (http_route("b", "/", port=8080), ["shop", "x"]),
        (http_route("b", "/", port=80), []),
    ],
    ids=["producer", "consumer", "port", "another-port"],
)
def test_for_whom_an_http_route_is(route: Any, namespaces: list[str]) -> None:
    found = [each for each in ("shop", "x") if applies(route, "b.shop", each)]
    assert found == namespaces


def test_http_routes_of_one_service_are_one_list_the_oldest_first() -> None:
    young = http_route("a", "/", at="02")
    others = [
        http_route("c", "/", at="01"), http_route("d", "/events", at="03"),
        http_route("e", "/", at="01", port=80), http_route("f", "/", "x", at="01"),
    ]  # fmt: skip
    names = [each.name for each in routes_together(young, others, FOLLOW).routes]
    assert names == ["shop/d http-1", "shop/c http-1", "http-1"]
