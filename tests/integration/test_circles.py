"""Routes whose versions' queues lead in a circle, which shows once addresses are resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.integration.gateway_process import GatewayProcess
from tests.integration.waiting import until
from tools.emulator.running import server_process

if TYPE_CHECKING:
    from pathlib import Path


def test_a_circle_that_only_shows_once_queues_are_resolved_is_not_polled(
    tmp_path: Path,
) -> None:
    """AWS_ENDPOINT_URL_SQS makes one place of hosts that differ in the file."""
    with server_process("tools.emulator", "--port", "0") as (_, endpoint):
        for name in "ab":
            create(endpoint, name)
        routes = [
            {
                "name": name,
                "queue": f"http://sqs.of.sources:9324/000000000000/{name}",
                "wait": "1s",
                "versions": {
                    "stable": {"url": "http://127.0.0.1:9/"},
                    "pull": {"queue": f"http://sqs.of.versions:9324/000000000000/{other}"},
                },
            }
            for name, other in (("a", "b"), ("b", "a"))
        ]
        with GatewayProcess(tmp_path, {"routes": routes}, endpoint, waits=False) as gateway:
            told = gateway.wait_until_unready("closes a circle")
            assert "route b: the queue of its version pull closes a circle" in told
            assert "route b to route a to route b" in told
            assert "route a:" not in until(lambda: first_polls(gateway), "route a to be polled")


def first_polls(gateway: GatewayProcess) -> str:
    """Return what /readyz says once it says nothing of route a."""
    text = gateway.readyz().text
    return "" if "route a:" in text else text


def create(endpoint: str, name: str) -> None:
    target = {"x-amz-target": "AmazonSQS.CreateQueue"}
    httpx.post(endpoint, json={"QueueName": name}, headers=target, verify=False).raise_for_status()
