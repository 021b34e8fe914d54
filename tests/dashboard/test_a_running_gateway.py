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
