"""What only the native client promises: its own connections, and the SDK's view of errors."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.core.addresses import parse_queue
from gateway.ports import SourceError
from tests.integration.sqs_script import Asked, Script, response, scripted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Call = Callable[[SdkSqsSource | NativeSqsSource], Awaitable[Any]]

BATCH = {"Successful": [{"Id": "0"}]}
CALLS: dict[str, Call] = {
    "ReceiveMessage": lambda queue: queue.receive(10, 0, 30),
    "DeleteMessageBatch": lambda queue: queue.ack(["r-0"]),
    "ChangeMessageVisibilityBatch": lambda queue: queue.set_leases([("r-0", 30)]),
}
MISSING = {
    "__type": "com.amazonaws.sqs#QueueDoesNotExist",
    "message": "The specified queue does not exist.",
}
QUERY_CODE = {"x_amzn_query_error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}
DENIED = {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "User: x is not"}
REFUSALS = {
    "missing": response(MISSING, "400 Bad Request", **QUERY_CODE),
    "missing, without the header": response(MISSING, "400 Bad Request"),
    "half a header": response(MISSING, "400 Bad Request", x_amzn_query_error="NonExistentQueue"),
    "throttled": response(
        {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"},
        "400 Bad Request",
        x_amzn_query_error="RequestThrottled;Sender",
    ),
    "throttled before SQS": response(
        {"__type": "ThrottlingException:http://internal.amazon.com/coral/", "message": "Rate"},
        "400 Bad Request",
    ),
    "denied": response(DENIED, "403 Forbidden"),
    "expired": response({"__type": "ExpiredToken", "message": "expired"}, "403 Forbidden"),
    "internal": response({"__type": "InternalFailure"}, "500 Internal Server Error"),
    "unavailable, a page": response(b"<html>busy</html>", "503 Service Unavailable"),
    "unavailable, nothing": response(b"", "503 Service Unavailable"),
    "a page of a proxy": response(b"no way out", "407 Proxy Authentication Required"),
    "no members": response({}, "400 Bad Request"),
    "cut off": response(b'{"__type": "com.amazon', "400 Bad Request"),
}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients() -> AsyncIterator[SqsClients]:
    """Made once: a client of the SDK costs a good part of a second."""
    async with SqsClients() as clients:
        yield clients


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Script]:
    async with scripted() as script:
        yield script


@pytest_asyncio.fixture(loop_scope="module")
async def script(
    server: Script, clients: SqsClients, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Script]:
    """A server that has forgotten the test before, and no connections to it."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server.forget()
    yield server
    for endpoint in clients._endpoints.values():
        assert endpoint is not None
        await endpoint.close()


async def resolved(
    clients: SqsClients, script: Script, name: str = "orders", kind: Any = NativeSqsSource
) -> Any:
    queue = kind(clients, parse_queue(f"{script.url}/123456789012/{name}"))
    await queue.open()
    return queue


async def refused(call: Awaitable[Any]) -> SourceError:
    with pytest.raises(SourceError) as error:
        await call
    return error.value


# ---- errors -------------------------------------------------------------------------------


@pytest.mark.parametrize("what", REFUSALS)
async def test_an_error_reads_as_it_does_by_way_of_the_sdk(
    what: str, clients: SqsClients, script: Script
) -> None:
    """The same code and sentence, whichever client an operator has chosen.

    Where a response has no message the native client gives that of its status.
    """
    script.reply = lambda _: REFUSALS[what]
    native = await resolved(clients, script)
    sdk = await resolved(clients, script, kind=SdkSqsSource)
    for call in CALLS.values():
        ours, theirs = await refused(call(native)), await refused(call(sdk))
        assert ours.code == theirs.code != ""
        assert str(ours).startswith(str(theirs))


async def test_credentials_that_sqs_rejects_are_reported(
    clients: SqsClients, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that others are looked for."""
    reported: list[tuple[str | None, str]] = []
    monkeypatch.setattr(clients._credentials, "on_error", lambda *about: reported.append(about))
    script.reply = lambda _: REFUSALS["expired"]
    await refused((await resolved(clients, script)).ack(["r-0"]))
    assert reported == [("test", "ExpiredToken")]


async def test_a_redirect_is_an_error_and_not_followed(clients: SqsClients, script: Script) -> None:
    """A signed request must not go elsewhere."""
    moved = response(b"", "307 Temporary Redirect", location=f"{script.url}/elsewhere")
    script.reply = lambda _: moved
    queue = await resolved(clients, script)
    assert (await refused(queue.ack(["r-0"]))).code == "307"
    assert len(script.calls("DeleteMessageBatch")) == 1


async def test_an_endpoint_that_is_not_there_reads_the_same_too(
    clients: SqsClients, script: Script
) -> None:
    kinds: tuple[Any, ...] = (NativeSqsSource, SdkSqsSource)
    async with scripted() as gone:
        queues = [await resolved(clients, gone, kind=kind) for kind in kinds]
    ours, theirs = [await refused(queue.ack(["r-0"])) for queue in queues]
    assert (ours.code, str(ours)) == (theirs.code, str(theirs))
    assert ours.code == "EndpointConnectionError"


async def test_a_page_of_a_proxy_is_logged_in_part(clients: SqsClients, script: Script) -> None:
    script.reply = lambda _: response(b"x" * 100_000, "502 Bad Gateway")
    assert len(str(await refused((await resolved(clients, script)).ack(["r"])))) < 1000


@pytest.mark.parametrize(
    "body", [b"", b"<html>hello</html>", b'{"MessageId": "cut of', b"[]", b"\xff", b"null"]
)
async def test_a_200_that_is_no_response_of_sqs_confirms_nothing(
    body: bytes, clients: SqsClients, script: Script
) -> None:
    script.reply = lambda _: response(body)
    queue = await resolved(clients, script)
    for call in CALLS.values():
        await refused(call(queue))


# ---- what goes out ------------------------------------------------------------------------


async def test_a_call_is_what_the_sdk_sends(clients: SqsClients, script: Script) -> None:
    """The same members and the same signed headers, and no chance to be compressed."""
    script.reply = lambda asked: response({} if asked.target == "ReceiveMessage" else BATCH)
    native = await resolved(clients, script)
    sdk = await resolved(clients, script, kind=SdkSqsSource)
    for target, call in CALLS.items():
        await call(native)
        await call(sdk)
        ours, theirs = script.calls(target)
        assert ours.body == theirs.body
        for name in ("host", "content-type", "x-amz-target", "x-amzn-query-mode"):
            assert ours.headers[name] == theirs.headers[name]
        assert theirs.headers["user-agent"].startswith(ours.headers["user-agent"])
        assert ours.headers["accept-encoding"] == "identity"
        assert _signed_headers(ours) == _signed_headers(theirs)


def _signed_headers(asked: Asked) -> set[str]:
    authorization = asked.headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    return set(authorization.split(";"))


# ---- connections --------------------------------------------------------------------------


async def test_settlements_do_not_wait_for_long_polls(clients: SqsClients, script: Script) -> None:
    """Each long poll holds its connection; deletes and extensions share what they need."""
    script.silent_on, script.reply = "ReceiveMessage", lambda _: response(BATCH)
    queue = await resolved(clients, script)
    polls = [asyncio.create_task(queue.receive(10, 20, 30)) for _ in range(50)]
    for _ in range(20):
        assert await queue.ack(["r-0"]) == {}
        assert await queue.set_leases([("r-0", 30)]) == {}
    assert not any(poll.done() for poll in polls)
    settled = {each.connection for each in script.asked if each.body.get("Entries")}
    assert len(settled) == 1
    for poll in polls:
        poll.cancel()
    await asyncio.wait(polls)


async def test_the_kernel_probes_a_connection_on_which_nothing_is_sent(
    clients: SqsClients, script: Script
) -> None:
    """A long poll whose other end is gone would otherwise be noticed by its timeout alone."""
    script.reply = lambda _: response(BATCH)
    queue = await resolved(clients, script)
    await queue.ack(["r-0"])
    (connection,) = queue._endpoint._pool.idle
    plug = connection._transport.get_extra_info("socket")
    assert plug.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_cancelled_call_closes_its_connection(clients: SqsClients, script: Script) -> None:
    script.silent_on, script.reply = "ReceiveMessage", lambda _: response(BATCH)
    queue = await resolved(clients, script)
    await queue.ack(["r-0"])
    poll = asyncio.create_task(queue.receive(10, 20, 30))
    await script.silent.wait()
    (held,) = script.calls("ReceiveMessage")
    assert held.nth > 1
    script.hung_up.clear()
    poll.cancel()
    await asyncio.wait([poll])
    await script.hung_up.wait()
    await queue.ack(["r-0"])
    assert script.asked[-1].connection != held.connection


@pytest.mark.parametrize("name", ["orders", "orders.fifo"])
@pytest.mark.parametrize("target", CALLS)
async def test_a_call_on_a_connection_that_was_idle_for_too_long_is_made_once_more(
    target: str, name: str, clients: SqsClients, script: Script
) -> None:
    """The very same request, so a FIFO receive is the same attempt."""

    def reply(asked: Asked) -> bytes | None:
        if asked.nth > 1:
            return None
        return response({} if asked.target == "ReceiveMessage" else BATCH)

    script.reply = reply
    queue = await resolved(clients, script, name)
    await CALLS[target](queue)
    assert await CALLS[target](queue) in ([], {})
    _, no_response, again = script.calls(target)
    assert no_response.connection != again.connection
    assert no_response.raw == again.raw


@pytest.mark.parametrize("target", CALLS)
async def test_a_call_is_made_twice_at_most(
    target: str, clients: SqsClients, script: Script
) -> None:
    queue = await resolved(clients, script)
    script.reply = lambda asked: response(BATCH) if asked.target == "DeleteMessageBatch" else None
    await queue.ack(["r-0"])
    script.asked.clear()
    script.reply = lambda _: None
    error = await refused(CALLS[target](queue))
    assert error.code == "ConnectionClosedError"
    assert len(script.calls(target)) == 2


@pytest.mark.parametrize("kept", [False, True])
async def test_a_cut_in_the_middle_of_a_response_is_an_error_and_not_tried_again(
    clients: SqsClients, script: Script, *, kept: bool
) -> None:
    whole = response({"Messages": [{"MessageId": "m", "Body": "b", "ReceiptHandle": "r"}]})
    queue = await resolved(clients, script)
    if kept:
        await queue.receive(10, 0, 30)
    script.asked.clear()
    script.reply = lambda _: [whole[:-10], None]
    assert (await refused(queue.receive(10, 0, 30))).code == "ConnectionClosedError"
    (asked,) = script.calls("ReceiveMessage")
    assert asked.nth == 1 + kept


async def test_a_response_in_pieces_and_in_chunks_is_read(
    clients: SqsClients, script: Script
) -> None:
    body = json.dumps({"Messages": [{"MessageId": "m", "Body": "\ud800é", "ReceiptHandle": "r"}]})
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%c\r\n" % (1, byte) for byte in body.encode()]
    script.reply = lambda _: [head, *chunks, b"0\r\n\r\n"]
    queue = await resolved(clients, script)
    for _ in range(2):
        (message,) = await queue.receive(10, 0, 30)
        assert message.body == "\ud800é"
    assert script.asked[-1].nth == 2
