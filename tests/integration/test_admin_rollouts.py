"""A gateway at work: what its admin port says and does about rollouts is what its messages meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.contract.test_http_api import validate
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.queues import Queue
    from tests.integration.services import Service

ROLLOUT = "/api/routes/orders/rollout"
WEIGHTS = "/api/routes/orders/weights"


class Stage(NamedTuple):
    """A gateway with `orders`, whose plan begins by a person's word, and `plain`, a split alone."""

    gateway: GatewayProcess
    queue: Queue
    stable: Service
    canary: Service

    def weights(self, route: str = "orders") -> list[float]:
        """Return the weights of stable and canary by the metric."""
        found = self.gateway.metrics("gateway_split_weight", "route", "version")
        return [found[route, version] for version in ("stable", "canary")]

    def ask(self, verb: str, **body: Any) -> dict[str, Any]:
        """Return the rollout after a verb."""
        response = self.gateway.client.post(f"{ROLLOUT}/{verb}", json=body)
        assert response.status_code == 200, response.text
        asked: dict[str, Any] = response.json()
        return asked


@pytest.fixture
def stage(emulator: EmulatedSqs, new_service: NewService, tmp_path: Path) -> Iterator[Stage]:
    stable, canary = new_service("stable"), new_service("canary")
    versions = {"wait": "1s", **two_versions(stable.url, canary.url)}
    queue, plain = emulator.create("judged"), emulator.create("plain")
    plan = {"steps": [20, 100], "start": "manual"}
    routes = [
        {"name": "orders", "queue": queue.name, **versions, "rollout": plan},
        {"name": "plain", "queue": plain.name, **versions, "split": {"stable": 3, "canary": 1}},
    ]
    with GatewayProcess(tmp_path, {"routes": routes}, emulator.endpoint) as gateway:
        until(lambda: gateway.get(ROLLOUT)["generation"] > 0, "the trial to be stored")
        yield Stage(gateway, queue, stable, canary)


def test_a_rollout_begins_goes_back_and_ends_by_verbs(stage: Stage) -> None:
    assert stage.weights() == [100, 0]
    begun = stage.ask("resume", by="Ana")
    assert (begun["step"], begun["weight"], begun["history"][-1]["by"]) == (0, 20.0, "Ana")
    assert stage.weights() == [80, 20]

    aborted = stage.ask("abort", reason="wrong totals")
    assert (aborted["phase"], aborted["weight"], aborted["verdict"]) == ("aborted", 0.0, "abort")
    assert stage.gateway.metric("gateway_rollbacks_total", route="orders", reason="manual") == 1
    assert stage.gateway.metric("gateway_rollout_phase", route="orders", phase="aborted") == 1
    conflict = stage.gateway.client.post(f"{ROLLOUT}/promote")
    assert conflict.status_code == 409
    assert "aborted" in conflict.json()["error"]

    assert stage.ask("retry")["step"] == 0
    promoted = stage.ask("promote", full=True)
    assert (promoted["phase"], promoted["weight"]) == ("promoted", 100.0)
    assert stage.weights() == [0, 100]
    validate(stage.gateway.get("/api/routes"))


def test_weights_by_hand_are_where_messages_go(stage: Stage) -> None:
    shown = stage.gateway.client.put(WEIGHTS, json={"canary": 100}).json()
    assert shown["override"]["canary"] == 100
    assert stage.gateway.metric("gateway_weight_override", route="orders") == 1
    stage.queue.send_all([Draft() for _ in range(10)])
    stage.canary.wait_for(10)

    stage.gateway.client.put(WEIGHTS, json={"canary": 0})
    stage.queue.send_all([Draft() for _ in range(10)])
    stage.stable.wait_for(10)
    assert (len(stage.stable.seen()), len(stage.canary.seen())) == (10, 10)
    (orders, _) = stage.gateway.get("/api/routes")["routes"]
    assert orders["override"]["canary"] == 0
    assert [version["share_configured"] for version in orders["versions"]] == [1.0, 0.0]
    assert stage.gateway.client.delete(WEIGHTS).json()["override"] is None
    assert stage.gateway.metric("gateway_weight_override", route="orders") == 0


def test_weights_by_hand_and_back_on_a_route_with_a_split_alone(stage: Stage) -> None:
    assert stage.weights("plain") == [3, 1]
    path = "/api/routes/plain/weights"
    assert stage.gateway.client.put(path, json={"canary": 40}).json()["phase"] == "none"
    assert stage.weights("plain") == [60, 40]
    assert stage.gateway.client.put(path, json={"canary": 101}).status_code == 422
    stage.gateway.client.delete(path)
    assert stage.weights("plain") == [3, 1]


@pytest.mark.parametrize("route", ["orders", "plain"])
def test_the_verdict_is_the_same_for_argo_prometheus_and_flagger(stage: Stage, route: str) -> None:
    verdict = stage.gateway.get(f"/api/routes/{route}/verdict")
    assert stage.gateway.metric("gateway_rollout_verdict", route=route) == verdict["value"]
    gate = stage.gateway.client.post(f"/api/flagger/{route}/confirm-promotion", json={})
    assert gate.status_code == (200 if verdict["verdict"] == "pass" else 403)
    assert gate.text == f"{verdict['verdict']}: {verdict['reason']}\n"
