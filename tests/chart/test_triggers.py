"""KEDA's triggers are made of the routes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.loaders import Loader

from tests.chart.rendering import GATEWAY_CHART, render

if TYPE_CHECKING:
    from pathlib import Path

CI: Final = GATEWAY_CHART / "ci"
SET: Final = ("keda.enabled=true", "aws.region=eu-west-1")


def _of_kind(kind: str, *arguments: Any, **more: Any) -> dict[str, Any]:
    objects = render(GATEWAY_CHART, *arguments, **more)
    (found,) = (each for each in objects if each["kind"] == kind)
    return dict(found)


def _metadata(queue: str, *sets: str) -> dict[str, str]:
    scaled = _of_kind("ScaledObject", sets=[*SET, f"routes[0].queue={queue}", *_ROUTE, *sets])
    (trigger,) = scaled["spec"]["triggers"]
    return dict(trigger["metadata"])


_ROUTE: Final = ("routes[0].name=r", "routes[0].versions.stable=http://b.shop/")


@pytest.mark.parametrize(
    ("queue", "url", "region"),
    [
        ("orders", "orders", "eu-west-1"),
        (
            "arn:aws:sqs:us-east-2:123456789012:orders.fifo",
            "https://sqs.us-east-2.amazonaws.com/123456789012/orders.fifo",
            "us-east-2",
        ),
        (
            "arn:aws-cn:sqs:cn-north-1:123456789012:orders",
            "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders",
            "cn-north-1",
        ),
        (
            "https://sqs.us-east-2.amazonaws.com/123456789012/orders",
            "https://sqs.us-east-2.amazonaws.com/123456789012/orders",
            "us-east-2",
        ),
        (
            "https://us-east-2.queue.amazonaws.com/123456789012/orders",
            "https://us-east-2.queue.amazonaws.com/123456789012/orders",
            "us-east-2",
        ),
    ],
)
def test_each_way_to_call_a_queue_is_one_that_keda_takes(queue: str, url: str, region: str) -> None:
    """It knows URLs and names, no ARNs: https://keda.sh/docs/latest/scalers/aws-sqs/."""
    metadata = _metadata(queue)
    assert (metadata["queueURL"], metadata["awsRegion"]) == (url, region)
    assert "awsEndpoint" not in metadata


def test_a_queue_at_an_endpoint_of_its_own_is_asked_for_there() -> None:
    front = "https://vpce-0a-1b.sqs.eu-west-2.vpce.amazonaws.com"
    metadata = _metadata(f"{front}/123456789012/orders")
    assert (metadata["awsEndpoint"], metadata["awsRegion"]) == (front, "eu-west-2")


def test_a_name_becomes_a_url_where_the_account_is_known() -> None:
    scaled = _of_kind("ScaledObject", CI / "keda-values.yaml")
    urls = [each["metadata"].get("queueURL") for each in scaled["spec"]["triggers"]]
    assert urls[2] == "https://sqs.eu-central-1.amazonaws.com/123456789012/by-name"


def _partitions() -> list[tuple[str, str]]:
    known = Loader().load_data("partitions")["partitions"]
    return [
        (region, each["outputs"]["dnsSuffix"])
        for each in known
        for region in each["regions"]
        if re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]", region)
    ]


def test_a_url_has_the_suffix_of_its_partition(tmp_path: Path) -> None:
    """As botocore has it, in each region that it knows."""
    partitions = _partitions()
    assert len({suffix for _, suffix in partitions}) >= 4
    path = tmp_path / "values.yaml"
    routes = [
        {
            "name": region,
            "queue": f"arn:aws:sqs:{region}:123456789012:orders",
            "versions": {"stable": "http://b.shop/"},
        }
        for region, _ in partitions
    ]
    path.write_text(json.dumps({"routes": routes}))
    scaled = _of_kind("ScaledObject", path, sets=SET)
    urls = {each["name"]: each["metadata"]["queueURL"] for each in scaled["spec"]["triggers"]}
    assert urls == {
        region: f"https://sqs.{region}.{suffix}/123456789012/orders"
        for region, suffix in partitions
    }


def test_what_keda_reads_is_text() -> None:
    """Its metadata is a map of strings: a number or boolean would be refused by the cluster."""
    metadata = _metadata("orders", "keda.queueLength=30000000")
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["queueLength"] == "30000000"
    assert metadata["scaleOnInFlight"] == "false"


def test_each_route_has_its_trigger_unless_it_is_switched_off() -> None:
    scaled = _of_kind("ScaledObject", CI / "keda-values.yaml")
    by_name = {each.get("name"): each for each in scaled["spec"]["triggers"]}
    assert list(by_name) == ["by-url", "by-arn", "by-name", None]
    lengths = {name: each["metadata"].get("queueLength") for name, each in by_name.items()}
    assert lengths == {"by-url": "30000", "by-arn": "500", "by-name": "30000", None: None}
    assert by_name["by-arn"]["metadata"]["scaleOnInFlight"] == "true"


def test_the_autoscaler_alone_says_how_many_replicas_there_are() -> None:
    """A number in the Deployment would put it back at every upgrade."""
    for name in ("keda", "hpa"):
        assert "replicas" not in _of_kind("Deployment", CI / f"{name}-values.yaml")["spec"]
    assert _of_kind("Deployment")["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("irsa", {"podIdentity": {"provider": "aws", "identityOwner": "workload"}}),
        ("everything", {"podIdentity": {"provider": "aws"}}),
        (
            "keda",
            {
                "podIdentity": {
                    "provider": "aws",
                    "roleArn": "arn:aws:iam::123456789012:role/keda-reads-queues",
                }
            },
        ),
        (
            "keda-secret",
            {
                "secretTargetRef": [
                    {"parameter": parameter, "name": "gateway-aws", "key": key}
                    for parameter, key in (
                        ("awsAccessKeyID", "AWS_ACCESS_KEY_ID"),
                        ("awsSecretAccessKey", "AWS_SECRET_ACCESS_KEY"),
                        ("awsSessionToken", "AWS_SESSION_TOKEN"),
                    )
                ]
            },
        ),
    ],
)
def test_keda_authenticates_itself(name: str, identity: dict[str, Any]) -> None:
    assert _of_kind("TriggerAuthentication", CI / f"{name}-values.yaml")["spec"] == identity
