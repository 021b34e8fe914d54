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
LIMITED = (
    "import resource, runpy, sys;"
    f"resource.setrlimit(resource.RLIMIT_NOFILE, ({SOFT}, {HARD}));"
    "sys.argv[0] = 'gateway'; runpy.run_module('gateway', run_name='__main__', alter_sys=True)"
)


class LimitedGateway(GatewayProcess):
    """A gateway with a soft and a hard limit of open files."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._command = [sys.executable, "-c", LIMITED, "--config", str(self.file)]


def route(queue: str, url: str, client: str) -> dict[str, Any]:
    version = {"url": url, "client": client}
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
        assert gateway.process is not None
        limits = Path(f"/proc/{gateway.process.pid}/limits").read_text().splitlines()
        (line,) = [line for line in limits if line.startswith("Max open files")]
        assert line.split()[3:5] == [str(HARD), str(HARD)]

        def over() -> bool:
            assert gateway.client.get("/healthz").status_code == 200
            assert gateway.reload().status_code == 200
            ledgers = [emulator.ledger(f"{queue}-{client}") for queue in QUEUES]
            return all(ledger["deleted"] == EACH for ledger in ledgers)

        until(over, "all messages to be deleted")
        assert gateway.stop() == 0
        logged = [json.loads(text) for text in gateway.log.read_text().splitlines()]
    told = [line for line in logged if "limit of its own" in line["event"]]
    assert len(told) == 1
    assert told[0]["open_files"] == HARD
    assert "unreachable" not in gateway.log.read_text()
    seen = service.seen()
    assert len(seen) == len(QUEUES) * EACH
    assert {each["x-aws-sqsd-receive-count"] for each in seen} == {"1"}
