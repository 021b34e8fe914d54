"""What becomes of SQS calls whose connections end, stall or talk nonsense; in virtual time."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

from gateway.adapters.http1.connection import Connection
from gateway.adapters.http1.pool import Pool
from gateway.adapters.sqs.body_reader import BodyReader
from gateway.adapters.sqs.endpoint import IDLE_SECONDS, STALE_SECONDS, Endpoint
from tests.fakes import VIRTUAL_TIME
from tests.unit.adapters.http1.fake_transport import FakeTransport
from tests.unit.adapters.sqs.fixed_credentials import FixedCredentials
from tests.unit.adapters.sqs.test_body_reader import OK

HALF = OK[:20]
pytestmark = VIRTUAL_TIME


class Rig:
    """An endpoint, and the other ends of its connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", self._addresses)
        monkeypatch.setattr(loop, "create_connection", self._connect)
        self.endpoint = Endpoint("http://sqs.test", "eu-west-1", FixedCredentials(), None)
        self.pool = self.endpoint._pool
        self.transports: list[FakeTransport] = []

    async def _addresses(self, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]

    async def _connect(self, make: Any, *_: Any, **__: Any) -> Any:
        connection = make()
        self.transports.append(FakeTransport(connection))
        return self.transports[-1], connection

    @property
    def transport(self) -> FakeTransport:
        """The end of the only connection there has been."""
        (transport,) = self.transports
        return transport

    @property
    def connection(self) -> Connection:
        """The only connection there has been."""
        return self.transport.connection

    def call(self, seconds: float = 10) -> asyncio.Task[bytes]:
        return asyncio.create_task(self.endpoint.call("AmazonSQS.Delete", b"{}", seconds))

    async def sent(self, seconds: float = 10) -> asyncio.Task[bytes]:
        """Begin a call; return once its request is written."""
        before = self.requests()
        call = self.call(seconds)
        while self.requests() == before:  # noqa: ASYNC110 - it has no event to offer
            await asyncio.sleep(0)
        return call

    def requests(self) -> int:
        return sum(len(each.written) for each in self.transports)

    async def used_before(self) -> None:
        """Make one call, so that there is a kept connection."""
        call = await self.sent()
        self.connection.data_received(OK)
        assert await call == b"{}"

    async def assert_sent_again(self, call: asyncio.Task[bytes]) -> None:
        """The call got a new connection, and its response there."""
        while len(self.transports) == 1:  # noqa: ASYNC110 - it has no event to offer
            await asyncio.sleep(0)
        await turn()
        _, new = self.transports
        assert len(new.written) == 1
        new.connection.data_received(OK)
        assert await call == b"{}"

    def assert_closed(self) -> None:
        assert self.transport.is_closing()
        assert self.pool.take() is None


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


async def turn() -> None:
    await asyncio.sleep(0)  # a call begins
    await asyncio.sleep(0)  # what it has to send is written


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_connection_is_idle_after_a_response_and_is_taken_again(rig: Rig) -> None:
    await rig.used_before()
    await rig.used_before()
    assert len(rig.transport.written) == 2


async def test_a_call_gives_up_after_so_long_without_a_byte(rig: Rig) -> None:
    with pytest.raises(ReadTimeoutError):
        await rig.call(10)
    assert now() == pytest.approx(10)
    rig.assert_closed()


async def test_each_byte_gives_a_response_more_time(rig: Rig) -> None:
    call = await rig.sent(10)
    await asyncio.sleep(9)
    rig.connection.data_received(HALF)
    with pytest.raises(ReadTimeoutError):
        await call
    assert now() == pytest.approx(19)


async def test_a_short_timeout_is_not_missed_for_the_long_one_before_it(rig: Rig) -> None:
    long = await rig.sent(1000)
    rig.connection.data_received(OK)
    await long
    with pytest.raises(ReadTimeoutError):
        await rig.call(3)
    assert now() == pytest.approx(3)
    rig.assert_closed()


async def test_an_idle_connection_is_closed_after_a_while(rig: Rig) -> None:
    """The timer of its last call may still run: at most until then."""
    await rig.used_before()
    await rig.connection.closed.wait()
    assert now() == pytest.approx(IDLE_SECONDS)
    rig.assert_closed()


async def test_one_that_is_taken_in_time_stays(rig: Rig) -> None:
    for _ in range(10):
        await rig.used_before()
        await asyncio.sleep(IDLE_SECONDS - 1)
    assert not rig.transport.is_closing()
    assert rig.pool.take() is rig.connection


async def test_one_that_is_never_taken_is_closed_too() -> None:
    """Its opener was cancelled in the moment when it came to be."""
    pool = Pool(idle_seconds=IDLE_SECONDS)
    connection = Connection(pool, BodyReader("http://sqs.test/"), asyncio.get_running_loop())
    FakeTransport(connection)
    await connection.closed.wait()
    assert now() == pytest.approx(IDLE_SECONDS)
    assert len(pool) == 0


async def test_a_call_that_is_cancelled_takes_its_connection_with_it(rig: Rig) -> None:
    """What is still to come would be read as the response to the next call."""
    await rig.used_before()
    call = await rig.sent()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    rig.assert_closed()


async def test_a_call_cancelled_after_its_response_leaves_the_connection_to_the_next_one(
    rig: Rig,
) -> None:
    first = await rig.sent()
    rig.connection.data_received(OK)
    second = rig.call()
    first.cancel()
    await turn()
    rig.connection.data_received(OK)
    assert await second == b"{}"
    assert not rig.transport.is_closing()


@pytest.mark.parametrize("received", [b"garbage", OK + OK, OK + b"H"])
async def test_a_response_that_is_none_fails_the_call_and_closes(rig: Rig, received: bytes) -> None:
    call = await rig.sent()
    rig.connection.data_received(received)
    with pytest.raises(HTTPClientError):
        await call
    rig.assert_closed()


async def test_bytes_to_no_request_close_an_idle_connection(rig: Rig) -> None:
    await rig.used_before()
    rig.connection.data_received(OK)
    rig.assert_closed()


async def test_a_response_before_all_was_sent_counts_and_closes(rig: Rig) -> None:
    call = await rig.sent()
    rig.transport.unsent = 1
    rig.connection.data_received(OK)
    assert await call == b"{}"
    rig.assert_closed()


async def test_one_whose_end_is_on_its_way_is_not_handed_out(rig: Rig) -> None:
    await rig.used_before()
    rig.transport.lose(ConnectionResetError())
    assert rig.pool.take() is None


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_kept_connection_that_closes_at_once_was_stale(
    rig: Rig, error: Exception | None
) -> None:
    await rig.used_before()
    call = await rig.sent()
    rig.transport.lose(error)
    await rig.assert_sent_again(call)


@pytest.mark.parametrize("what", ["new", "begun", "late"])
async def test_any_other_end_is_a_response_that_was_lost(rig: Rig, what: str) -> None:
    """Closed in mid-poll, say: SQS may have leased messages, and that is reported as an error."""
    if what != "new":
        await rig.used_before()
    call = await rig.sent()
    if what == "begun":
        rig.connection.data_received(HALF)
    if what == "late":
        await asyncio.sleep(STALE_SECONDS)
    rig.connection.eof_received()
    with pytest.raises(ConnectionClosedError):
        await call
    rig.assert_closed()


async def test_the_end_completes_a_response_that_only_it_delimits(rig: Rig) -> None:
    call = await rig.sent()
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n{}")
    rig.connection.eof_received()
    assert await call == b"{}"
    rig.assert_closed()


async def test_an_end_that_is_an_error_does_not(rig: Rig) -> None:
    call = await rig.sent()
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n{}")
    rig.transport.lose(ConnectionResetError())
    with pytest.raises(ConnectionClosedError):
        await call
    rig.assert_closed()


@pytest.mark.parametrize("kept", [False, True])
async def test_closing_the_pool_fails_what_is_under_way(rig: Rig, *, kept: bool) -> None:
    if kept:
        await rig.used_before()
    call = await rig.sent()
    await rig.endpoint.close()
    with pytest.raises(ConnectionClosedError):
        await call
    assert len(rig.pool) == 0
    rig.assert_closed()


async def test_what_came_before_the_request_was_written_is_no_response_to_it(rig: Rig) -> None:
    """Nothing was sent, so another connection may have the call."""
    await rig.used_before()
    first = rig.transport
    call = rig.call()
    await asyncio.sleep(0)
    rig.connection.data_received(OK)
    rig.assert_closed()
    await rig.assert_sent_again(call)
    assert len(first.written) == 1


async def test_a_connection_that_closed_before_the_request_was_written_is_stale(rig: Rig) -> None:
    await rig.used_before()
    first = rig.transport
    call = rig.call()
    await asyncio.sleep(0)
    rig.connection.connection_lost(None)
    await rig.assert_sent_again(call)
    assert len(first.written) == 1


async def test_a_call_that_is_cancelled_before_it_is_written_is_not_written(rig: Rig) -> None:
    await rig.used_before()
    call = rig.call()
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await turn()
    assert len(rig.transport.written) == 1
    rig.assert_closed()
