"""What a sidecar is told, and that nothing of our files is left out unseen."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.demo.mesh.envoy import Call, bootstrap
from gateway.demo.mesh.objects import Mesh, MeshError, Target, demo_mesh, read_mesh

PORTS = {"b": 1, "b1": 2, "caller": 3}


def service(name: str, **selector: str) -> dict[str, Any]:
    return {"kind": "Service", "metadata": {"name": name}, "spec": {"selector": selector}}


def pods(name: str, replicas: int = 1, **labels: str) -> dict[str, Any]:
    template = {"metadata": {"labels": labels}}
    spec = {"replicas": replicas, "template": template}
    return {"kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def rules(*http: dict[str, Any], host: str = "b") -> dict[str, Any]:
    spec = {"hosts": [host], "http": list(http)}
    return {"kind": "VirtualService", "metadata": {"name": host}, "spec": spec}


def to(host: str, **more: Any) -> dict[str, Any]:
    return {"destination": {"host": host}, **more}


def subset(host: str, name: str, **labels: str) -> dict[str, Any]:
    spec = {"host": host, "subsets": [{"name": name, "labels": labels}]}
    return {"kind": "DestinationRule", "metadata": {"name": host}, "spec": spec}


BASE = [
    service("b", app="b"),
    service("b1", app="b1"),
    pods("b", app="b", version="v1"),
    pods("b1", app="b1", version="v2"),
    pods("caller", app="caller"),
]


def routes(*objects: dict[str, Any], host: str = "b") -> list[dict[str, Any]]:
    """Return Envoy's routes for what `caller` sends to a host."""
    config = bootstrap(read_mesh([*BASE, *objects]), {Call("caller", host): 9}, PORTS, admin=8)
    (listener,) = config["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    found: list[dict[str, Any]] = manager["route_config"]["virtual_hosts"][0]["routes"]
    return found


def test_a_host_without_rules_gets_all_that_is_sent_to_it() -> None:
    (route,) = routes()
    assert route["route"]["cluster"] == "outbound||b"
    assert route["match"] == {"prefix": "/", "headers": []}


def test_a_rule_for_other_callers_is_not_sent_to_this_one() -> None:
    other = {"match": [{"sourceLabels": {"app": "other"}}], "route": [to("b1")]}
    (route,) = routes(rules(other, {"route": [to("b")]}))
    assert route["route"]["cluster"] == "outbound||b"


def test_a_rule_for_this_caller_needs_nothing_more_of_the_request() -> None:
    mine = {"match": [{"sourceLabels": {"app": "caller"}}], "route": [to("b1")]}
    first, _ = routes(rules(mine, {"route": [to("b")]}))
    assert (first["route"]["cluster"], first["match"]["headers"]) == ("outbound||b1", [])


def test_alternatives_of_a_match_are_routes_of_their_own() -> None:
    names = ("v2", "canary")
    either = {"match": [{"headers": {"version": {"exact": n}}} for n in names], "route": [to("b1")]}
    found = routes(rules(either, {"route": [to("b")]}))
    asked = [route["match"]["headers"] for route in found]
    assert asked == [*([{"name": "version", "string_match": {"exact": n}}] for n in names), []]


def test_a_single_destination_gets_all_with_any_weight() -> None:
    (route,) = routes(rules({"route": [to("b1", weight=0)]}))
    assert route["route"]["cluster"] == "outbound||b1"


def test_weights_are_handed_on_as_they_are() -> None:
    (route,) = routes(rules({"route": [to("b", weight=3), to("b1", weight=1)]}))
    clusters = route["route"]["weighted_clusters"]["clusters"]
    assert [(one["name"], one["weight"]) for one in clusters] == [
        ("outbound||b", 3),
        ("outbound||b1", 1),
    ]


def test_without_a_word_on_retries_istios_default_holds_and_0_ends_it() -> None:
    (default,) = routes(rules({"route": [to("b")]}))
    (none,) = routes(rules({"route": [to("b")], "retries": {"attempts": 0}}))
    assert default["route"]["retry_policy"]["num_retries"] == 2
    assert "retry_policy" not in none["route"]


def test_a_subset_is_the_services_pods_that_have_its_labels_too() -> None:
    mesh = read_mesh([*BASE, pods("b-new", app="b", version="v2"), subset("b", "v1", version="v1")])
    assert mesh.endpoints(Target("b")) == ["b", "b-new"]
    assert mesh.endpoints(Target("b", "v1")) == ["b"]


def test_a_deployment_without_pods_is_no_endpoint() -> None:
    mesh = read_mesh([service("b", app="b"), pods("b", replicas=0, app="b")])
    assert mesh.endpoints(Target("b")) == []


@pytest.mark.parametrize("target", [Target("nobody"), Target("b", "v9")])
def test_a_rule_that_leads_nowhere_is_an_error(target: Target) -> None:
    with pytest.raises(MeshError, match=f"{target.subset or target.host}$"):
        read_mesh(BASE).endpoints(target)


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (rules({"route": [to("b")], "fault": {}}), "rule: fault"),
        (rules({"route": [to("b", headers={"response": {}})]}), "headers: response"),
        (rules({"route": [to("b")], "match": [{"uri": {"prefix": "/"}}]}), "match: uri"),
        (
            rules({"route": [to("b")], "retries": {"retryRemoteLocalities": True}}),
            "retries: retryR",
        ),
        ({**subset("b", "v1"), "spec": {"host": "b", "trafficPolicy": {}}}, "trafficPolicy"),
        ({**rules(), "spec": {"hosts": ["b"], "http": [], "gateways": ["g"]}}, "gateways"),
    ],
)
def test_what_is_not_understood_is_an_error_and_not_left_out(
    thing: dict[str, Any], words: str
) -> None:
    with pytest.raises(MeshError, match=f"{words}.* is not understood here"):
        read_mesh([thing])


def test_the_demos_mesh_gives_each_version_the_next_one_of_its_own() -> None:
    mesh: Mesh = demo_mesh()
    for caller, host in (("b", "c"), ("b1", "c1")):
        first, *_ = mesh.seen_by(mesh.pods[caller], "c")
        assert [route["destination"]["host"] for route in first.routes] == [host]
