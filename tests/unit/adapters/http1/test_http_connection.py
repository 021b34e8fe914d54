"""One connection, driven in memory and in virtual time."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.http.status_reader import StatusReader
from gateway.adapters.http1.connection import Connection
from gateway.adapters.http1.exchange import Exchange
from gateway.adapters.http1.pool import Pool
from gateway.core.delivery.disposition import Broken, DeliveryResult, Responded, TimedOut
from tests.unit.adapters.http.test_status_reader import OK, cuts, pieces, responses
from tests.unit.adapters.http1.fake_transport import FakeTransport

if TYPE_CHECKING:
    from collections.abc import Coroutine


def opened(lifetime_seconds: float = 1e6) -> tuple[Pool, Connection, FakeTransport]:
    pool = Pool(max_idle=1)
    reader = StatusReader(time.time)
    connection = Connection(pool, reader, asyncio.get_running_loop(), lifetime_seconds)
    return pool, connection, FakeTransport(connection)


class Outcome(asyncio.Future[DeliveryResult | None]):
    """What came of an exchange; None where it is to be tried again."""

    def __init__(self) -> None:
        super().__init__()
        self.before: DeliveryResult | None = None

    def again(self, _exchange: Exchange, result: DeliveryResult | None) -> None:
        self.before = result
        self.set_result(None)


def exchange_of(
    connection: Connection, seconds: float, outcome: Outcome, body: bytes = b""
) -> Exchange:
    exchange = Exchange(b"head", body, seconds, outcome.set_result, outcome.again)
    connection.send_soon(exchange)
    connection.write()
    return exchange


def exchange(connection: Connection, seconds: float) -> Outcome:
    outcome = Outcome()
    exchange_of(connection, seconds, outcome)
    return outcome


@pytest.mark.looptime
async def test_each_request_has_its_own_deadline() -> None:
    """One timer serves them all: it must neither keep a later request short nor miss it."""
    pool, connection, _ = opened()
    first = exchange(connection, 10)
    await asyncio.sleep(9)
    connection.data_received(OK)
    assert await first == Responded(200)
    assert pool.take() is connection

    second = exchange(connection, 10)  # until 19; the timer of the first goes off at 10
    await asyncio.sleep(9)
    connection.data_received(OK)
    assert await second == Responded(200)
    assert pool.take() is connection

    third = exchange(connection, 10)  # until 28
    assert await third == TimedOut(10)
    assert asyncio.get_running_loop().time() == pytest.approx(28)


@pytest.mark.looptime
async def test_a_shorter_deadline_is_not_missed_for_a_longer_one() -> None:
    pool, connection, _ = opened()
    first = exchange(connection, 1000)
    connection.data_received(OK)
    assert await first == Responded(200)
    assert pool.take() is connection
    assert await exchange(connection, 3) == TimedOut(3)
    assert asyncio.get_running_loop().time() == pytest.approx(3)


@pytest.mark.looptime
async def test_an_idle_connection_has_no_deadline() -> None:
    pool, connection, transport = opened()
    first = exchange(connection, 5)
    connection.data_received(OK)
    assert await first == Responded(200)
    await asyncio.sleep(60)
    assert not transport.is_closing()
    assert pool.take() is connection


async def test_head_and_body_go_out_together() -> None:
    _, connection, transport = opened()
    outcome = Outcome()
    exchange_of(connection, 5, outcome, b"body")
    assert transport.written == [b"head", b"body"]
    connection.data_received(OK)
    assert await outcome == Responded(200)
    exchange_of(connection, 5, Outcome())
    assert transport.written == [b"head", b"body", b"head"]


async def test_a_connection_is_idle_before_the_result_is_reported() -> None:
    """`done` may send the next request, and this connection is there for it."""
    pool, connection, _ = opened()
    found = []

    def done(_: DeliveryResult) -> None:
        found.append(pool.take())

    connection.send_soon(Exchange(b"head", b"", 5, done, Outcome().again))
    connection.write()
    connection.data_received(OK)
    assert found == [connection]


@pytest.mark.looptime
async def test_one_that_has_lived_long_enough_is_closed_while_idle() -> None:
    pool, connection, transport = opened(lifetime_seconds=60)
    first = exchange(connection, 5)
    connection.data_received(OK)
    assert await first == Responded(200)
    await asyncio.sleep(59)
    assert not transport.is_closing()
    await asyncio.sleep(1)
    assert transport.is_closing()
    assert pool.take() is None


@pytest.mark.looptime
async def test_one_that_is_in_use_by_then_completes_its_exchange() -> None:
    pool, connection, transport = opened(lifetime_seconds=60)
    await asyncio.sleep(59)
    last = exchange(connection, 30)
    await asyncio.sleep(20)
    assert not transport.is_closing()
    connection.data_received(OK)
    assert await last == Responded(200)
    assert transport.is_closing()
    assert pool.take() is None


@pytest.mark.looptime
async def test_a_connection_that_is_never_taken_is_closed_in_the_end() -> None:
    _, connection, _ = opened(lifetime_seconds=60)
    await connection.closed.wait()
    assert asyncio.get_running_loop().time() == pytest.approx(60)


async def test_a_response_before_all_was_sent_counts_and_closes() -> None:
    pool, connection, transport = opened()
    task = exchange(connection, 5)
    transport.unsent = 1
    connection.data_received(OK)
    assert await task == Responded(200)
    assert transport.is_closing()
    assert pool.take() is None


async def test_a_close_that_crosses_the_response_keeps_it_out_of_the_pool() -> None:
    """The service responds and closes before the task that waits for the response has its turn."""
    pool, connection, _ = opened()
    task = exchange(connection, 5)
    connection.data_received(OK)
    connection.eof_received()
    assert await task == Responded(200)
    assert pool.take() is None


async def test_one_that_closes_while_idle_is_handed_out_no_more() -> None:
    for close in (Connection.eof_received, lambda it: it.data_received(b"to no request")):
        pool, connection, _ = opened()
        pool.release(connection)
        close(connection)
        assert pool.take() is None  # even before the transport says that it is closed


async def test_nor_is_one_that_is_reset_while_idle() -> None:
    pool, connection, transport = opened()
    pool.release(connection)
    transport.lose(ConnectionResetError(104, "Connection reset by peer"))
    await connection.closed.wait()
    assert pool.take() is None


async def test_a_closed_connection_is_not_kept_until_its_timer_would_go_off() -> None:
    pool, connection, transport = opened()
    task = exchange(connection, 1000)
    transport.lose(None)
    await task
    await connection.closed.wait()
    remains = weakref.ref(connection)
    del pool, connection, transport, task
    gc.collect()
    assert remains() is None


async def test_cancelling_closes_and_no_result_is_reported() -> None:
    pool, connection, _ = opened()
    outcome = Outcome()
    sending = exchange_of(connection, 5, outcome)
    sending.cancel()
    connection.data_received(OK)
    await connection.closed.wait()
    assert not outcome.done()
    assert pool.take() is None
    assert len(pool) == 0


async def test_cancelling_what_has_ended_leaves_the_connection_to_the_next_one() -> None:
    pool, connection, transport = opened()
    outcome = Outcome()
    ended = exchange_of(connection, 5, outcome)
    connection.data_received(OK)
    assert await outcome == Responded(200)
    assert pool.take() is connection
    following = exchange(connection, 5)
    ended.cancel()
    assert not transport.is_closing()
    connection.data_received(OK)
    assert await following == Responded(200)


async def test_a_close_before_any_byte_differs_from_one_within_a_response() -> None:
    for received, no_response in ((b"", True), (b"\r\n", False), (b"HTTP", False)):
        _, connection, transport = opened()
        outcome = exchange(connection, 5)
        if received:
            connection.data_received(received)
        transport.lose(ConnectionResetError(104, "Connection reset by peer"))
        assert isinstance(await outcome or outcome.before, Broken)
        assert (outcome.result() is None) is no_response


async def test_a_new_connection_that_closes_before_any_byte_is_not_tried_again() -> None:
    _, connection, transport = opened()
    outcome = Outcome()
    new = Exchange(b"head", b"", 5, outcome.set_result, outcome.again)
    new.deadline = 1e9
    connection.send(new)
    transport.lose(ConnectionResetError(104, "Connection reset by peer"))
    assert isinstance(await outcome, Broken)


def in_loop(scenario: Coroutine[None, None, None]) -> None:
    with asyncio.Runner() as runner:
        runner.run(scenario)


@given(response=st.binary() | responses, sizes=cuts, resets=st.booleans())
def test_whatever_is_sent_the_delivery_ends_and_the_connection_is_sane(
    response: bytes,
    sizes: list[int],
    resets: bool,  # noqa: FBT001 - drawn by chance
) -> None:
    async def scenario() -> None:
        pool, connection, transport = opened()
        task = exchange(connection, 5)
        for piece in pieces(response, sizes):
            if not transport.is_closing():
                connection.data_received(piece)
        kept = pool.take()
        assert (kept is not None) == (task.done() and not transport.is_closing())
        if kept is not None:
            pool.release(kept)
        if not transport.is_closing():
            transport.lose(ConnectionResetError(104, "reset")) if resets else (
                connection.eof_received()
            )
        assert isinstance(await task or task.before, Responded | Broken)
        await connection.closed.wait()
        assert len(pool) == 0

    in_loop(scenario())


async def test_requests_to_kept_connections_go_out_at_the_end_of_the_turn_of_the_loop() -> None:
    pool, connection, transport = opened()
    outcome = Outcome()
    waiting = Exchange(b"head", b"", 5, outcome.set_result, outcome.again)
    connection.send_soon(waiting)
    assert transport.written == []
    await asyncio.sleep(0)
    assert transport.written == [b"head"]
    assert pool.take() is None


@pytest.mark.parametrize("said", [OK, b""])
async def test_what_a_service_said_before_it_was_asked_is_no_response(said: bytes) -> None:
    """A 408 to an idle connection, or its end, crosses the request: nothing was sent yet."""
    _, connection, transport = opened()
    outcome = Outcome()
    waiting = Exchange(b"head", b"", 5, outcome.set_result, outcome.again)
    connection.send_soon(waiting)
    if said:
        connection.data_received(said)
    else:
        connection.eof_received()
    await asyncio.sleep(0)
    assert (await outcome, outcome.before, transport.written) == (None, None, [])
