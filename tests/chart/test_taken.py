"""The chart takes what the charts of others take, and answers their names with its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.chart import schemas, tools
from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: Final = json.loads((GATEWAY_CHART / "values.schema.json").read_text())
FOREIGN: Final = dict(
    re.findall(
        r'^  "(\w+)" "(.+?)"', (GATEWAY_CHART / "templates/_foreign.tpl").read_text(), re.MULTILINE
    )
)
both_helms = pytest.mark.parametrize("helm", [tools.helm, tools.helm_3], ids=["helm4", "helm3"])


def rendered(folder: Path, values: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    path = folder / "values.yaml"
    path.write_text(json.dumps(values))
    return render(GATEWAY_CHART, path, **more)


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


def pod_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return dict(of_kind(objects, "Deployment")["spec"]["template"]["spec"])


PASSED_ON: Final[dict[str, Any]] = {
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.2"]},
    "runtimeClassName": "gvisor",
}


def test_the_pod_takes_what_pods_of_others_take(tmp_path: Path) -> None:
    values = {
        **PASSED_ON,
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
        "minReadySeconds": 7,
        "extraContainers": [{"name": "beside", "image": "x"}],
        "extraInitContainers": [{"name": "before", "image": "y"}],
    }
    objects = rendered(tmp_path, values)
    assert [problem for one in objects for problem in schemas.problems(one)] == []
    pod = pod_of(objects)
    assert {key: pod[key] for key in PASSED_ON} == PASSED_ON
    assert [one["name"] for one in pod["containers"]] == ["gateway", "beside"]
    assert [one["name"] for one in pod["initContainers"]] == ["before"]
    assert pod["containers"][0]["lifecycle"] == values["lifecycle"]
    assert of_kind(objects, "Deployment")["spec"]["minReadySeconds"] == 7


def test_more_objects_and_annotations_go_through_tpl(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: {{ .Release.Name }}-text}\n"
    map_ = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": '{{ include "gateway.fullname" . }}-map'},
    }
    said = {"example.com/release": "{{ .Release.Name }} of {{ .Values.settings.logLevel }}"}
    places = {"commonAnnotations": said, "podAnnotations": said, "annotations": said}
    objects = rendered(tmp_path, {"extraObjects": [text, map_], **places})
    names = {one["metadata"]["name"] for one in objects if one["kind"] == "Secret"}
    assert names == {"demo-text", "demo-sqs-version-gateway-map"}
    deployment = of_kind(objects, "Deployment")
    for part in (deployment, deployment["spec"]["template"], of_kind(objects, "Service")):
        assert part["metadata"]["annotations"]["example.com/release"] == "demo of INFO"


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ({"image": {"registry": "r.example.com:5000"}}, "r.example.com:5000/sqs-version-gateway:"),
        ({"global": {"imageRegistry": "mirror"}}, "mirror/sqs-version-gateway:"),
        (
            {"global": {"imageRegistry": "mirror/"}, "image": {"registry": "r"}},
            "mirror/sqs-version-gateway:",
        ),
        ({"image": {"repository": "a.example.com/team/gw"}}, "a.example.com/team/gw:"),
    ],
)
def test_the_image_comes_from_the_registry_that_is_named(
    values: dict[str, Any], image: str, tmp_path: Path
) -> None:
    objects = rendered(tmp_path, values)
    for pod in (pod_of(objects), of_kind(objects, "Pod")["spec"]):
        assert pod["containers"][0]["image"].startswith(image)


def test_secrets_for_pulling_add_up(tmp_path: Path) -> None:
    values = {
        "global": {"imagePullSecrets": ["one", {"name": "two"}]},
        "image": {"pullSecrets": [{"name": "two"}, "three"]},
    }
    objects = rendered(tmp_path, values)
    for pod in (pod_of(objects), of_kind(objects, "Pod")["spec"]):
        assert [one["name"] for one in pod["imagePullSecrets"]] == ["one", "two", "three"]


@pytest.mark.parametrize("repository", ["gw:1.2", "gw@sha256:0123", "localhost:5000/gw"])
def test_an_image_repository_has_no_tag_digest_or_port(repository: str) -> None:
    told = refusal(GATEWAY_CHART, sets=[f"image.repository={repository}"])
    assert "image.repository: has " in told
    assert "a tag belongs in image.tag, a digest in image.digest" in told


def test_all_of_it_goes_to_the_namespace_that_is_named(tmp_path: Path) -> None:
    everything = yaml.safe_load((GATEWAY_CHART / "ci/everything-values.yaml").read_text())
    for one in rendered(tmp_path, everything | {"namespaceOverride": "other"}):
        assert one["metadata"]["namespace"] == "other"
        if one["kind"] == "ServiceMonitor":
            assert one["spec"]["namespaceSelector"] == {"matchNames": ["other"]}


def test_the_service_may_have_both_families(tmp_path: Path) -> None:
    families = {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}
    service = of_kind(rendered(tmp_path, {"admin": {"service": families}}), "Service")
    assert schemas.problems(service) == []
    assert {key: service["spec"][key] for key in families} == families
    assert "ipFamilyPolicy" not in of_kind(rendered(tmp_path, {}), "Service")["spec"]


def test_a_pod_monitor_asks_the_pods(tmp_path: Path) -> None:
    asked = {"podMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "p"}}}
    objects = rendered(tmp_path, {"monitoring": asked})
    monitor = of_kind(objects, "PodMonitor")
    assert schemas.problems(monitor) == []
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["interval"]) == ("admin", "15s")
    labels = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_names_of_other_charts_are_answered_with_ours() -> None:
    """All of them at once, and one alone."""
    told = refusal(GATEWAY_CHART, sets=[f"{name}=1" for name in FOREIGN])
    for name, ours in FOREIGN.items():
        assert f"{name}: is called {ours} here" in told
    assert told.count(" is called ") == len(FOREIGN) > 10
    assert refusal(GATEWAY_CHART, sets=["replicaCount=1"]).count(" is called ") == 1


@pytest.mark.parametrize("name", ["replicaCount", "autoscaling", "podDisruptionBudget"])
def test_the_names_that_people_type_are_among_them(name: str) -> None:
    assert name in FOREIGN


def test_the_answers_are_values_of_the_chart() -> None:
    values = yaml.safe_load((GATEWAY_CHART / "values.yaml").read_text())
    for answer in FOREIGN.values():
        for place in answer.split(", or "):
            found: Any = values
            for step in place.split("."):
                assert step in found, place
                found = found[step]


def test_the_schema_lets_just_these_names_through() -> None:
    (pattern,) = SCHEMA["patternProperties"]
    assert set(pattern.removeprefix("^(").removesuffix(")$").split("|")) == set(FOREIGN)
    assert not FOREIGN.keys() & SCHEMA["properties"].keys()


ROUTES: Final = """\
# In the order of the file: green is stable.
routes:
  - name: ledger
    queue: arn:aws:sqs:eu-west-1:123456789012:ledger
    wait: 10s
    versions:
      green: {url: "http://b.bank/", tag: "010"}
      blue: {url: "http://b1.bank/"}
    fallback: {on: [timeout]}
"""


@both_helms
def test_a_routing_file_is_taken_as_it_is(helm: Any, tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    told = render(
        GATEWAY_CHART,
        sets=["keda.enabled=true", "settings.drainSeconds=1", "networkPolicy.enabled=true"],
        files=[f"routingFile={tmp_path / 'routes.yaml'}"],
        helm=helm,
    )
    (routing,) = (one for one in told if one["metadata"]["name"].endswith("-routes"))
    assert routing["data"]["routes.yaml"] == ROUTES
    assert pod_of(told)["terminationGracePeriodSeconds"] == 20
    (trigger,) = of_kind(told, "ScaledObject")["spec"]["triggers"]
    assert trigger["name"] == "ledger"
    assert "bank" in json.dumps(of_kind(told, "NetworkPolicy"))


@pytest.mark.parametrize("text", ["nonsense", "routes: [", "routes: {}", "routes: [1]"])
def test_a_routing_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps({"routingFile": text}))
    assert "routingFile: is no YAML with a list `routes`" in refusal(GATEWAY_CHART, path)


def test_the_routes_may_be_in_a_secret(tmp_path: Path) -> None:
    objects = rendered(tmp_path, {"existingSecret": "routes-of-shop"})
    assert not [one for one in objects if one["kind"] == "ConfigMap" and "data" in one]
    (volume,) = pod_of(objects)["volumes"]
    assert volume == {"name": "routes", "secret": {"secretName": "routes-of-shop"}}
    assert pod_of(objects)["terminationGracePeriodSeconds"] == 35


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("existingConfigMap", "existingSecret"),
        ("existingConfigMap", "routingFile"),
        ("existingSecret", "routingFile"),
    ],
)
def test_a_gateway_has_one_routing_file(one: str, other: str) -> None:
    told = refusal(GATEWAY_CHART, sets=[f"{one}=x", f"{other}=x"])
    assert f"{other}: is set beside {one} (a gateway has one routing file: keep one)" in told
