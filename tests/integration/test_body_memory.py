"""Permits count bytes too: large bodies do not fill the memory, however many permits there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.runtime.permits import HELD_BYTES
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

LARGEST = 2**20
MOST = HELD_BYTES // LARGEST
MANY = MOST + 36
BATCH = 10


class Stage:
    """A route with large bodies, whose service holds every answer back, and one beside it."""

    def __init__(self, sqs: EmulatedSqs, service: Service, thread: LoopThread) -> None:
        self.sqs, self.service = sqs, service
        self.gate = Gate(thread)
        service.otherwise = Answer(gate=self.gate)

    def wait_until_deleted(self, queue: str, count: int) -> None:
        until(lambda: self.sqs.ledger(queue)["deleted"] == count, f"{count} deleted in {queue}")


@pytest.fixture
def stage(
    emulator: EmulatedSqs,
    new_service: NewService,
    thread: LoopThread,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    stage = Stage(emulator, new_service("large"), thread)
    small = new_service("small")

    def route(name: str, service: Service) -> dict[str, Any]:
        emulator.create(name)
        versions = {"stable": service.url}
        return {"name": name, "queue": name, "wait": "1s", "versions": versions}

    routing = {"routes": [route("large", stage.service), route("small", small)]}
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), routing, emulator.endpoint):
        yield stage
        stage.gate.open()


def test_no_more_large_bodies_are_held_than_the_bytes_allow(stage: Stage) -> None:
    """200 permits, a hundred messages of 1 MiB: what is beyond the bytes stays in the queue."""
    stage.sqs.create("large").send_all([Draft("x" * LARGEST) for _ in range(MANY)])
    stage.service.wait_for(MOST - BATCH)
    stage.sqs.create("small").send_all([Draft(f"small {n}") for n in range(MANY)])
    stage.wait_until_deleted("small", MANY)  # another route does not wait for those bytes
    ledger = stage.sqs.ledger("large")
    assert (ledger["deleted"], ledger["max_receive_count"]) == (0, 1)
    assert ledger["in_flight"] <= MOST

    stage.gate.open()
    stage.wait_until_deleted("large", MANY)
    assert {each.receive_count for each in stage.service.seen()} == {1}
    assert len({each.message_id for each in stage.service.seen()}) == MANY
    assert max(len(each.alongside) for each in stage.service.seen()) < MOST
