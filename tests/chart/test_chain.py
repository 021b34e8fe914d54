"""The chain's chart: what it renders fits together, and its weights are written in one place."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gateway.demo.mesh import objects as mesh
from tests.chart.chain import (
    CHAIN_CHART,
    SERVICES,
    arguments,
    found,
    gateway_deployment,
    named,
    rendered_chain,
    routes,
    shares,
    split_weights,
    weights_by_tag,
)
from tests.chart.rendering import ROOT, refusal, value_sets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chart.rendering import Object

VALUE_SETS = value_sets(CHAIN_CHART)
WITHOUT_REQUESTS = {"queues", "aws-queues", "emulator-queues", "pod-identity-queues"}
WITH_MESH = [path for path in VALUE_SETS if path.stem not in {"no-mesh", *WITHOUT_REQUESTS}]
WITH_SPLIT = [path for path in WITH_MESH if path.stem != "follow"]
ISTIO = ("DestinationRule", "VirtualService")
KEPT_LABELS = ("app", "version")
ORDERS: dict[str, Any] = {
    "name": "orders",
    "queue": "orders",
    "versions": {
        "stable": {"url": "http://b:8080/events", "tag": "v1"},
        "canary": {"url": "http://b1:8080/events", "tag": "v2"},
    },
}
every_value_set = pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
every_mesh = pytest.mark.parametrize("values", WITH_MESH, ids=lambda path: path.stem)


def chain_of(folder: Path, *routes: Object) -> list[Object]:
    """Return the chain with these routes."""
    return rendered_chain(values_with(folder, *routes))


def values_with(folder: Path, *routes: Object) -> Path:
    """Write a values file with these routes."""
    values = folder / "values.yaml"
    values.write_text(yaml.safe_dump({"gateway": {"routes": list(routes)}}))
    return values


def of_the_chain(objects: list[Object]) -> list[Object]:
    return [one for one in objects if one["metadata"]["name"] in SERVICES]


def cut(one: Object) -> Object:
    """Leave what a sidecar is told of: of pods, the labels that rules and selectors ask for."""
    if one["kind"] != "Deployment":
        return one
    labels = one["spec"]["template"]["metadata"]["labels"]
    kept = {name: labels[name] for name in KEPT_LABELS}
    return one | {"spec": {"template": {"metadata": {"labels": kept}}}}


@pytest.mark.parametrize("values", WITH_SPLIT, ids=lambda path: path.stem)
def test_requests_and_messages_have_the_same_weights(values: Path) -> None:
    """A route without a split sends all to stable, in the mesh too."""
    objects = rendered_chain(values)
    assert shares(split_weights(objects)) == shares(weights_by_tag(routes(objects)["orders"]))


def test_the_weights_follow_the_route_that_is_named(tmp_path: Path) -> None:
    other = {"name": "other", "queue": "other", "versions": {"stable": "http://x/"}}
    objects = chain_of(tmp_path, other, ORDERS | {"split": {"stable": 7, "canary": 2}})
    assert split_weights(objects) == {"v1": 7, "v2": 2}


@every_value_set
def test_b_and_b1_are_started_alike_but_for_their_names(values: Path) -> None:
    """So nothing in B1 knows that it is a canary, and which C it calls is left to the mesh."""
    deployments = named(rendered_chain(values), "Deployment")
    for stable, canary in (("b", "b1"), ("c", "c1")):
        pods = [deployments[name]["spec"]["template"] for name in (stable, canary)]
        version = {pod["metadata"]["labels"].pop("version") for pod in pods}
        accounts = {pod["spec"].pop("serviceAccountName") for pod in pods}
        assert accounts == {f"chain-{stable}", f"chain-{canary}"}
        names = {pod["spec"]["containers"][0]["args"].pop(0) for pod in pods}
        assert names == {f"--name={stable.upper()}", f"--name={canary.upper()}"}
        for pod in pods:
            drop_what_a_platform_tells(pod["spec"]["containers"][0])
        assert len(version) == 2
        assert pods[0] == pods[1]


def drop_what_a_platform_tells(container: Object) -> None:
    """Drop the queue that it polls and its session; test_second_queue.py looks at both."""
    container["args"] = [one for one in container["args"] if not one.startswith("--poll=")]
    own = {"AWS_ROLE_SESSION_NAME", "AWS_ACCESS_KEY_ID"}
    container["env"] = [one for one in container.get("env", ()) if one["name"] not in own]


@every_mesh
def test_every_host_has_the_pods_that_its_name_says(values: Path) -> None:
    objects = rendered_chain(values)
    for name in SERVICES:
        seen = mesh.read_mesh(objects).endpoints(mesh.Target(name))
        assert seen == [name]


@every_mesh
def test_every_rule_leads_to_pods(values: Path) -> None:
    seen = mesh.read_mesh(rendered_chain(values))
    for host, rules in seen.rules.items():
        for rule in rules:
            for route in rule["route"]:
                assert seen.endpoints(mesh.target_of(route)), (host, rule["name"])


@every_mesh
def test_the_gateway_is_known_to_the_mesh_by_its_pods_labels(values: Path) -> None:
    objects = rendered_chain(values)
    labels = gateway_deployment(objects)["spec"]["template"]["metadata"]["labels"]
    first, *_ = mesh.read_mesh(objects).seen_by(labels, "b")
    assert [mesh.target_of(route).host for route in first.routes] == ["b"]
    assert first.matches == ({},)


@pytest.mark.parametrize("caller", ["a", "b", "b1", "c", "c1", "d"])
def test_no_other_caller_is_taken_for_the_gateway(caller: str) -> None:
    seen = mesh.read_mesh(rendered_chain())
    rules = list(seen.seen_by(seen.pods[caller], "b"))
    assert len(rules) == 3  # pinned to the canary, pinned to stable, split


@pytest.mark.parametrize(("caller", "host"), [("b", "c"), ("b1", "c1"), ("a", "c")])
def test_by_source_labels_the_caller_alone_decides(caller: str, host: str) -> None:
    seen = mesh.read_mesh(rendered_chain())
    first, *_ = seen.seen_by(seen.pods[caller], "c")
    assert [mesh.target_of(route).host for route in first.routes] == [host]
    assert first.matches == ({},)


@pytest.mark.parametrize(("by", "callers"), [("sourceLabels", {"b1"}), ("header", {"b1", "b"})])
def test_c1_takes_from_b1_alone(by: str, callers: set[str]) -> None:
    """By header from b too: a message that fell back to it goes on to c1."""
    objects = rendered_chain(sets=[f"mesh.by={by}"])
    policy = found(objects, "AuthorizationPolicy", "c1")["spec"]
    (rule,) = policy["rules"]
    assert set(rule["from"][0]["source"]["principals"]) == {f"*/sa/chain-{one}" for one in callers}
    accounts = {
        name: one["spec"]["template"]["spec"]["serviceAccountName"]
        for name, one in named(objects, "Deployment").items()
    }
    assert {accounts[name] for name in SERVICES} == {f"chain-{name}" for name in SERVICES}
    chosen = [
        name
        for name, one in named(objects, "Deployment").items()
        if policy["selector"]["matchLabels"].items()
        <= one["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert (policy["action"], chosen) == ("ALLOW", ["c1"])
    off = rendered_chain(sets=["mesh.authorization=false"])
    assert not named(off, "AuthorizationPolicy")


@every_mesh
def test_every_rule_states_its_retries(values: Path) -> None:
    """The gateway's deliveries are retried by the queue; of others what cannot have arrived."""
    for service in named(rendered_chain(values), "VirtualService").values():
        for rule in service["spec"]["http"]:
            if rule["name"] == "decided-by-gateway":
                assert rule["retries"] == {"attempts": 0}
            else:
                assert rule["retries"]["attempts"] == 2
                assert rule["retries"]["retryOn"] == "connect-failure,refused-stream"


@pytest.mark.parametrize("caller", ["b", "b1"])
def test_by_header_the_caller_does_not_matter(caller: str) -> None:
    seen = mesh.read_mesh(rendered_chain(sets=["mesh.by=header"]))
    rules = list(seen.seen_by(seen.pods[caller], "c"))
    assert [rule.matches for rule in rules] == [({"version": {"exact": "v2"}},), ({},)]


def test_a_and_d_are_not_the_meshs_business() -> None:
    objects = rendered_chain()
    assert named(objects, "VirtualService").keys() == {"b", "b1", "c"}
    assert named(objects, "DestinationRule").keys() == {"b", "b1", "c", "c1"}


def test_without_a_mesh_there_is_no_istio_object() -> None:
    kinds = {one["apiVersion"] for one in rendered_chain(sets=["mesh.enabled=false"])}
    assert not [kind for kind in kinds if "istio" in kind]


def test_another_split_restarts_nothing(tmp_path: Path) -> None:
    """Only the gateway's ConfigMap and a VirtualService change."""
    half = ORDERS | {"split": {"stable": 50, "canary": 50}}
    before, after = rendered_chain(), chain_of(tmp_path, half)
    changed = [one["kind"] for one, other in zip(before, after, strict=True) if one != other]
    assert sorted(changed) == ["ConfigMap", "VirtualService"]


def test_the_emulator_makes_every_routes_queue(tmp_path: Path) -> None:
    """The script runs here with a stand-in for awslocal, which both emulators have."""
    script = found(rendered_chain(CHAIN_CHART / "values-emulator.yaml"), "ConfigMap", "sqs-queues")
    stand_in = tmp_path / "awslocal"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script["data"]["10-queues.sh"]],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert done.stdout == "sqs create-queue --queue-name orders\n"


def test_the_emulators_values_lead_a_and_the_gateway_to_it() -> None:
    objects = rendered_chain(CHAIN_CHART / "values-emulator.yaml")
    for deployment in (found(objects, "Deployment", "a"), gateway_deployment(objects)):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        environment = {one["name"]: one.get("value") for one in container["env"]}
        assert environment["AWS_ENDPOINT_URL_SQS"] == "http://sqs:4566"
        assert {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= environment.keys()
    (port,) = found(objects, "Service", "sqs")["spec"]["ports"]
    assert port["port"] == 4566


def test_a_gets_the_queue_of_the_route() -> None:
    objects = rendered_chain(CHAIN_CHART / "ci" / "aws.yaml")
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
    assert f"--queue={queue}" in arguments(found(objects, "Deployment", "a"))


def test_the_demo_has_the_mesh_that_the_chart_renders() -> None:
    """gateway/demo/mesh/mesh.yaml is part of the package, where no chart is."""
    shipped = yaml.safe_load_all(
        (ROOT / "gateway" / "demo" / "mesh" / "mesh.yaml").read_text("utf-8")
    )
    assert mesh.demo_mesh() == mesh.read_mesh(map(cut, of_the_chain(rendered_chain())))
    assert {one["kind"] for one in shipped} == {"Service", "Deployment", *ISTIO}


def test_the_tutorials_values_render_with_their_weights(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "tutorial" / "canary-a-queue-consumer-in-15-minutes.md").read_text()
    (block,) = re.findall(r"^```yaml\n(gateway:.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "half.yaml").write_text(block)
    objects = rendered_chain(CHAIN_CHART / "values-emulator.yaml", tmp_path / "half.yaml")
    assert split_weights(objects) == {"v1": 50, "v2": 50}
    assert gateway_deployment(objects)["metadata"]["name"] == "demo-sqs-version-gateway"


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["route=nobody"], 'no route is called "nobody" (gateway.routes has: orders)'),
        (["mesh.by=caller"], "mesh/by"),
        (["replicas.d=2"], "replicas/d"),
        (["replicas.b=0"], "replicas/b"),
        (["sidecar=true"], "sidecar"),
        (["port=80"], "port"),
        (["gateway.existingConfigMap=mine"], "the mesh takes its weights from gateway.routes"),
        (["podLabels.version=v3"], "invalid propertyName 'version'"),
    ],
)
def test_invalid_values_are_refused_with_their_place(sets: list[str], words: str) -> None:
    assert words in refusal(CHAIN_CHART, sets=sets)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"versions": {"stable": "http://b:8080/events"}},
            "the chain has two versions of B, not 1",
        ),
        (
            {"versions": {"stable": "http://b:80/events", "canary": "http://b1:8080/events"}},
            "this version is the Service b (http://b:8080/events)",
        ),
        (
            {"versions": {"stable": "http://b1:8080/events", "canary": "http://b:8080/events"}},
            "this version is the Service",
        ),
        (
            {"versions": {"blue": "http://b:8080/events", "green": "http://b1:8080/events"}},
            "stable",
        ),
        ({"split": {"stable": 90, "canray": 10}}, "canray"),
        (
            {
                "versions": ORDERS["versions"]
                | {"canary": {"url": "http://b1:8080/events", "tag": "V_2"}}
            },
            "names a subset of the mesh too",
        ),
    ],
)
def test_a_route_that_does_not_fit_the_chain_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    assert words in refusal(CHAIN_CHART, values_with(tmp_path, ORDERS | change))
