"""Leases last as long as a delivery, by the ledger (docs/reference/leases-order-stopping.md)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

LEASE = "2s"
EXTENSIONS = 9
"""One a second under a lease of two: so many are a delivery of nine seconds."""


class Stage:
    """A queue of the test's own under a short lease, and a service that answers when it may."""

    def __init__(
        self, name: str, folder: Path, service: Service, sqs: EmulatedSqs, thread: LoopThread
    ) -> None:
        self.service, self._sqs, self._folder = service, sqs, folder
        self.queue = sqs.create(name)
        self.gate = Gate(thread)
        service.otherwise = Answer(gate=self.gate)

    def gateway(self) -> GatewayProcess:
        """Return a gateway that is not started yet."""
        versions = {"stable": self.service.url}
        route = {"name": "leases", "queue": self.queue.name, "versions": versions}
        timing = {"wait": "1s", "visibility": LEASE}
        return GatewayProcess(self._folder, {"routes": [route | timing]}, self._sqs.endpoint)

    def counts(self, what: str) -> list[int]:
        """Return how often that happened to each message."""
        pages = self._sqs.history(self.queue.name).values()
        return [sum(event == what for event, _ in page) for page in pages]

    def wait_for_extensions(self, count: int) -> None:
        """Wait until every message's lease was extended so often."""
        until(
            lambda: min(self.counts("visibility_changed")) >= count,
            f"{count} extensions of each message",
        )

    def calls(self, operation: str) -> int:
        """Return how often an operation was called."""
        calls: int = self._sqs.ledger(self.queue.name)["operations"][operation]
        return calls


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    new_service: NewService,
    emulator: EmulatedSqs,
    thread: LoopThread,
) -> Iterator[Stage]:
    stage = Stage(request.node.name[:80], tmp_path, new_service("service"), emulator, thread)
    yield stage
    stage.gate.open()


def test_lesson_1_sixty_deliveries_of_nine_seconds_under_a_lease_of_two_are_each_received_once(
    stage: Stage,
) -> None:
    """Extensions go ten to a call: at worst, half-full batches, there are a fifth as many calls."""
    stage.queue.send_all([Draft(f"m-{n}") for n in range(60)])
    with stage.gateway() as gateway:
        stage.service.wait_for(60)
        stage.wait_for_extensions(EXTENSIONS)
        stage.gate.open()
        stage.queue.wait_until_empty()
        assert gateway.stop() == 0
    assert stage.counts("received") == [1] * 60
    assert stage.counts("deleted") == [1] * 60
    assert len(stage.service.seen()) == 60
    extensions = sum(stage.counts("visibility_changed"))
    assert stage.calls("ChangeMessageVisibilityBatch") <= extensions / 5


def test_lesson_3_extensions_go_on_while_a_soft_stop_waits_for_deliveries(stage: Stage) -> None:
    """Three more for each of thirty messages after SIGTERM: a lease and a half."""
    stage.queue.send_all([Draft(f"m-{n}") for n in range(30)])
    with stage.gateway() as gateway:
        stage.service.wait_for(30)
        stage.wait_for_extensions(1)
        gateway.signal(signal.SIGTERM)
        gateway.wait_until_unready("stopping")
        stage.wait_for_extensions(max(stage.counts("visibility_changed")) + 3)
        stage.gate.open()
        assert gateway.exit_status() == 0
    assert stage.counts("received") == [1] * 30
    assert stage.counts("deleted") == [1] * 30
    assert len(stage.service.seen()) == 30
