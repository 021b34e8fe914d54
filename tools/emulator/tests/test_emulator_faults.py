"""Faults on purpose and added latency, in virtual time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tools.emulator.app import Emulator
from tools.emulator.errors import modeled
from tools.emulator.faults import Cut, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.emulator.app import Response

pytestmark = pytest.mark.looptime

BASE = "http://sqs"
URL = f"{BASE}/000000000000/orders"
THROTTLED = modeled("RequestThrottled", "too fast", code="RequestThrottled")


class Line:
    """A line to an emulator; what comes back is kept with its time."""

    def __init__(self, **settings: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.emulator = Emulator(self.loop, clock=self.loop.time, **settings)
        self.emulator.submit("CreateQueue", b'{"QueueName":"orders"}', BASE, lambda _: None)
        self.responses: list[tuple[float, Response | None]] = []

    def break_with(self, fault: Fault, operation: str) -> None:
        def intercept(asked: str, request: Mapping[str, Any]) -> Fault | None:
            return fault if asked == operation else None

        self.emulator.intercept = intercept

    def call(self, operation: str, **members: Any) -> None:
        self.emulator.submit(
            operation,
            json.dumps({"QueueUrl": URL} | members).encode(),
            BASE,
            lambda response: self.responses.append((self.loop.time(), response)),
        )

    def last(self) -> Any:
        response = self.responses[-1][1]
        assert response is not None
        return json.loads(response.body)

    @property
    def sent(self) -> int:
        return len(self.emulator.registry.queues["orders"].messages)


async def test_the_round_trip_is_added_to_each_answer_after_its_effect() -> None:
    line = Line(round_trip_seconds=0.05)
    line.call("SendMessage", MessageBody="a")

    assert (line.sent, line.responses) == (1, [])
    await asyncio.sleep(1)
    assert line.responses[0][0] == pytest.approx(0.05)


async def test_an_error_comes_instead_of_the_effect() -> None:
    line = Line()
    line.break_with(Fault(error=THROTTLED), "SendMessage")

    line.call("SendMessage", MessageBody="a")

    assert line.sent == 0
    assert line.last()["__type"] == "com.amazonaws.sqs#RequestThrottled"


async def test_other_operations_go_right() -> None:
    line = Line()
    line.break_with(Fault(error=THROTTLED), "DeleteMessage")

    line.call("SendMessage", MessageBody="a")

    assert line.sent == 1


async def test_a_late_answer_is_late_and_nothing_else() -> None:
    line = Line()
    line.break_with(Fault(delay_seconds=3), "SendMessage")
    line.call("SendMessage", MessageBody="a")

    await asyncio.sleep(5)

    assert line.sent == 1
    assert line.responses[0][0] == pytest.approx(3)


@pytest.mark.parametrize(("cut", "sent"), [(Cut.BEFORE_EFFECT, 0), (Cut.AFTER_EFFECT, 1)])
async def test_a_cut_connection_gives_no_answer_before_or_after_the_effect(
    cut: Cut, sent: int
) -> None:
    line = Line()
    line.break_with(Fault(cut=cut), "SendMessage")

    line.call("SendMessage", MessageBody="a")

    assert (line.sent, line.responses) == (sent, [(0, None)])


async def test_entries_of_a_batch_fail_alone() -> None:
    line = Line()
    line.break_with(Fault(failed_entries={"1": THROTTLED, "9": THROTTLED}), "SendMessageBatch")

    line.call(
        "SendMessageBatch", Entries=[{"Id": str(n), "MessageBody": f"m{n}"} for n in range(3)]
    )

    assert line.sent == 2
    assert [entry["Id"] for entry in line.last()["Successful"]] == ["0", "2"]
    assert line.last()["Failed"] == [
        {"Id": "1", "SenderFault": True, "Code": "RequestThrottled", "Message": "too fast"}
    ]


async def test_all_entries_of_a_batch_may_fail() -> None:
    line = Line()
    line.break_with(Fault(failed_entries={"0": THROTTLED}), "SendMessageBatch")

    line.call("SendMessageBatch", Entries=[{"Id": "0", "MessageBody": "a"}])

    assert (line.sent, line.last()["Successful"]) == (0, [])


@pytest.mark.parametrize(
    ("fault", "noted"),
    [
        (Fault(cut=Cut.AFTER_EFFECT, kind="lost_reply"), ["one", "two"]),
        (Fault(failed_entries={"0": THROTTLED}, kind="partial_failure"), []),
    ],
)
async def test_a_fault_of_a_send_is_in_the_history_of_what_was_sent_without_a_response(
    fault: Fault, noted: list[str]
) -> None:
    line = Line()
    line.call("SendMessage", MessageBody="before")
    line.break_with(fault, "SendMessageBatch")
    bodies = ("one", "two")
    entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
    line.call("SendMessageBatch", Entries=entries)
    messages = line.emulator.registry.queues["orders"].messages
    what = f"SendMessageBatch {fault.kind}"
    assert [m.draft.body for m in messages if what in [event[1] for event in m.events]] == noted


async def test_a_duplicate_that_gets_no_response_is_in_the_history_of_the_first() -> None:
    line = Line()
    line.call("CreateQueue", QueueName="o.fifo", Attributes={"FifoQueue": "true"})
    line.break_with(Fault(cut=Cut.AFTER_EFFECT, kind="lost_reply"), "SendMessage")
    about = {"QueueUrl": "o.fifo", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for _ in range(2):
        line.call("SendMessage", MessageBody="b", **about)
    (message,) = line.emulator.registry.queues["o.fifo"].messages
    assert [what for _, what, _ in message.events] == ["SendMessage lost_reply"] * 2
