"""A queue that is given by name needs something that says in which region it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS: Final = {"versions": {"stable": "http://b.shop/"}}
ROLE: Final = "arn:aws:iam::123456789012:role/gateway"
WORDS: Final = "routes[0].queue: is a name, orders, and nothing says in which region"


def values(folder: Path, queue: str, **more: Any) -> Path:
    route = {"name": "orders", "queue": queue, **VERSIONS} | more.pop("route", {})
    path = folder / "values.yaml"
    path.write_text(json.dumps({"routes": [route], **more}))
    return path


def test_without_anything_that_says_it_it_is_refused(tmp_path: Path) -> None:
    told = refusal(GATEWAY_CHART, values(tmp_path, "orders"))
    assert WORDS in told
    assert "(set aws.region, the route's region, or give the queue's URL)" in told


@pytest.mark.parametrize(
    "more",
    [
        {"aws": {"region": "eu-west-1"}},
        {"route": {"region": "eu-west-1"}},
        {"extraEnv": [{"name": "AWS_REGION", "value": "eu-west-1"}]},
        {"extraEnv": [{"name": "AWS_DEFAULT_REGION", "value": "eu-west-1"}]},
        {"extraEnvFrom": [{"configMapRef": {"name": "x"}}]},
        {"aws": {"roleArn": ROLE}},
        {"aws": {"podIdentity": True}},
        {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}},
        {"serviceAccount": {"create": False, "name": "shared"}},
    ],
    ids=lambda more: json.dumps(more)[:50],
)
def test_what_says_it_is_taken(more: dict[str, Any], tmp_path: Path) -> None:
    """Webhooks of EKS set AWS_REGION where there is a role."""
    assert render(GATEWAY_CHART, values(tmp_path, "orders", **more))


@pytest.mark.parametrize(
    "queue",
    [
        "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
        "arn:aws:sqs:eu-west-1:123456789012:orders",
    ],
)
def test_a_url_or_arn_says_it_itself(queue: str, tmp_path: Path) -> None:
    assert render(GATEWAY_CHART, values(tmp_path, queue))
