"""Who may speak with the gateway, and with whom it may: closed but for what is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from pathlib import Path

OWN: Final = {"podSelector": {}}
IMDS: Final = {
    "to": [
        {"ipBlock": {"cidr": "169.254.169.254/32"}},
        {"ipBlock": {"cidr": "fd00:ec2::254/128"}},
    ],
    "ports": [{"port": 80, "protocol": "TCP"}],
}


def namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def policy(*sets: str, **more: Any) -> dict[str, Any]:
    more = {"versions": ()} | more
    objects = render(GATEWAY_CHART, sets=["networkPolicy.enabled=true", *sets], **more)
    (found,) = (one["spec"] for one in objects if one["kind"] == "NetworkPolicy")
    return dict(found)


def peers(rules: list[dict[str, Any]], side: str) -> list[Any]:
    return [peer for rule in rules for peer in rule.get(side, ())]


def test_by_default_only_its_own_namespace_may_reach_the_admin_port() -> None:
    assert policy()["ingress"] == [{"from": [OWN], "ports": [{"port": 8080, "protocol": "TCP"}]}]


def test_the_monitoring_namespace_may_where_it_is_asked_for() -> None:
    found = policy("networkPolicy.monitoringNamespace=monitoring")
    assert peers(found["ingress"], "from") == [OWN, namespace("monitoring")]


def test_more_peers_are_added() -> None:
    found = policy("networkPolicy.ingressFrom[0].podSelector.matchLabels.app=x")
    assert peers(found["ingress"], "from") == [OWN, {"podSelector": {"matchLabels": {"app": "x"}}}]


def test_no_rule_lets_the_whole_cluster_through() -> None:
    found = policy()
    everybody = {"namespaceSelector": {}}
    assert everybody not in peers(found["ingress"], "from") + peers(found["egress"], "to")


def test_it_may_reach_the_namespaces_that_the_routes_name(tmp_path: Path) -> None:
    urls = (
        "http://one.two:8080/",
        "http://a.three.svc.cluster.local/",
        "http://a.four.svc/x",
        "http://plain:8080/",
        "http://deep.in.example.com/",
        "http://10.0.0.1/",
        "http://b.shop/",
    )
    versions = {f"v{at}": url for at, url in enumerate(urls)}
    route = {"name": "r", "queue": "q", "stable": "v0", "versions": versions}
    values = {"routes": [route], "aws": {"region": "eu-west-1", "endpointUrl": "http://sqs.five:1"}}
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps(values))
    objects = render(GATEWAY_CHART, path, sets=["networkPolicy.enabled=true"], versions=())
    (found,) = (one["spec"] for one in objects if one["kind"] == "NetworkPolicy")
    names = ("five", "four", "three", "two")
    assert found["egress"][1] == {"to": [OWN, *map(namespace, names)]}


def test_the_metadata_service_is_closed_unless_it_is_asked_for() -> None:
    assert IMDS not in policy()["egress"]
    assert IMDS in policy("networkPolicy.allowImds=true")["egress"]


@pytest.mark.parametrize(
    ("injection", "versions", "opened"),
    [
        ("enabled", (), True),
        ("", (), False),
        ("", ("networking.istio.io/v1",), True),
        ("disabled", ("networking.istio.io/v1",), False),
    ],
)
def test_a_sidecar_may_reach_its_control_plane(
    injection: str, versions: tuple[str, ...], *, opened: bool
) -> None:
    rule = {"to": [namespace("istio-system")], "ports": [{"port": 15012, "protocol": "TCP"}]}
    found = policy(f"istio.injection={injection}", versions=versions)
    assert (rule in found["egress"]) is opened


def _environment(*sets: str) -> dict[str, Any]:
    objects = render(GATEWAY_CHART, sets=sets)
    (pod,) = (o["spec"]["template"]["spec"] for o in objects if o["kind"] == "Deployment")
    return {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}


def test_reads_are_protected_where_it_is_asked_for() -> None:
    token = "admin.token.secretName=gateway-admin"
    assert "GATEWAY_ADMIN_PROTECT_READS" not in _environment(token)
    asked = _environment(token, "admin.protectReads=true")
    assert asked["GATEWAY_ADMIN_PROTECT_READS"] == "true"
    assert "GATEWAY_ADMIN_PROTECT_METRICS" not in asked


@pytest.mark.parametrize("key", ["protectReads", "protectMetrics"])
def test_reads_are_not_protected_by_a_token_that_is_not_there(key: str) -> None:
    told = refusal(GATEWAY_CHART, sets=[f"admin.{key}=true"])
    assert f"admin.{key}: asks for a token, and there is none (set admin.token.secretName)" in told


def test_the_monitors_bring_the_token_where_metrics_are_protected() -> None:
    sets = ["admin.token.secretName=gateway-admin", "admin.protectMetrics=true"]
    sets += [f"monitoring.{kind}.enabled=true" for kind in ("serviceMonitor", "podMonitor")]
    objects = render(GATEWAY_CHART, sets=sets)
    specs = [one["spec"] for one in objects if one["kind"].endswith("Monitor")]
    assert len(specs) == 2
    for spec in specs:
        (endpoint,) = spec.get("endpoints") or spec["podMetricsEndpoints"]
        token = {"name": "gateway-admin", "key": "token"}
        assert endpoint["authorization"] == {"credentials": token}
