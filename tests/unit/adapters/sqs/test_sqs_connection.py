"""One connection to SQS, driven in memory and in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

from gateway.adapters.sqs.connection import (
    IDLE_SECONDS,
    STALE_SECONDS,
    Connection,
    Resting,
    Stale,
)
from tests.fakes import VIRTUAL_TIME
from tests.unit.adapters.sqs.test_sqs_response_reader import EMPTY, OK

if TYPE_CHECKING:
    from gateway.adapters.sqs.response_reader import Answer

HALF = OK[:20]
pytestmark = VIRTUAL_TIME


class FakeTransport(asyncio.Transport):
    """Keeps what is written; the end of it is told a turn of the loop later."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.written = b""
        self.unsent = 0
        self.closing = False
        self._connection = connection
        connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.lose(None)

    def lose(self, error: Exception | None) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, error)


class Rig:
    """A connection and what is at its other end."""

    def __init__(self) -> None:
        self.pool = Resting("http://sqs.test")
        self.connection = Connection(self.pool, asyncio.get_running_loop())
        self.transport = FakeTransport(self.connection)

    def call(self, seconds: float = 10) -> asyncio.Task[Answer]:
        return asyncio.create_task(self._call(seconds))

    async def _call(self, seconds: float) -> Answer:
        waiter = self.connection.exchange(b"request", seconds)
        try:
            return await waiter
        except asyncio.CancelledError:
            self.connection.give_up(waiter)
            raise

    async def used_before(self) -> None:
        """Make one call, so that this is a kept connection."""
        call = self.call()
        await turn()
        self.connection.data_received(OK)
        assert await call == EMPTY
        assert self.pool.take() is self.connection

    def assert_closed(self) -> None:
        assert self.transport.closing
        assert self.pool.take() is None


async def turn() -> None:
    await asyncio.sleep(0)  # a call begins
    await asyncio.sleep(0)  # what it has to send is written


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_an_answered_connection_rests_and_is_taken_again() -> None:
    rig = Rig()
    await rig.used_before()
    await rig.used_before()
    assert rig.transport.written == b"requestrequest"


async def test_a_call_gives_up_after_so_long_without_a_byte() -> None:
    rig = Rig()
    with pytest.raises(ReadTimeoutError):
        await rig.call(10)
    assert now() == pytest.approx(10)
    rig.assert_closed()


async def test_each_byte_gives_an_answer_more_time() -> None:
    rig = Rig()
    call = rig.call(10)
    await turn()
    await asyncio.sleep(9)
    rig.connection.data_received(HALF)
    with pytest.raises(ReadTimeoutError):
        await call
    assert now() == pytest.approx(19)


async def test_a_short_timeout_is_not_missed_for_the_long_one_before_it() -> None:
    rig = Rig()
    long = rig.call(1000)
    await turn()
    rig.connection.data_received(OK)
    await long
    assert rig.pool.take() is rig.connection
    with pytest.raises(ReadTimeoutError):
        await rig.call(3)
    assert now() == pytest.approx(3)


async def test_a_connection_at_rest_is_closed_after_a_while() -> None:
    """The timer of its last call may still run: at most until then."""
    rig = Rig()
    call = rig.call(10)
    await turn()
    rig.connection.data_received(OK)
    await call
    await rig.connection.closed.wait()
    assert now() == pytest.approx(IDLE_SECONDS)
    rig.assert_closed()


async def test_one_that_is_taken_in_time_stays() -> None:
    rig = Rig()
    for _ in range(10):
        await rig.used_before()
        rig.pool.idle[rig.connection] = None
        await asyncio.sleep(IDLE_SECONDS - 1)
        assert rig.pool.take() is rig.connection


async def test_one_that_nobody_ever_took_is_closed_too() -> None:
    """Its opener was cancelled in the moment when it came to be."""
    rig = Rig()
    await rig.connection.closed.wait()
    assert now() == pytest.approx(IDLE_SECONDS)
    assert not rig.pool.open


async def test_a_call_that_is_cancelled_takes_its_connection_with_it() -> None:
    """What is still to come would be read as the answer to the next call."""
    rig = Rig()
    await rig.used_before()
    call = rig.call()
    await turn()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    rig.assert_closed()


async def test_a_call_cancelled_after_its_answer_leaves_the_connection_to_the_next_one() -> None:
    rig = Rig()
    first = rig.call()
    await turn()
    rig.connection.data_received(OK)
    assert rig.pool.take() is rig.connection
    second = rig.call()
    first.cancel()
    await turn()
    rig.connection.data_received(OK)
    assert await second == EMPTY
    assert not rig.transport.closing


@pytest.mark.parametrize("received", [b"garbage", OK + OK, OK + b"H"])
async def test_an_answer_that_is_none_fails_the_call_and_closes(received: bytes) -> None:
    rig = Rig()
    call = rig.call()
    await turn()
    rig.connection.data_received(received)
    with pytest.raises(HTTPClientError):
        await call
    rig.assert_closed()


async def test_bytes_that_nobody_asked_for_close_a_connection_at_rest() -> None:
    rig = Rig()
    await rig.used_before()
    rig.pool.idle[rig.connection] = None
    rig.connection.data_received(OK)
    rig.assert_closed()


async def test_an_answer_before_all_was_sent_counts_and_closes() -> None:
    rig = Rig()
    call = rig.call()
    await turn()
    rig.transport.unsent = 1
    rig.connection.data_received(OK)
    assert await call == EMPTY
    rig.assert_closed()


async def test_one_whose_end_is_on_its_way_is_not_handed_out() -> None:
    rig = Rig()
    await rig.used_before()
    rig.pool.idle[rig.connection] = None
    rig.transport.lose(ConnectionResetError())
    assert rig.pool.take() is None


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_kept_connection_that_closes_at_once_was_stale(error: Exception | None) -> None:
    rig = Rig()
    await rig.used_before()
    call = rig.call()
    await turn()
    rig.transport.lose(error)
    with pytest.raises(Stale):
        await call


@pytest.mark.parametrize("what", ["fresh", "begun", "late"])
async def test_any_other_end_is_an_answer_that_was_lost(what: str) -> None:
    """Closed in mid-poll, say: SQS may have leased messages, and that is told as an error."""
    rig = Rig()
    if what != "fresh":
        await rig.used_before()
    call = rig.call()
    await turn()
    if what == "begun":
        rig.connection.data_received(HALF)
    if what == "late":
        await asyncio.sleep(STALE_SECONDS)
    rig.connection.eof_received()
    with pytest.raises(ConnectionClosedError) as lost:
        await call
    assert not isinstance(lost.value, Stale)
    rig.assert_closed()


async def test_the_end_completes_an_answer_that_only_it_delimits_unless_it_is_an_error() -> None:
    for error in (None, ConnectionResetError()):
        rig = Rig()
        call = rig.call()
        await turn()
        rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n{}")
        if error is None:
            rig.connection.eof_received()
            assert await call == EMPTY
        else:
            rig.transport.lose(error)
            with pytest.raises(ConnectionClosedError):
                await call
        rig.assert_closed()


async def test_closing_the_pool_fails_what_is_under_way() -> None:
    rig = Rig()
    call = rig.call()
    await turn()
    await rig.pool.close()
    with pytest.raises(ConnectionClosedError):
        await call
    assert not rig.pool.open


async def test_what_came_before_the_request_was_written_is_no_answer_to_it() -> None:
    """Nothing was sent, so another connection may have the call."""
    rig = Rig()
    await rig.used_before()
    call = rig.call()
    await asyncio.sleep(0)
    rig.connection.data_received(OK)
    with pytest.raises(Stale):
        await call
    assert rig.transport.written == b"request"
    rig.assert_closed()


async def test_a_connection_that_closed_before_the_request_was_written_is_stale() -> None:
    rig = Rig()
    await rig.used_before()
    call = rig.call()
    await asyncio.sleep(0)
    rig.connection.connection_lost(None)
    with pytest.raises(Stale):
        await call
    assert rig.transport.written == b"request"


async def test_a_call_that_is_cancelled_before_it_is_written_is_not_written() -> None:
    rig = Rig()
    call = rig.call()
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await turn()
    assert rig.transport.written == b""
    rig.assert_closed()
