"""A mirror that hangs beside real traffic (docs/reference/delivery.md#mirror)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.exchanges import Answer, Silence
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs

MESSAGES = 60
ROOM = 5


def test_all_is_delivered_once_beside_a_mirror_that_hangs(
    emulator: EmulatedSqs, new_service: NewService, tmp_path: Path
) -> None:
    stable, canary = new_service("stable"), new_service("canary")
    queue = emulator.create("mirrored")
    bodies = [f"mirrored {n}" for n in range(MESSAGES)]
    for body in bodies:
        canary.on(body, Silence())
    canary.on("the canary's own", Answer())
    route = {
        "name": "mirrored",
        "queue": queue.name,
        "wait": "1s",
        **two_versions(stable.url, canary.url),
        "mirror": {"to": "canary", "percent": 100, "max_in_flight": ROOM, "timeout": "5m"},
    }
    with GatewayProcess(tmp_path, {"routes": [route]}, emulator.endpoint) as gateway:
        queue.send_all([Draft(body) for body in bodies])
        until(lambda: emulator.ledger(queue.name)["deleted"] == MESSAGES, "all to be deleted")
        queue.send_all([Draft("the canary's own", {"version": "v2"})])
        until(lambda: emulator.ledger(queue.name)["deleted"] == MESSAGES + 1, "its own, too")
        outcomes = gateway.metrics("gateway_mirrored_total", "outcome")
        assert outcomes == {("sent",): 0, ("failed",): 0, ("dropped",): MESSAGES - ROOM}
    assert all(len(stable.seen(body)) == 1 for body in bodies)
    copies = [each for body in bodies for each in canary.seen(body)]
    assert len(copies) == ROOM
    for copy in copies:
        assert copy["x-gateway-mirror"] == "true"
        assert copy["x-gateway-reason"] == "mirror"
        assert (copy["version"], copy["baggage"]) == ("v2", "version=v2")
        assert (copy["x-gateway-version"], copy.receive_count) == ("canary", 1)
    (own,) = canary.seen("the canary's own")
    assert own["x-gateway-reason"] == "pinned"
