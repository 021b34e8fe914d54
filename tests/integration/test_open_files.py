"""A process with few descriptors: a limit of its own, which no message pays for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are read from /proc")

QUEUES = ("files-a", "files-b", "files-c")
EACH = 150
SOFT, HARD = 128, 256
LOOK_AGAIN_SECONDS = 0.25
"""Each look is a reload too: at every chance they would be most of the gateway's work."""
TIMEOUT = "10m"
"""Of a delivery: the service is one process of Python, and slow where the machine is busy."""
LIMITED = (
    "import resource, runpy, sys;"
    "resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
    "sys.argv[0] = 'gateway'; runpy.run_module('gateway', run_name='__main__', alter_sys=True)"
)


class LimitedGateway(GatewayProcess):
    """A gateway with a soft and a hard limit of open files."""

    def __init__(self, *arguments: Any, soft: int = SOFT, hard: int = HARD, **more: Any) -> None:
        super().__init__(*arguments, **more)
        code = LIMITED.format(soft=soft, hard=hard)
        self._command = [sys.executable, "-c", code, "--config", str(self.file)]
        self.hard = hard

    def limits(self) -> list[int]:
        """Return the soft and the hard limit in force."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/limits").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith("Max open files")]
        return [int(number) for number in line.split()[3:5]]

    def told(self) -> list[dict[str, Any]]:
        """Return the log entries about a limit of its own, each once until it was over."""
        logged = [json.loads(text) for text in self.log.read_text().splitlines()]
        turns = [
            entry
            for entry in logged
            if "limit of its own" in entry["event"] or "opened again" in entry["event"]
        ]
        assert all("opened again" in entry["event"] for entry in turns[1::2]), turns
        return turns[::2]


def route(queue: str, url: str, client: str) -> dict[str, Any]:
    version = {"url": url, "client": client, "timeout": TIMEOUT}
    return {"name": queue, "queue": queue, "wait": "1s", "versions": {"stable": version}}


@pytest.mark.parametrize("client", ["native", "httpx"])
def test_with_few_descriptors_no_receive_is_burnt_and_the_admin_port_answers(
    emulator: EmulatedSqs, new_service: NewService, tmp_path: Path, client: str
) -> None:
    service = new_service("slow")
    service.otherwise = Answer(seconds=1.0)
    for queue in QUEUES:
        emulator.create(f"{queue}-{client}").send_all(
            [Draft(f"{queue} {at}") for at in range(EACH)]
        )
    routing = {"routes": [route(f"{queue}-{client}", service.url, client) for queue in QUEUES]}
    with LimitedGateway(tmp_path, routing, emulator.endpoint) as gateway:
        assert gateway.limits() == [HARD, HARD]

        def over() -> bool:
            assert gateway.client.get("/healthz").status_code == 200
            assert gateway.reload().status_code == 200
            ledgers = [emulator.ledger(f"{queue}-{client}") for queue in QUEUES]
            return all(ledger["deleted"] == EACH for ledger in ledgers)

        until(over, "all messages to be deleted", look_again_seconds=LOOK_AGAIN_SECONDS)
        assert gateway.stop() == 0
    assert {told["open_files"] for told in gateway.told()} == {HARD}
    assert "unreachable" not in gateway.log.read_text()
    seen = service.seen()
    assert len(seen) == len(QUEUES) * EACH
    assert {each["x-aws-sqsd-receive-count"] for each in seen} == {"1"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("hard", [20_000, 1_024])
def test_a_pod_with_1024_files_takes_six_busy_routes(
    emulator: EmulatedSqs, new_service: NewService, tmp_path: Path, hard: int
) -> None:
    """Routes as they come, 200 messages each, a service that takes 4 s: what containerd 2 gives."""
    routes, each = [f"pod-{hard}-{letter}" for letter in "abcdef"], 200
    service = new_service("slow")
    service.otherwise = Answer(seconds=4.0)
    for name in routes:
        emulator.create(name).send_all([Draft(f"{name} {at}") for at in range(each)])
    versions = {"stable": {"url": service.url, "timeout": TIMEOUT}}
    routing = {
        "routes": [{"name": name, "queue": name, "versions": versions} for name in routes],
    }
    with LimitedGateway(tmp_path, routing, emulator.endpoint, soft=1_024, hard=hard) as gateway:
        assert gateway.limits() == [hard, hard]

        def over() -> bool:
            assert gateway.client.get("/healthz").status_code == 200
            assert gateway.reload().status_code == 200
            return all(emulator.ledger(name)["deleted"] == each for name in routes)

        until(over, "all messages to be deleted", 150, look_again_seconds=LOOK_AGAIN_SECONDS)
        assert bool(gateway.told()) is (hard == 1_024)
    assert "unreachable" not in gateway.log.read_text()
    assert len(service.seen()) == len(routes) * each
    assert {one["x-aws-sqsd-receive-count"] for one in service.seen()} == {"1"}
