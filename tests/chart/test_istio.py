"""The Istio objects of the gateway's chart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.chart import schemas
from tests.chart.rendering import GATEWAY_CHART, render

if TYPE_CHECKING:
    from pathlib import Path


def _of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (one for one in objects if one["kind"] == kind)
    assert schemas.problems(found) == []
    return found


@pytest.mark.parametrize(
    ("queue", "hosts"),
    [
        ("orders", ["sqs.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"]),
        (
            "https://sqs.us-east-2.amazonaws.com/123456789012/orders",
            [
                "sqs.eu-west-1.amazonaws.com",
                "sqs.us-east-2.amazonaws.com",
                "sts.eu-west-1.amazonaws.com",
                "sts.us-east-2.amazonaws.com",
            ],
        ),
        (
            "https://vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com/123456789012/orders",
            [
                "sqs.eu-west-1.amazonaws.com",
                "sts.eu-west-1.amazonaws.com",
                "vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com",
            ],
        ),
        (
            "arn:aws-cn:sqs:cn-north-1:123456789012:orders",
            [
                "sqs.cn-north-1.amazonaws.com.cn",
                "sqs.eu-west-1.amazonaws.com",
                "sts.cn-north-1.amazonaws.com.cn",
                "sts.eu-west-1.amazonaws.com",
            ],
        ),
    ],
)
def test_a_service_entry_has_the_hosts_of_the_queues(
    queue: str, hosts: list[str], tmp_path: Path
) -> None:
    """For `outboundTrafficPolicy: REGISTRY_ONLY`: SQS, and STS for roles."""
    route = {"name": "r", "queue": queue, "versions": {"stable": "http://b/"}}
    istio = {"serviceEntry": {"enabled": True, "hosts": ["proxy.example.com"]}}
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps({"routes": [route], "istio": istio, "aws": {"region": "eu-west-1"}}))
    entry = _of_kind(render(GATEWAY_CHART, path), "ServiceEntry")["spec"]
    assert entry["hosts"] == sorted([*hosts, "proxy.example.com"])
    assert entry["ports"] == [{"number": 443, "name": "tls", "protocol": "TLS"}]
    assert entry["exportTo"] == ["."]


def test_an_authorization_policy_lets_in_its_namespace_and_what_is_asked_for() -> None:
    sets = [
        "istio.authorizationPolicy.enabled=true",
        "istio.authorizationPolicy.namespaces={ops}",
        "istio.authorizationPolicy.principals={cluster.local/ns/a/sa/b}",
        "networkPolicy.monitoringNamespace=monitoring",
        "admin.port=9090",
    ]
    objects = render(GATEWAY_CHART, sets=sets)
    policy = _of_kind(objects, "AuthorizationPolicy")["spec"]
    (rule,) = policy["rules"]
    assert rule["from"] == [
        {"source": {"namespaces": ["shop", "ops", "monitoring"]}},
        {"source": {"principals": ["cluster.local/ns/a/sa/b"]}},
    ]
    assert rule["to"] == [{"operation": {"ports": ["9090"]}}]
    labels = _of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert policy["selector"]["matchLabels"].items() <= labels.items()
