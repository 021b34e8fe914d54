"""What the page shows is what a gateway process did, and its streams do not hold up a stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.dashboard.chromium import missing
from tests.dashboard.test_what_it_shows import text
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.kube_process import VIRTUAL_SERVICES, KubeProcess, weighted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import NewVisitor
    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

MESSAGES = 60
ROWS = """rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"""


def test_the_page_has_the_figures_of_the_api_and_every_decision_and_a_stop_ends_its_stream(
    tmp_path: Path, emulator: EmulatedSqs, new_service: NewService, new_visitor: NewVisitor
) -> None:
    stable, canary = new_service("stable"), new_service("canary")
    canary.on("fails", Answer(503), Answer(200))
    queue = emulator.create("dashboard")
    route = {
        "name": "orders",
        "queue": "dashboard",
        **two_versions(stable.url, canary.url),
        "split": {"stable": 70, "canary": 30},
        "retry": {"min": "1s", "max": "1s"},
        "wait": "1s",
    }
    routing = {"routes": [route]}
    with GatewayProcess(tmp_path, routing, emulator.endpoint) as gateway:
        page = new_visitor().open(f"http://127.0.0.1:{gateway.port}/")
        text(page, "#sentence").to_contain_text("30 % to canary")
        for number in range(MESSAGES):
            queue.send(f"message {number}")
        queue.send("fails", attributes={"version": "v2"})
        queue.wait_until_empty()
        shown = gateway.get("/api/routes")["routes"][0]
        for place, version in enumerate(shown["versions"]):
            share = f".share >> nth={place}"
            acked = version["deliveries"]["ack"]
            text(page, share).to_contain_text(f"{version['decisions']} decisions · {acked} acked")
            seen = round(version["share_observed"] * 100)
            text(page, share).to_contain_text(f"{seen} % seen")
        text(page, ".share >> nth=1").to_contain_text("1 to retry")
        text(page, ".tile >> nth=0").to_contain_text(f"{shown['messages_received']} so far")
        rows: list[list[Any]] = page.locator("#decisions tbody tr").evaluate_all(ROWS)
        assert len(rows) == MESSAGES + 2  # the one that fails is decided twice
        by_version = {row[2] for row in rows if row[3] == "split"}
        assert by_version == {"stable", "canary"}
        assert [row[2] for row in rows if row[3] == "pinned"] == ["canary", "canary"]
        delivered = {each.message_id for service in (stable, canary) for each in service.seen()}
        assert {row[1] for row in rows} == delivered
        with httpx.stream("GET", f"http://127.0.0.1:{gateway.port}/api/events") as stream:
            next(stream.iter_lines())
            gateway.signal(signal.SIGTERM)
            assert gateway.exit_status() == 0
        text(page, "#link").to_contain_text("trying again")


def test_the_page_has_the_apis_figures_of_a_followed_object_from_waiting_to_weights_by_hand(
    tmp_path: Path, emulator: EmulatedSqs, new_service: NewService, new_visitor: NewVisitor
) -> None:
    stable, canary = new_service("stable"), new_service("canary")
    queue = emulator.create("followed")
    route = {
        "name": "orders",
        "queue": "followed",
        "follow": {"virtualService": "b", "host": "b"},
        "versions": {
            "stable": {"url": stable.url, "subset": "stable"},
            "canary": {"url": canary.url, "subset": "canary"},
        },
        "wait": "1s",
    }
    kubernetes = KubeProcess(tmp_path / "kubernetes")
    with GatewayProcess(
        tmp_path,
        {"routes": [route]},
        emulator.endpoint,
        waits=False,
        environment=kubernetes.environment,
    ) as gateway:
        gateway.wait_until_unready("has not been read yet")
        page = new_visitor().open(f"http://127.0.0.1:{gateway.port}/")
        text(page, "#sentence").to_contain_text("VirtualService demo/b has not been read yet")
        text(page, "#follow .said").to_contain_text("until then nothing is received")
        with kubernetes:
            kubernetes.create(VIRTUAL_SERVICES, {"metadata": {"name": "b"}, "spec": weighted(30)})
            text(page, "#sentence").to_contain_text("follows VirtualService demo/b; 30 % to canary")
            for number in range(MESSAGES):
                queue.send(f"message {number}")
            queue.wait_until_empty()
            shown = gateway.get("/api/routes")["routes"][0]
            for version in shown["versions"]:
                seen = round(version["share_observed"] * 100)
                part = 30 if version["name"] == "canary" else 70
                host = f"b.demo.svc.cluster.local/{version['name']}"
                line = f"{host}{version['name']}: {part} % set, {seen} % seen"
                text(page, "#follow").to_contain_text(line)
            kubernetes.patch(f"{VIRTUAL_SERVICES}/b", {"spec": weighted(-5)})
            text(page, "#follow .badge").to_have_text("object not valid")
            follow = gateway.get("/api/routes")["routes"][0]["follow"]
            text(page, "#follow .said").to_contain_text(follow["problem"])
            text(page, "#follow").to_contain_text("canary: 30 % set")
            gateway.client.put("/api/routes/orders/weights", json={"canary": 0})
            text(page, "#follow .said").to_contain_text("stable 100 %, canary 0 %, over")
        assert page.evaluate("window.violations") == []
        page.close()  # before the gateway ends: a stream that is cut is an error on its console
