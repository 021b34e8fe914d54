"""A receive whose answer is lost: SQS has leased messages that nobody got.

On FIFO they come again at once, since the next receive is the same attempt; without that their
groups would be blocked for a whole lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.core.addresses import parse_queue
from gateway.ports import SourceError
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.waiting import until
from tools.emulator.control import Fill, fill
from tools.emulator.faults import Cut, Fault
from tools.emulator.running import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.fakes.backends import SqsKind
    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tools.emulator.app import Emulator

LEASE_SECONDS: Final = 600
"""Far beyond every test's patience."""


@pytest.fixture
async def here(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with served() as here:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", here.url)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        here.emulator.registry.create("orders.fifo", {"FifoQueue": "true"}, 0)
        yield here.emulator


@pytest.fixture(params=[NativeSqsSource, SdkSqsSource])
async def queue(request: pytest.FixtureRequest, here: Emulator) -> AsyncIterator[SqsKind]:
    async with SqsClients() as clients:
        queue = request.param(clients, parse_queue("orders.fifo"))
        await queue.open()
        yield queue


class LostReceives:
    """Breaks the connection instead of answering so many receives, after their effect."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.attempt_ids: list[str] = []

    def __call__(self, operation: str, request: Mapping[str, Any]) -> Fault | None:
        if operation != "ReceiveMessage":
            return None
        self.attempt_ids.append(request["ReceiveRequestAttemptId"])
        self.left -= 1
        return Fault(cut=Cut.AFTER_EFFECT) if self.left >= 0 else None


async def test_what_lost_receives_leased_on_fifo_comes_with_the_next_one(
    here: Emulator, queue: SqsKind
) -> None:
    """Lost twice; the third receive has the messages in order, though their lease is not over."""
    fill(here, Fill("orders.fifo", 6, groups=2))
    here.intercept = lost = LostReceives(2)
    for _ in range(2):
        with pytest.raises(SourceError):
            await queue.receive(10, 0, LEASE_SECONDS)
    messages = await queue.receive(10, 0, LEASE_SECONDS)
    assert len(messages) == 6
    assert len(set(lost.attempt_ids)) == 1
    assert await queue.ack([message.receipt for message in messages]) == {}


async def test_an_attempt_is_not_made_again_once_it_was_answered(
    here: Emulator, queue: SqsKind
) -> None:
    """Else the same messages would be handed out for ever."""
    fill(here, Fill("orders.fifo", 3))
    here.intercept = lost = LostReceives(1)
    with pytest.raises(SourceError):
        await queue.receive(10, 0, LEASE_SECONDS)
    assert len(await queue.receive(10, 0, LEASE_SECONDS)) == 3
    assert await queue.receive(10, 0, LEASE_SECONDS) == []
    first, again, fresh = lost.attempt_ids
    assert first == again != fresh


def test_a_gateway_delivers_what_a_lost_receive_leased_without_waiting_for_the_lease(
    tmp_path: Path, emulator: EmulatedSqs, new_service: NewService
) -> None:
    service, sqs_queue = new_service("service"), emulator.create("lost-receives.fifo")
    route = {
        "name": "lost",
        "queue": sqs_queue.name,
        "wait": "1s",
        "visibility": LEASE_SECONDS,
        "versions": {"stable": service.url},
    }
    drafts = [Draft(f"{group}-{number}", group=group) for number in range(3) for group in "abc"]
    sqs_queue.send_all(drafts)
    emulator.break_with(
        {"operation": "ReceiveMessage", "kind": "lost_reply", "queue": sqs_queue.name}
    )
    try:
        with GatewayProcess(tmp_path, {"routes": [route]}, emulator.endpoint, waits=False) as it:
            until(lambda: emulator.ledger(sqs_queue.name)["in_flight"] == 9, "all to be leased")
            assert service.seen() == []
            emulator.break_with()
            sqs_queue.wait_until_empty()
            assert it.stop() == 0
    finally:
        emulator.break_with()
    assert sorted(each.text for each in service.seen()) == sorted(draft.body for draft in drafts)
