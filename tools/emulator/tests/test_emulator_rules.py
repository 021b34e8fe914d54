"""Seeded faults over the control port: each kind does what it says, is counted and written down."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tools.bench.channel import Channel
from tools.emulator.rules import KINDS, Rule, Rules
from tools.emulator.running import Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ERRORS = {
    "internal_error": (500, "InternalError;Receiver"),
    "unavailable": (503, "ServiceUnavailable;Receiver"),
    "throttling": (400, "ThrottlingException;Sender"),
    "request_throttled": (400, "RequestThrottled;Sender"),
    "expired_token": (403, "ExpiredToken;Sender"),
    "access_denied": (403, "AccessDenied;Sender"),
}


class Line:
    """A queue at an emulator, called over HTTP; each call has a connection of its own."""

    def __init__(self, here: Served) -> None:
        self.emulator = here.emulator
        self.port = int(here.url.rpartition(":")[2])

    async def raw(self, operation: str, **members: Any) -> bytes:
        """Return all that comes back until the connection closes."""
        body = json.dumps({"QueueUrl": "orders"} | members).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"{head}x-amz-target: AmazonSQS.{operation}\r\n\r\n".encode() + body)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        response: dict[str, Any] = json.loads(
            (await self.raw(operation, **members)).split(b"\r\n\r\n")[1]
        )
        return response

    async def receipts(self, limit: int = 10) -> list[str]:
        response = await self.call("ReceiveMessage", MaxNumberOfMessages=limit)
        return [message["ReceiptHandle"] for message in response.get("Messages", ())]

    async def control(self, method: str, path: str, **members: Any) -> Any:
        channel = await Channel.open(self.port)
        status, body = await channel.request(method, path, json.dumps(members).encode())
        channel.close()
        return json.loads(body) if status == 200 else status

    async def break_with(self, kind: str, operation: str, **more: Any) -> None:
        rule = {"operation": operation, "kind": kind, **more}
        assert await self.control("POST", "/_faults", seed=1, rules=[rule]) == {}

    async def calm_down(self) -> None:
        assert await self.control("POST", "/_faults") == {}

    async def injected(self) -> Any:
        return (await self.control("GET", "/_faults"))["injected"]

    async def happened(self) -> list[list[str]]:
        """Return what is written about each message."""
        histories = await self.control("GET", "/_history/orders/messages")
        return [[event["what"] for event in history["events"]] for history in histories]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with served() as here:
        line = Line(here)
        await line.call("CreateQueue", QueueName="orders")
        yield line


@pytest.mark.parametrize("kind", ERRORS)
async def test_an_error_comes_as_sqs_sends_it_and_without_effect(line: Line, kind: str) -> None:
    await line.break_with(kind, "SendMessage")

    head = (await line.raw("SendMessage", MessageBody="a")).partition(b"\r\n\r\n")[0].decode()

    status, code = ERRORS[kind]
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert f"x-amzn-query-error: {code}" in head
    assert await line.happened() == []


@pytest.mark.parametrize(("kind", "sent"), [("dropped", 0), ("lost_reply", 1)])
async def test_a_broken_connection_comes_before_or_after_the_effect(
    line: Line, kind: str, sent: int
) -> None:
    await line.break_with(kind, "SendMessage")

    assert await line.raw("SendMessage", MessageBody="a") == b""

    assert len(await line.happened()) == sent


async def test_json_that_is_cut_off_has_an_honest_length(line: Line) -> None:
    await line.break_with("cut_json", "GetQueueUrl")

    head, _, body = (await line.raw("GetQueueUrl", QueueName="orders")).partition(b"\r\n\r\n")

    assert f"Content-Length: {len(body)}".encode() in head
    assert body.startswith(b'{"QueueUrl":')
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(body)


async def test_a_body_that_is_cut_off_had_promised_more(line: Line) -> None:
    await line.break_with("cut_body", "GetQueueUrl")

    head, _, body = (await line.raw("GetQueueUrl", QueueName="orders")).partition(b"\r\n\r\n")

    assert body.startswith(b'{"QueueUrl":')
    assert f"Content-Length: {len(body)}".encode() not in head


async def test_garbage_is_a_200_that_is_no_json(line: Line) -> None:
    await line.break_with("garbage", "SendMessage")

    response = await line.raw("SendMessage", MessageBody="a")

    assert response.startswith(b"HTTP/1.1 200 OK")
    assert response.partition(b"\r\n\r\n")[2].startswith(b"<html>")
    assert len(await line.happened()) == 1


async def test_what_hangs_is_cut_off_when_calm_returns(line: Line) -> None:
    await line.break_with("hang", "SendMessage")
    hanging = asyncio.create_task(line.raw("SendMessage", MessageBody="a"))
    while not await line.injected():  # noqa: ASYNC110 - the emulator has no event for it
        await asyncio.sleep(0)
    assert not hanging.done()

    await line.calm_down()

    assert await hanging == b""


async def test_a_slow_answer_is_a_right_one(line: Line) -> None:
    await line.break_with("slow", "GetQueueUrl", seconds=0.01)

    assert "QueueUrl" in await line.call("GetQueueUrl", QueueName="orders")

    assert await line.injected() == {"slow": {"GetQueueUrl": 1}}


async def test_some_entries_of_a_batch_fail_and_only_those_are_written_down(line: Line) -> None:
    for body in "abcdefgh":
        await line.call("SendMessage", MessageBody=body)
    receipts = await line.receipts()
    await line.break_with("partial_failure", "*")

    entries = [{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(receipts)]
    response = await line.call("DeleteMessageBatch", Entries=entries)

    failed = {int(entry["Id"]) for entry in response["Failed"]}
    assert {entry["Code"] for entry in response["Failed"]} == {"InternalError"}
    assert 0 < len(failed) < 8
    for position, what in enumerate(await line.happened()):
        fate = "DeleteMessageBatch partial_failure" if position in failed else "deleted"
        assert what == ["received", fate]


async def test_a_leased_message_is_handed_out_again_with_a_new_receipt(line: Line) -> None:
    """The older receipt deletes nothing any more, as the API history warns."""
    await line.call("SendMessage", MessageBody="a")
    (first,) = await line.receipts()
    await line.break_with("duplicate", "ReceiveMessage")

    (second,) = await line.receipts()

    assert second != first
    await line.call("DeleteMessage", ReceiptHandle=first)
    await line.call("DeleteMessage", ReceiptHandle=second)
    (what,) = await line.happened()
    assert [each for each in what if "Receive" not in each] == [
        "received", "received", "handed_out_again", "delete_ignored", "deleted"
    ]  # fmt: skip
    assert await line.injected() == {"duplicate": {"ReceiveMessage": 1}}


async def test_a_duplicate_where_nothing_is_leased_is_none_and_not_counted(line: Line) -> None:
    await line.call("SendMessage", MessageBody="a")
    await line.break_with("duplicate", "ReceiveMessage")

    assert len(await line.receipts()) == 1

    assert await line.injected() == {}


async def test_a_fifo_queue_hands_out_nothing_twice(line: Line) -> None:
    await line.call("CreateQueue", QueueName="q.fifo", Attributes={"FifoQueue": "true"})
    who = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    await line.call("SendMessage", QueueUrl="q.fifo", MessageBody="a", **who)
    await line.break_with("duplicate", "ReceiveMessage")

    responses = [await line.call("ReceiveMessage", QueueUrl="q.fifo") for _ in range(2)]

    assert [len(response.get("Messages", ())) for response in responses] == [1, 0]


@pytest.mark.parametrize("kind", ["lost_reply", "cut_json", "cut_body", "garbage"])
async def test_a_receive_whose_answer_is_lost_has_leased_its_messages(
    line: Line, kind: str
) -> None:
    await line.call("SendMessage", MessageBody="a")
    await line.break_with(kind, "ReceiveMessage")

    await line.raw("ReceiveMessage")

    assert await line.happened() == [["received", f"ReceiveMessage {kind}"]]


async def test_a_lost_fifo_receive_comes_again_with_receipts_and_a_fresh_lease(line: Line) -> None:
    """Asked with the same ReceiveRequestAttemptId, as long as the lease is in force."""
    await line.call("CreateQueue", QueueName="q.fifo", Attributes={"FifoQueue": "true"})
    for number in "12":
        who = {"MessageGroupId": "g", "MessageDeduplicationId": number}
        await line.call("SendMessage", QueueUrl="q.fifo", MessageBody=number, **who)
    asked = {"QueueUrl": "q.fifo", "MaxNumberOfMessages": 10, "ReceiveRequestAttemptId": "t"}
    await line.break_with("lost_reply", "ReceiveMessage")
    assert await line.raw("ReceiveMessage", **asked, VisibilityTimeout=30) == b""
    await line.calm_down()
    queue = line.emulator.registry.queues["q.fifo"]
    leased_until = [message.visible_at for message in queue.messages]
    other = await line.call("ReceiveMessage", **asked | {"ReceiveRequestAttemptId": "u"})

    again = await line.call("ReceiveMessage", **asked, VisibilityTimeout=60)

    assert other == {}
    assert [message["Body"] for message in again["Messages"]] == ["1", "2"]
    assert [m["ReceiptHandle"] for m in again["Messages"]] == [m.receipt for m in queue.messages]
    assert all(
        m.visible_at > until + 29 for m, until in zip(queue.messages, leased_until, strict=True)
    )
    for message in again["Messages"]:
        deleted = await line.call(
            "DeleteMessage", QueueUrl="q.fifo", ReceiptHandle=message["ReceiptHandle"]
        )
        assert deleted == {}


async def test_a_rule_may_be_about_one_queue(line: Line) -> None:
    await line.break_with("internal_error", "SendMessage", queue="others")
    assert "MessageId" in await line.call("SendMessage", MessageBody="a")

    await line.break_with("internal_error", "SendMessage", queue="orders")
    assert "MessageId" not in await line.call("SendMessage", MessageBody="a")


async def test_calm_is_calm_and_keeps_the_count(line: Line) -> None:
    await line.break_with("internal_error", "SendMessage")
    await line.call("SendMessage", MessageBody="a")
    await line.calm_down()

    assert "MessageId" in await line.call("SendMessage", MessageBody="a")
    assert await line.injected() == {"internal_error": {"SendMessage": 1}}


async def test_a_reset_forgets_the_faults(line: Line) -> None:
    await line.break_with("internal_error", "*")
    await line.call("SendMessage", MessageBody="a")

    await line.control("POST", "/_reset")

    assert await line.injected() == {}
    assert "QueueUrl" in await line.call("CreateQueue", QueueName="orders")


@pytest.mark.parametrize("rule", [{"operation": "*", "kind": "flood"}, {"kind": "dropped"}, {}])
async def test_a_rule_without_sense_is_refused(line: Line, rule: dict[str, str]) -> None:
    assert await line.control("POST", "/_faults", rules=[rule]) == 400


async def test_the_history_is_to_be_had_in_parts(line: Line) -> None:
    for body in "abcd":
        await line.call("SendMessage", MessageBody=body)

    histories = await line.control("GET", "/_history/orders/messages/1/2")

    assert [history["body"] for history in histories] == ["b", "c"]


def test_the_same_seed_strikes_the_same_requests() -> None:
    def struck(seed: int) -> list[bool]:
        rules = Rules([Rule("*", "dropped", 0.3)], seed)
        return [rules("SendMessage", {}) is not None for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 90


def test_every_kind_makes_a_fault_that_is_counted_under_its_name() -> None:
    batch = {"Entries": [{"Id": "0"}]}
    for kind in KINDS:
        fault = Rules([Rule("*", kind)])("DeleteMessageBatch", batch)
        assert fault is not None
        assert fault.kind == kind
