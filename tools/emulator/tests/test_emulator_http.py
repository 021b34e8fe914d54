"""The emulator over HTTP: connections, the control endpoints and the process of its own."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tools.bench.channel import Channel
from tools.emulator.faults import Cut, Fault
from tools.emulator.running import Served, emulator_process, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as emulator:
        yield emulator


@pytest.fixture
async def channel(here: Served) -> AsyncIterator[Channel]:
    channel = await Channel.open(port_of(here))
    await call(channel, "CreateQueue", QueueName="orders")
    yield channel
    channel.close()


def port_of(here: Served) -> int:
    return int(here.url.rpartition(":")[2])


async def call(channel: Channel, operation: str, **members: Any) -> Any:
    members.setdefault("QueueUrl", "orders")
    target = {"x-amz-target": f"AmazonSQS.{operation}"}
    return json.loads((await channel.request("POST", "/", json.dumps(members).encode(), target))[1])


async def control(channel: Channel, path: str, **members: Any) -> Any:
    method = "POST" if path in ("/_fill", "/_reset") else "GET"
    status, body = await channel.request(method, path, json.dumps(members).encode())
    assert status == 200, body
    return json.loads(body)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what happens inside the emulator has no event
        await asyncio.sleep(0)


async def test_a_connection_serves_many_requests(channel: Channel) -> None:
    for body in ("a", "b", "c"):
        await call(channel, "SendMessage", MessageBody=body)

    received = await call(channel, "ReceiveMessage", MaxNumberOfMessages=10)

    assert [message["Body"] for message in received["Messages"]] == ["a", "b", "c"]


async def test_pipelined_requests_are_answered_in_order(here: Served) -> None:
    """The first response is held up; the second must not overtake it."""

    def intercept(operation: str, request: Mapping[str, Any]) -> Fault | None:
        return Fault(delay_seconds=0.02) if operation == "ListQueues" else None

    here.emulator.intercept = intercept
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(here))
    head = "POST / HTTP/1.1\r\nhost: h\r\nx-amz-target: AmazonSQS.{}\r\ncontent-length: 2\r\n"
    close = "connection: close\r\n"
    writer.write(
        (
            head.format("ListQueues") + "\r\n{}" + head.format("GetQueueUrl") + close + "\r\n{}"
        ).encode()
    )

    responses = await reader.read()

    assert responses.index(b"HTTP/1.1 200 OK") < responses.index(b"HTTP/1.1 400 Bad Request")
    writer.close()
    await writer.wait_closed()


async def test_what_is_no_http_ends_the_connection(here: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(here))
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")

    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_hangs_up_in_mid_poll_takes_no_message(
    here: Served, channel: Channel
) -> None:
    gone = await Channel.open(port_of(here))
    poll = asyncio.create_task(call(gone, "ReceiveMessage", WaitTimeSeconds=20))
    waiting = here.emulator.polls._waiting
    await until(lambda: "orders" in waiting)
    polls = waiting["orders"]
    gone.close()
    with pytest.raises(ConnectionError):
        await poll
    await until(lambda: polls[0].over)

    await call(channel, "SendMessage", MessageBody="a")

    assert (await call(channel, "ReceiveMessage"))["Messages"][0]["Body"] == "a"


async def test_a_cut_connection_is_seen_by_the_client(here: Served, channel: Channel) -> None:
    here.emulator.intercept = lambda operation, request: Fault(cut=Cut.AFTER_EFFECT)

    with pytest.raises(ConnectionError):
        await call(channel, "SendMessage", MessageBody="a")

    assert len(here.emulator.registry.queues["orders"].messages) == 1


async def test_a_request_that_is_not_json_is_an_error_of_its_own(channel: Channel) -> None:
    status, body = await channel.request("POST", "/", b"<a/>", {"x-amz-target": "A.ListQueues"})

    assert (status, json.loads(body)["__type"].partition("#")[2]) == (400, "SerializationException")


async def test_an_operation_that_does_not_exist_is_an_error_of_its_own(channel: Channel) -> None:
    response = await call(channel, "BrewCoffee")

    assert response["__type"] == "com.amazon.coral.service#UnknownOperationException"


async def test_fill_spreads_attributes_evenly_over_a_share(channel: Channel) -> None:
    version = {"version": {"DataType": "String", "StringValue": "v2"}}
    await control(channel, "/_fill", queue="orders", count=100, attributes=version, share=0.05)

    histories = await control(channel, "/_history/orders/messages")

    assert [n for n, history in enumerate(histories) if history["attributes"]] == [
        19,
        39,
        59,
        79,
        99,
    ]


async def test_fill_stamps_the_time_into_the_body(channel: Channel) -> None:
    await control(channel, "/_fill", queue="orders", body='{"at": @now}')

    body = (await call(channel, "ReceiveMessage"))["Messages"][0]["Body"]

    assert json.loads(body)["at"] == pytest.approx(time.time(), abs=60)


async def test_fill_gives_fifo_messages_their_groups_by_turns(channel: Channel) -> None:
    await call(channel, "CreateQueue", QueueName="o.fifo", Attributes={"FifoQueue": "true"})
    await control(channel, "/_fill", queue="o.fifo", count=4, groups=2)

    histories = await control(channel, "/_history/o.fifo/messages")

    assert [history["group"] for history in histories] == ["g-0", "g-1", "g-0", "g-1"]


async def test_fill_wakes_a_poll(here: Served, channel: Channel) -> None:
    other = await Channel.open(port_of(here))
    poll = asyncio.create_task(call(other, "ReceiveMessage", WaitTimeSeconds=20))
    await until(lambda: "orders" in here.emulator.polls._waiting)

    await control(channel, "/_fill", queue="orders", body="a")

    assert (await poll)["Messages"][0]["Body"] == "a"
    other.close()


async def test_the_history_tells_a_queue_in_numbers(channel: Channel) -> None:
    await control(channel, "/_fill", queue="orders", count=3)
    received = await call(channel, "ReceiveMessage", MaxNumberOfMessages=2)
    receipt = received["Messages"][0]["ReceiptHandle"]
    await call(channel, "DeleteMessage", ReceiptHandle=receipt)

    summary = await control(channel, "/_history/orders")

    assert summary["first_received_at"] <= summary["last_deleted_at"]
    del summary["first_received_at"], summary["last_deleted_at"]
    assert summary == {
        "queue": "orders",
        "sent": 3,
        "delayed": 0,
        "visible": 1,
        "in_flight": 1,
        "deleted": 1,
        "dead_lettered": 0,
        "receives": 2,
        "empty_receives": 0,
        "max_receive_count": 1,
        "deletes_ignored": 0,
        "operations": {"CreateQueue": 1, "DeleteMessage": 1, "ReceiveMessage": 1},
    }


async def test_the_history_tells_what_happened_to_each_message(channel: Channel) -> None:
    await call(channel, "SendMessage", MessageBody="a")
    received = await call(channel, "ReceiveMessage", VisibilityTimeout=0)
    receipt = (await call(channel, "ReceiveMessage"))["Messages"][0]["ReceiptHandle"]
    await call(channel, "DeleteMessage", ReceiptHandle=received["Messages"][0]["ReceiptHandle"])
    await call(channel, "ChangeMessageVisibility", ReceiptHandle=receipt, VisibilityTimeout=7)
    await call(channel, "DeleteMessage", ReceiptHandle=receipt)

    (history,) = await control(channel, "/_history/orders/messages")

    assert (history["stage"], history["receive_count"]) == ("deleted", 2)
    assert [(event["what"], event["number"]) for event in history["events"]] == [
        ("received", 1),
        ("lease_ended", 0),
        ("received", 2),
        ("delete_ignored", 0),
        ("visibility_changed", 7),
        ("deleted", 0),
    ]


async def test_a_reset_forgets_queues_and_history(channel: Channel) -> None:
    await control(channel, "/_fill", queue="orders", count=3)

    await control(channel, "/_reset")
    await call(channel, "CreateQueue", QueueName="orders")

    assert (await control(channel, "/_history/orders"))["sent"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_history/nope", b"", 404),
        ("POST", "/_fill", b'{"queue": "nope"}', 404),
        ("POST", "/_fill", b'{"queue": "orders", "cuont": 1}', 400),
        ("GET", "/elsewhere", b"", 400),
    ],
)
async def test_a_control_request_that_makes_no_sense_says_why(
    channel: Channel, method: str, path: str, body: bytes, status: int
) -> None:
    answered, why = await channel.request(method, path, body)

    assert answered == status
    assert json.loads(why)["error"]


async def test_the_process_says_where_it_listens_and_ends_on_sigterm() -> None:
    with emulator_process("--round-trip-ms", "1") as (process, url):
        channel = await Channel.open(int(url.rpartition(":")[2]))
        response = await call(channel, "CreateQueue", QueueName="orders")
        channel.close()
        process.terminate()
        status = await asyncio.to_thread(process.wait)

    assert response["QueueUrl"].endswith("/000000000000/orders")
    assert status == 0
