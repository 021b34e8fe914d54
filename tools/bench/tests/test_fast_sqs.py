"""The bench's own SQS and services say what the slower ones say."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tools.bench import native, throughput
from tools.bench.arena import _port, _python, _served, arena
from tools.bench.channel import Channel
from tools.bench.fast_sqs.operations import Calls
from tools.bench.fast_sqs.queue import FastQueue
from tools.bench.fast_sqs.rendering import NUMBERED, Draft
from tools.bench.peers import PEERS
from tools.emulator import messages, responses
from tools.sqs_model.queue import Refusal

if TYPE_CHECKING:
    from pathlib import Path

ALL = (("All",), ("All",))
VERSION = {"version": {"DataType": "String", "StringValue": "100 %s"}}
SYSTEM = (
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
)


def received(queue: FastQueue, now: float = 100.0, wanted: Any = ALL) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(b"[%b]" % queue.receive(10, 60, now, wanted))
    return found


def filled(count: int = 1, body: str = "{}") -> FastQueue:
    queue = FastQueue("q", {})
    for _ in range(count):
        queue.send(Draft(body, VERSION, 99.0))
    return queue


def test_a_lease_that_is_over_makes_a_message_visible_and_counts() -> None:
    queue = filled()
    first = received(queue)
    queue.advance(159.0)
    assert (len(first), received(queue, 159.0)) == (1, [])

    queue.advance(160.0)
    (again,) = received(queue, 160.0)

    counts = [m["Attributes"]["ApproximateReceiveCount"] for m in (*first, again)]
    assert counts == ["1", "2"]
    assert again["Attributes"]["ApproximateFirstReceiveTimestamp"] == "100000"
    assert queue.summary()["max_receive_count"] == 2


def test_a_message_that_is_given_back_is_visible_at_once_and_its_old_lease_is_forgotten() -> None:
    queue = filled()
    (message,) = received(queue)

    assert queue.change_visibility(message["ReceiptHandle"], 0, 110.0) is None
    assert len(received(queue, 111.0)) == 1
    queue.advance(165.0)  # the first lease would have ended by now, the second has not

    assert (queue.visible, queue.leased) == (0, 1)


def test_what_is_deleted_does_not_come_back_and_a_second_delete_is_counted() -> None:
    queue = filled(2)
    receipt = received(queue)[0]["ReceiptHandle"]

    refusals = queue.delete([receipt, receipt, "of no message"], 101.0)
    assert refusals == [None, None, Refusal.UNKNOWN_RECEIPT]
    queue.advance(1000.0)

    summary = queue.summary()
    assert (summary["deleted"], summary["deletes_ignored"], summary["visible"]) == (1, 1, 1)


@pytest.mark.parametrize("body", ["{}", '{"a":"100 %d\\n"}', "\N{GRINNING FACE} \\"])
@pytest.mark.parametrize("system", [("All",), (), SYSTEM[:1], SYSTEM[2:3], SYSTEM[3:], SYSTEM[1:4]])
@pytest.mark.parametrize("names", [("All",), (), ("version",), ("ver.*",), ("other",)])
def test_a_message_looks_as_the_emulator_shows_it(
    body: str, system: tuple[str, ...], names: tuple[str, ...]
) -> None:
    (message,) = received(filled(1, body), wanted=(system, names))

    known = messages.Message("id", messages.Draft(body, VERSION), 99.0)
    known.receive_count, known.first_received_at, known.receipt = 1, 100.0, "receipt"
    expected = responses.received(known, system, names)
    same = {"MessageId": "id", "ReceiptHandle": "receipt"}
    assert message | same == expected


def test_each_body_has_its_number_and_the_digest_that_goes_with_it() -> None:
    found = received(filled(2, f'{{"id":"{NUMBERED}"}}'))

    assert [m["Body"] for m in found] == ['{"id":"000000000000"}', '{"id":"000000000001"}']
    assert [m["MD5OfBody"] for m in found] == [messages.md5(m["Body"].encode()) for m in found]


@pytest.mark.parametrize("system", [("All",), (), ("MessageGroupId",), ("SequenceNumber",)])
def test_a_message_of_a_group_looks_as_the_emulator_shows_it(system: tuple[str, ...]) -> None:
    queue = FastQueue("q.fifo", {})
    queue.send(Draft("{}", VERSION, 99.0), 99.0, 'g"1', "d-1")
    (message,) = received(queue, wanted=(system, ()))

    draft = messages.Draft("{}", VERSION, 'g"1', "d-1")
    known = messages.Message("id", draft, 99.0)
    known.receive_count, known.first_received_at, known.receipt = 1, 100.0, "receipt"
    same = {"MessageId": "id", "ReceiptHandle": "receipt"}
    assert message | same == responses.received(known, system, ())


async def test_a_receive_that_waits_gets_the_rest_of_a_group_once_the_first_is_deleted() -> None:
    calls = Calls(asyncio.get_running_loop())
    told: list[bytes] = []

    def run(operation: bytes, **members: Any) -> Any:
        text = json.dumps({"QueueUrl": "http://h/0/q.fifo", "QueueName": "q.fifo", **members})
        calls.run(operation, text.encode(), "h", told.append)
        return json.loads(told[-1])

    run(b"createqueue")
    for body in ("first", "second"):
        run(b"sendmessage", MessageBody=body, MessageGroupId="g")
    (first,) = run(b"receivemessage")["Messages"]
    run(b"receivemessage", WaitTimeSeconds=20)
    assert b"second" not in told[-1]

    run(b"deletemessage", ReceiptHandle=first["ReceiptHandle"])

    assert b"second" in told[-2], "the receive, which is told before the delete"


async def test_a_receive_waits_for_a_message_and_takes_none_once_it_is_cancelled() -> None:
    calls = Calls(asyncio.get_running_loop())
    told: list[bytes] = []

    def run(operation: bytes, **members: Any) -> Any:
        text = json.dumps({"QueueUrl": "http://h/0/q", "QueueName": "q", **members}).encode()
        return calls.run(operation, text, "h", told.append)

    run(b"createqueue")
    gone = run(b"receivemessage", WaitTimeSeconds=20)
    waiting = run(b"receivemessage", WaitTimeSeconds=20)
    gone.cancel()
    assert len(told) == 1

    run(b"sendmessage", MessageBody="hello")

    assert [b"hello" in response for response in told] == [False, True, False]
    assert waiting.respond is None


def post(path: str, body: str = "{}", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n{body}".encode()


SCENARIO = [
    post("/stable", x_aws_sqsd_msgid="1", x_gateway_reason="split"),
    post("/stable", X_AWS_SQSD_MSGID="1"),
    post("/canary", '{"id":"000000000001","a":1}'),
    post("/after-1/canary", '{"id":"000000000002","a":1}'),
    post("/shed/canary", x_aws_sqsd_msgid="2"),
    post("/stable", '{"sent_at":1700000000.000000,"id":"000000000003"}'),
    post("/stable", "x" * 300_000, x_aws_sqsd_msgid="3"),
]


async def told_by(command: list[str]) -> tuple[list[int], dict[str, Any]]:
    with _served(command) as (_, urls):
        channel = await Channel.open(_port(urls[0]))
        statuses = [(await channel.raw(request))[0] for request in SCENARIO]
        summary = json.loads((await channel.request("GET", "/_summary"))[1])
        channel.close()
    assert len(summary.pop("ages_ms")) == 1
    summary.pop("refused", None)
    return statuses, summary


async def test_both_kinds_of_services_count_alike(tmp_path: Path) -> None:
    program = native.compiled("sink", tmp_path)
    if program is None:
        pytest.skip("there is no C compiler")

    assert await told_by([str(program)]) == await told_by(_python("tools.bench.sink"))


async def test_the_fast_arena_moves_messages_and_sees_what_is_lost(tmp_path: Path) -> None:
    ceiling = next(peer for peer in PEERS if peer.name == "ceiling")
    async with arena(tmp_path) as here:
        run = await throughput.measure(ceiling, here, tmp_path, 500)

    assert (run.messages, run.lost, run.doubled) == (500, 0, 0)
