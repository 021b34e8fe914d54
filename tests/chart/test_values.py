"""The chart's own values: each has its comment, its default fits, and nonsense is refused."""

from __future__ import annotations

import json
import math
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.config.schema.durations import seconds
from tests.chart import schemas, tools
from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUES: Final = GATEWAY_CHART / "values.yaml"
SCHEMA: Final = GATEWAY_CHART / "values.schema.json"
OF_PARENTS: Final = {"enabled", "global"}
SPLIT_OFF: Final = {"routes"}  # the routing file's own


def _keys(values: Any, schema: Any, path: str = "") -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield, for each mapping that the schema closes, its keys in both."""
    known = schema.get("properties")
    if known is None or schema.get("additionalProperties", True) is not False:
        return
    yield path or "(values)", set(values), set(known)
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _keys(value, known[key], f"{path}.{key}")


def test_values_and_schema_have_the_same_keys() -> None:
    """A value that is in the schema alone would be one that nobody can find."""
    values, schema = yaml.safe_load(VALUES.read_text()), json.loads(SCHEMA.read_text())
    probes = {"initialDelaySeconds", "successThreshold"}
    for path, written, known in _keys(values, schema):
        optional = probes if path.startswith(".probes.") else {"claims"}
        assert written <= known, path
        assert known - written <= OF_PARENTS | optional, path


@pytest.mark.parametrize(
    ("drain", "waits", "expected"),
    [
        (25, ["20s"], 35),
        (70, ["20s"], 80),
        (3, ["20s", "1s"], 30),
        (3, ["5s", "500ms"], 15),
        (0.5, ["1500ms"], 12),
        (0, ["0s"], 10),
        (0, [0.2], 11),
        (2, [None], 30),
        (0, ["0.25m"], 25),
        (0, ["0.005h"], 28),
    ],
)
def test_the_grace_period_is_the_longer_of_drain_and_wait_and_ten_seconds(
    drain: float, waits: list[Any], expected: int, tmp_path: Path
) -> None:
    """None is a route without `wait`, so 20 s (docs/reference/leases-order-stopping.md)."""
    longest = max(drain, *(20.0 if wait is None else seconds(wait) for wait in waits), 0)
    assert expected == math.ceil(longest) + 10  # the table itself is right
    routes = [
        {"name": f"r{at}", "queue": f"q{at}", "versions": {"stable": "http://b.shop/"}}
        | ({} if wait is None else {"wait": wait})
        for at, wait in enumerate(waits)
    ]
    path = tmp_path / "values.yaml"
    values = {"routes": routes, "settings": {"drainSeconds": drain}}
    path.write_text(json.dumps(values | {"aws": {"region": "eu-west-1"}}))
    (pod,) = (
        each["spec"]["template"]["spec"]
        for each in render(GATEWAY_CHART, path)
        if each["kind"] == "Deployment"
    )
    assert pod["terminationGracePeriodSeconds"] == expected
    drained = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert float(drained["GATEWAY_DRAIN_SECONDS"]) == drain


OLDEST: Final = "1.25.0"
"""What `kubeVersion` of Chart.yaml begins with."""


def _rendered_for(kube_version: str, values: str) -> subprocess.CompletedProcess[str]:
    """Ask helm for the objects of a value set on a cluster of that version."""
    chosen = ("--kube-version", kube_version, "--values", str(GATEWAY_CHART / "ci" / values))
    command = [str(tools.helm()), "template", "demo", str(GATEWAY_CHART), *chosen]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("values", ["hpa-values.yaml", "pod-identity-values.yaml"])
def test_the_oldest_kubernetes_has_every_field(values: str) -> None:
    """A field that it does not know would be dropped without a word, or refused."""
    rendered = _rendered_for(OLDEST, values)
    assert rendered.returncode == 0, rendered.stderr
    objects = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    assert {"Deployment", "PodDisruptionBudget"} <= {each["kind"] for each in objects}
    for each in objects:
        assert schemas.against_kubernetes(each, OLDEST) is None


def test_an_older_kubernetes_is_refused() -> None:
    refused = _rendered_for("1.24.17", "minimal-values.yaml")
    assert refused.returncode != 0
    assert "kubeVersion" in refused.stderr


REFUSED: Final = {
    (
        "hpa.enabled=true",
        "keda.enabled=true",
        "aws.region=eu-west-1",
    ): "hpa.enabled: is true beside",
    ("hpa.enabled=true", "resources.requests=null"): "resources.requests.cpu: is missing",
    ("hpa.enabled=true", "hpa.minReplicas=11"): "hpa.minReplicas: is above maxReplicas",
    (
        "aws.roleArn=arn:aws:iam::123456789012:role/a",
        "serviceAccount.create=false",
    ): "aws.roleArn: ",
    (
        "aws.roleArn=arn:aws:iam::123456789012:role/a",
        "aws.credentialsSecret.name=a",
    ): "aws.credentialsSecret.name: is set beside aws.roleArn",
    (
        "extraEnv[0].name=GATEWAY_DRAIN_SECONDS",
        "extraEnv[0].value=x",
    ): "extraEnv[0].name: GATEWAY_DRAIN_SECONDS is set by the chart",
    ("keda.enabled=true",): "routes[0]: KEDA needs the region of queue sqs-version-gateway-example",
    (
        "keda.enabled=true",
        "aws.region=eu-west-1",
        "keda.routes.exmaple.queueLength=1",
    ): 'keda.routes.exmaple: no route is called "exmaple" (did you mean example?)',
    (
        "keda.enabled=true",
        "aws.region=eu-west-1",
        "keda.authentication.identity=secret",
    ): "keda.authentication.identity: is secret, but",
    ("keda.enabled=true", "existingConfigMap=mine"): "keda.enabled: makes its triggers of `routes`",
}


@pytest.mark.parametrize("sets", REFUSED, ids=lambda sets: re.sub(r"=\S*", "", "-".join(sets)))
def test_values_that_do_not_fit_together_are_refused(sets: tuple[str, ...]) -> None:
    assert REFUSED[sets] in refusal(GATEWAY_CHART, sets=sets)


@pytest.mark.parametrize(
    "one",
    [
        "replcias=3",
        "settings.drain=5",
        "replicas=two",
        "admin.port=80",
        "aws.roleArn=gateway",
        "istio.injection=on",
        "image.digest=latest",
        "networkPolicy.egress.httpsCidrs[0]=anywhere",
        "keda.minReplicaCount=0",
    ],
)
def test_the_schema_refuses_unknown_and_invalid_values(one: str) -> None:
    assert "don't meet the specifications of the schema" in refusal(GATEWAY_CHART, sets=[one])


def _notes(*arguments: str) -> str:
    """Return what helm says after an install; none is made."""
    dry = ("install", "demo", str(GATEWAY_CHART), "--dry-run=client", "--namespace", "shop")
    done = subprocess.run(
        [str(tools.helm()), *dry, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]


def test_the_notes_have_the_next_command() -> None:
    minimal = str(GATEWAY_CHART / "ci" / "minimal-values.yaml")
    notes = _notes("--values", minimal, "--set", "fullnameOverride=gateway")
    assert "kubectl --namespace shop rollout status deployment/gateway" in notes
    assert "curl http://localhost:8080/readyz" in notes
    assert "python -m gateway iam --config /etc/gateway/routes.yaml --merged" in notes
    assert "WARNING" not in notes


def test_the_notes_warn_of_the_example_and_of_a_single_replica() -> None:
    notes = _notes("--set", "replicas=1")
    assert "WARNING: `routes` is still the example" in notes
    assert "with fewer than 2 replicas" in notes
