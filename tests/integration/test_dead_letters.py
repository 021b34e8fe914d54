"""Rejected messages: redrive, the copy and its limits (docs/reference/delivery.md).

Here the routing file calls queues by their ARNs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft, redrive
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.queues import Queue
    from tests.integration.services import Service

MIB = 1024 * 1024
MARKS = {"gateway-route", "gateway-version", "gateway-status", "gateway-reason"}


class Stage:
    """A route with a dead-letter queue of the gateway's and one that leaves it to redrive."""

    def __init__(self, gateway: GatewayProcess, sqs: EmulatedSqs, service: Service) -> None:
        self.gateway, self._sqs, self.service = gateway, sqs, service

    def queue(self, name: str) -> Queue:
        return self._sqs.create(name)

    def deleted(self, queue: str) -> int:
        return int(self._sqs.ledger(queue)["deleted"])

    def copy_of(self, draft: Draft) -> dict[str, Any]:
        """Have a message rejected and return the attributes of its copy."""
        self.service.on(draft.body, Answer(422))
        before = self.deleted("lettered")
        self.queue("lettered").send_all([draft])
        (copy,) = self.queue("letters").take(1)
        assert copy["Body"] == draft.body
        until(lambda: self.deleted("lettered") == before + 1, "the original to be deleted")
        attributes: dict[str, Any] = copy.get("MessageAttributes", {})
        return attributes


@pytest.fixture(scope="module")
def stage(
    emulator: EmulatedSqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    service = new_service("service")
    policy = redrive(emulator.create("redriven-dead"), 2)
    redriven = emulator.create("redriven", RedrivePolicy=policy)
    lettered, letters = emulator.create("lettered"), emulator.create("letters")

    def route(queue: Queue, **more: Any) -> dict[str, Any]:
        return {
            "name": queue.name,
            "queue": queue.arn,
            "wait": "1s",
            "versions": {"stable": service.url},
            "retry": {"min": "1s", "max": "1s"},
            **more,
        }

    routing = {"routes": [route(lettered, reject=letters.arn), route(redriven)]}
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, routing, emulator.endpoint) as gateway:
        yield Stage(gateway, emulator, service)


def test_a_copy_keeps_the_attributes_with_their_types(stage: Stage) -> None:
    attributes = stage.copy_of(Draft("typed", {"text": "a", "number": 7, "raw": b"\0\xff"}))
    assert attributes["text"] == {"DataType": "String", "StringValue": "a"}
    assert attributes["number"] == {"DataType": "Number", "StringValue": "7"}
    assert attributes["raw"] == {"DataType": "Binary", "BinaryValue": b"\0\xff"}
    assert attributes.keys() == MARKS | {"text", "number", "raw"}


def test_the_four_marks_win_over_the_last_of_ten_attributes(stage: Stage) -> None:
    """The last four by name have to go, and the log names them."""
    attributes = stage.copy_of(Draft("ten", {f"name-{n}": str(n) for n in range(10)}))
    assert attributes.keys() == MARKS | {f"name-{n}" for n in range(6)}
    lines = [json.loads(line) for line in stage.gateway.logged().splitlines()]
    (names,) = [line["names"] for line in lines if "lacks attributes" in line["event"]]
    assert sorted(names) == [f"name-{n}" for n in range(6, 10)]


def test_a_message_that_has_the_marks_already_gets_ours(stage: Stage) -> None:
    """As when a dead-letter queue is fed back: no mark of an earlier journey stays."""
    attributes = stage.copy_of(Draft("again", {"gateway-route": "other", "gateway-status": "1"}))
    assert attributes["gateway-route"]["StringValue"] == "lettered"
    assert attributes["gateway-status"]["StringValue"] == "422"
    assert attributes.keys() == MARKS


def test_the_marks_win_over_attributes_that_would_make_the_copy_too_large(stage: Stage) -> None:
    attributes = stage.copy_of(Draft("x" * (MIB - 190), {"a": "a", "b": "b" * 150}))
    assert attributes.keys() == MARKS | {"a"}


def test_a_copy_that_cannot_be_sent_means_retry(stage: Stage) -> None:
    """A body of 1 MiB leaves no room for the marks: the message is not lost but comes again."""
    failures = {"route": "lettered", "action": "dead_letter"}
    body = "y" * MIB
    stage.service.on(body, Answer(422), Answer(200))
    before = stage.deleted("lettered")
    stage.queue("lettered").send(body)
    until(lambda: stage.deleted("lettered") == before + 1, "it to be delivered in the end")
    assert [request.receive_count for request in stage.service.seen(body)] == [1, 2]
    assert stage.gateway.metric("gateway_settlement_failures_total", **failures) == 1
    assert stage.queue("letters").counts() == (0, 0, 0)


def test_redrive_leaves_the_message_to_the_queue_s_own_policy(stage: Stage) -> None:
    """Two receives are allowed; then SQS moves it, as it was sent."""
    stage.service.on("redriven", Answer(400))
    stage.queue("redriven").send("redriven", attributes={"tenant": "acme"})
    (moved,) = stage.queue("redriven-dead").take(1)
    assert (moved["Body"], moved["MessageAttributes"].keys()) == ("redriven", {"tenant"})
    assert [each.receive_count for each in stage.service.seen("redriven")] == [1, 2]
