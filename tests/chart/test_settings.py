"""Each setting of the process can be given by a value of the chart."""

from __future__ import annotations

from typing import Any, Final

import pytest

from gateway.config.settings import PREFIX, Settings
from tests.chart.rendering import GATEWAY_CHART, refusal, render

TOKEN: Final = "admin.token.secretName=gateway-admin"
VALUES: Final[dict[str, tuple[str, Any]]] = {
    "admin_host": ("admin.host=0.0.0.0", "0.0.0.0"),
    "admin_port": ("admin.port=9090", "9090"),
    "admin_token": (TOKEN, {"secretKeyRef": {"name": "gateway-admin", "key": "token"}}),
    "admin_protect_reads": ("admin.protectReads=true", "true"),
    "admin_protect_metrics": ("admin.protectMetrics=true", "true"),
    "log_level": ("settings.logLevel=DEBUG", "DEBUG"),
    "log_format": ("settings.logFormat=text", "text"),
    "drain_seconds": ("settings.drainSeconds=3", "3"),
    "state": ("state=memory", "memory"),
    "sqs_client": ("settings.sqsClient=aiobotocore", "aiobotocore"),
    "allow_link_local": ("settings.allowLinkLocal=true", "true"),
    "tcp_keepalive": ("settings.tcpKeepalive=false", "false"),
}
"""For each setting a value of the chart, and what the container's environment has of it."""
WITHOUT: Final = {"config": "the chart mounts the file, and gives its place as an argument"}
ONLY_WHERE_SET: Final = ("tcp_keepalive", "allow_link_local")


def environment(*sets: str) -> dict[str, Any]:
    objects = render(GATEWAY_CHART, sets=[TOKEN, *sets])
    (pod,) = (one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment")
    env = pod["containers"][0]["env"]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in env}


def test_each_setting_has_a_value_of_the_chart_or_a_reason_not_to() -> None:
    assert sorted([*VALUES, *WITHOUT]) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", VALUES)
def test_the_value_arrives_as_the_setting(name: str) -> None:
    value, arrives = VALUES[name]
    assert environment(value)[PREFIX + name.upper()] == arrives


@pytest.mark.parametrize("name", VALUES)
def test_the_gateway_takes_what_the_chart_gives(name: str) -> None:
    arrives = VALUES[name][1]
    if isinstance(arrives, str):
        Settings.model_validate({name: arrives})


@pytest.mark.parametrize("name", ONLY_WHERE_SET)
def test_a_setting_as_it_comes_may_be_given_by_extra_env(name: str) -> None:
    extra = [f"extraEnv[0].name={PREFIX}{name.upper()}", "extraEnv[0].value=given"]
    assert environment(*extra)[PREFIX + name.upper()] == "given"


@pytest.mark.parametrize("name", ONLY_WHERE_SET)
def test_a_setting_is_not_given_twice(name: str) -> None:
    value, _ = VALUES[name]
    variable = PREFIX + name.upper()
    told = refusal(
        GATEWAY_CHART, sets=[value, f"extraEnv[0].name={variable}", "extraEnv[0].value=given"]
    )
    assert f"extraEnv[0].name: {variable} is set by {value.partition('=')[0]} too" in told
