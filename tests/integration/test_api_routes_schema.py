"""What a gateway at work says at `/api/routes` is valid by api-routes.schema.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.test_http_api import validate
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs


def test_it_is_valid_before_and_after_traffic(
    emulator: EmulatedSqs, new_service: NewService, tmp_path: Path
) -> None:
    stable, canary = new_service("stable"), new_service("canary")
    queue, dead = emulator.create("valid"), emulator.create("valid-dead")
    stable.on("refused", Answer(400))
    route = {
        "name": "valid",
        "queue": queue.name,
        "wait": "1s",
        **two_versions(stable.url, canary.url),
        "split": {"stable": 3, "canary": 1},
        "reject": dead.name,
    }
    with GatewayProcess(tmp_path, {"routes": [route]}, emulator.endpoint) as gateway:
        validate(gateway.get("/api/routes"))
        queue.send_all([Draft("well", {"version": "v2"}), Draft("refused", {"version": "v1"})])
        until(lambda: emulator.ledger(queue.name)["deleted"] == 2, "both to be settled")
        said = gateway.get("/api/routes")
        validate(said)
        gateway.file.write_text("routes: [{name: broken}]")
        assert gateway.reload().status_code == 422
        validate(gateway.get("/api/routes"))
    assert said["routes"][0]["messages_received"] == 2
