"""What a pod may have once is refused in words where the values have it twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from pathlib import Path

ENV: Final = "extraEnv"
ROUTING: Final = "the chart, for the routing file"
CASES: Final[list[tuple[dict[str, Any], str]]] = [
    (
        {"aws": {"region": "eu-west-1"}, ENV: [{"name": "AWS_REGION", "value": "eu-west-2"}]},
        "extraEnv[0].name: AWS_REGION is set by aws.region too (keep one)",
    ),
    (
        {"aws": {"endpointUrl": "http://sqs:4566"}, ENV: [{"name": "AWS_ENDPOINT_URL_SQS"}]},
        "extraEnv[0].name: AWS_ENDPOINT_URL_SQS is set by aws.endpointUrl too (keep one)",
    ),
    *(
        (
            {
                "aws": {"credentialsSecret": {"name": "keys", "sessionTokenKey": "token"}},
                ENV: [{"name": name}],
            },
            f"extraEnv[0].name: {name} is set by aws.credentialsSecret too (keep one)",
        )
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    ),
    (
        {"admin": {"token": {"secretName": "s"}}, ENV: [{"name": "GATEWAY_ADMIN_TOKEN"}]},
        "extraEnv[0].name: GATEWAY_ADMIN_TOKEN is set by admin.token too (keep one)",
    ),
    (
        {ENV: [{"name": "TEAM", "value": "a"}, {"name": "A"}, {"name": "TEAM", "value": "b"}]},
        "extraEnv[2].name: TEAM is set by extraEnv[0] too (keep one)",
    ),
    (
        {ENV: [{"name": "GATEWAY_ADMIN_PORT"}]},
        "extraEnv[0].name: GATEWAY_ADMIN_PORT is set by the chart (",
    ),
    *(
        (
            {"extraVolumeMounts": [{"name": "mine", "mountPath": path}]},
            f"extraVolumeMounts[0].mountPath: /etc/gateway is taken by {ROUTING}",
        )
        for path in ("/etc/gateway", "/etc/gateway/", "/etc//gateway")
    ),
    (
        {
            "extraVolumeMounts": [
                {"name": "a", "mountPath": "/a"},
                {"name": "b", "mountPath": "/a/"},
            ]
        },
        "extraVolumeMounts[1].mountPath: /a is taken by extraVolumeMounts[0]",
    ),
    (
        {"extraVolumes": [{"name": "routes", "emptyDir": {}}]},
        f"extraVolumes[0].name: routes is the name of {ROUTING}",
    ),
    (
        {"extraVolumes": [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]},
        "extraVolumes[1].name: a is the name of extraVolumes[0]",
    ),
    (
        {"extraContainers": [{"name": "gateway", "image": "x"}]},
        "extraContainers[0].name: gateway is the name of the gateway's own container",
    ),
    (
        {"extraContainers": [{"name": "a"}], "extraInitContainers": [{"name": "a"}]},
        "extraInitContainers[0].name: a is the name of extraContainers[0]",
    ),
]


@pytest.mark.parametrize(("values", "words"), CASES, ids=[words[:60] for _, words in CASES])
def test_what_is_there_twice_is_refused_in_words(
    values: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps(values))
    assert words in refusal(GATEWAY_CHART, path)


def test_what_is_there_once_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    values = {
        "extraEnv": [{"name": "AWS_REGION", "value": "eu-west-1"}],
        "extraVolumes": [{"name": "a", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "a", "mountPath": "/etc/gateway-more"}],
    }
    path.write_text(json.dumps(values))
    assert render(GATEWAY_CHART, path)
