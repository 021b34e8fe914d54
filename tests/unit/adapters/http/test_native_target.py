"""What NativeTarget promises beyond the contract of a Target: connections, limits, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.http.status_reader import MAX_RESPONSE_BYTES
from gateway.adapters.http1.response import MAX_HEAD_BYTES
from gateway.core.delivery.disposition import Broken, Responded, Unreachable
from tests.contract.deliveries import SHORT_SECONDS, post
from tests.contract.http_loops import on_uvloop
from tests.contract.http_services import OK, responding, serving
from tests.unit.adapters.http1.fake_transport import FakeTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract.http_services import Script, Visit

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n"
MORE_THAN_BUFFERS_HOLD = bytes(16 * 1024 * 1024)


@asynccontextmanager
async def target_of(url: str, **options: Any) -> AsyncIterator[NativeTarget]:
    target = NativeTarget(url, **options)
    try:
        yield target
    finally:
        await target.close()


async def until_open(target: NativeTarget, connections: int) -> None:
    while target.open_connections() != connections:  # noqa: ASYNC110 - it has no event to offer
        await asyncio.sleep(0)


async def post_at_once(target: NativeTarget, times: int) -> None:
    results = await asyncio.gather(*(post(target) for _ in range(times)))
    assert results == [Responded(200)] * times


def responding_together(parties: int) -> Script:
    """Hold the first responses back until `parties` requests have arrived."""
    all_arrived = asyncio.Barrier(parties)

    async def script(visit: Visit) -> None:
        await visit.request()
        await all_arrived.wait()
        await visit.send(OK)
        await responding(OK)(visit)

    return script


class TestConnections:
    async def test_so_many_connections_stay_open_while_idle(self) -> None:
        async with (
            serving(responding_together(5)) as service,
            target_of(service.url, max_idle=2) as target,
        ):
            await post_at_once(target, 5)
            await until_open(target, 2)

    async def test_the_one_used_last_is_used_first(self) -> None:
        async with serving(responding_together(3)) as service, target_of(service.url) as target:
            await post_at_once(target, 3)
            service.requests.clear()
            for _ in range(3):
                assert await post(target) == Responded(200)
        assert len({request.connection for request in service.requests}) == 1

    async def test_one_that_the_service_closes_while_idle_is_forgotten(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(OK)

        async with serving(script) as service, target_of(service.url) as target:
            assert await post(target) == Responded(200)
            await until_open(target, 0)
            assert await post(target) == Responded(200)
        assert [request.connection for request in service.requests] == [1, 2]

    @pytest.mark.parametrize(
        "surplus", [b"x", b"HTTP/1.1 200 OK\r\n", OK, b"\r\n\r\nHTTP/1.1 500 x\r\n\r\n"]
    )
    async def test_bytes_behind_a_response_close_it(self, surplus: bytes) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(OK + surplus)
            await visit.gone()

        async with serving(script) as service, target_of(service.url) as target:
            assert await post(target) == Responded(200)
            await until_open(target, 0)

    async def test_bytes_that_come_while_idle_close_it(self) -> None:
        idle = asyncio.Event()

        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(OK)
            await idle.wait()
            await visit.send(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
            await visit.gone()

        async with serving(script) as service, target_of(service.url) as target:
            assert await post(target) == Responded(200)
            assert target.open_connections() == 1
            idle.set()
            await until_open(target, 0)

    async def test_nothing_is_delayed_to_fill_packets(self) -> None:
        async with serving(responding(OK)) as service, target_of(service.url) as target:
            await post(target)
            connection = target._pool.take()
            assert connection is not None
            target._pool.release(connection)
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    async def test_a_delivery_outlives_close(self) -> None:
        go_on = asyncio.Event()

        async def script(visit: Visit) -> None:
            await visit.request()
            await go_on.wait()
            await visit.send(OK)
            await visit.gone()

        async with serving(script) as service, target_of(service.url) as target:
            delivery = asyncio.create_task(post(target))
            await service.arrived.wait()
            await target.close()
            go_on.set()
            assert await delivery == Responded(200)
            await until_open(target, 0)

    async def test_close_returns_when_they_are_closed(self) -> None:
        async with serving(responding_together(3)) as service, target_of(service.url) as target:
            await post_at_once(target, 3)
            assert target.open_connections() == 3
            await target.close()
            assert target.open_connections() == 0


class TestOneTimeout:
    @pytest.mark.looptime
    async def test_connecting_for_a_second_try_is_within_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In virtual time: 6 s pass before the kept connection breaks, so 4 are left."""
        loop = asyncio.get_running_loop()
        transports: list[FakeTransport] = []

        async def create_connection(make: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
            if transports:
                await asyncio.Event().wait()
            connection = make()
            transports.append(FakeTransport(connection))
            loop.call_soon(connection.data_received, OK)
            return transports[0], connection

        async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]

        monkeypatch.setattr(loop, "create_connection", create_connection)
        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        target = NativeTarget("http://b.shop/")
        assert await post(target, timeout_seconds=10) == Responded(200)
        loop.call_later(6, transports[0].lose, ConnectionResetError(104, "reset"))
        result = await post(target, timeout_seconds=10)
        assert isinstance(result, Broken)
        assert "no connection to b.shop:80 within 10 s" in result.why
        assert loop.time() == pytest.approx(10)


class TestEarlyResponses:
    """The service responds while the request is still being sent."""

    async def test_the_response_counts_and_the_connection_is_closed(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.head()
            await visit.send(TOO_LARGE)
            await asyncio.Event().wait()  # reads no more, and does not close either

        async with serving(script) as service, target_of(service.url) as target:
            assert await post(target, MORE_THAN_BUFFERS_HOLD) == Responded(413)
            await until_open(target, 0)

    async def test_the_response_counts_when_the_service_hangs_up(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.head()
            await visit.send(TOO_LARGE)

        async with serving(script) as service, target_of(service.url) as target:
            assert await post(target, MORE_THAN_BUFFERS_HOLD) == Responded(413)
            await until_open(target, 0)


class TestLimits:
    async def test_a_body_without_end_is_not_read_to_its_end(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(CHUNKED)
            while True:
                await visit.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")

        async with serving(script) as service, target_of(service.url) as target:
            assert await post(target) == Responded(200)
            await service.left.wait()

    async def test_a_long_body_is_read_and_the_connection_kept(self) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
        size = MAX_RESPONSE_BYTES - len(head % MAX_RESPONSE_BYTES)
        async with (
            serving(responding(head % size + bytes(size))) as service,
            target_of(service.url) as target,
        ):
            for _ in range(2):
                assert await post(target) == Responded(200)
        assert service.connections == 1

    async def test_headers_without_end_are_broken(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                await visit.send(b"x-more: and more\r\n" * 100)

        async with serving(script) as service, target_of(service.url) as target:
            result = await post(target)
            await service.left.wait()
        assert result == Broken(f"response has more than {MAX_HEAD_BYTES} bytes of headers")


AUTHORITY = trustme.CA()


def server_side(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


def client_side() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


class TestTls:
    async def test_it_delivers_and_keeps_the_connection(self) -> None:
        body = bytes(1024 * 1024)
        async with (
            serving(responding(OK), server_side("127.0.0.1")) as service,
            target_of(service.url, tls=client_side) as target,
        ):
            for _ in range(2):
                assert await post(target, body) == Responded(200)
            assert target.open_connections() == 1
        assert [(seen.connection, seen.body == body) for seen in service.requests] == [
            (1, True),
            (1, True),
        ]
        assert target.open_connections() == 0

    async def test_a_stale_connection_costs_one_more_try(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(OK)
            await visit.request()
            if visit.number > 1:
                await visit.send(OK)

        async with (
            serving(script, server_side("127.0.0.1")) as service,
            target_of(service.url, tls=client_side) as target,
        ):
            for _ in range(2):
                assert await post(target) == Responded(200)
        assert len(service.requests) == 3

    async def test_an_unknown_authority_is_unreachable(self) -> None:
        async with (
            serving(responding(OK), server_side("127.0.0.1")) as service,
            target_of(service.url) as target,
        ):
            result = await post(target)
        assert isinstance(result, Unreachable)
        assert "certificate verify failed" in result.why
        assert service.requests == []

    async def test_another_host_s_certificate_is_unreachable(self) -> None:
        async with (
            serving(responding(OK), server_side("elsewhere.example")) as service,
            target_of(service.url, tls=client_side) as target,
        ):
            assert isinstance(await post(target), Unreachable)
        assert service.requests == []

    async def test_a_server_without_tls_is_unreachable(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        async with serving(script) as service:
            url = service.url.replace("http", "https")
            async with target_of(url, tls=client_side) as target:
                assert isinstance(await post(target), Unreachable)

    async def test_a_handshake_that_stalls_is_unreachable(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.gone()

        async with serving(script) as service:
            url = service.url.replace("http", "https")
            async with target_of(url, tls=client_side) as target:
                result = await post(target, timeout_seconds=SHORT_SECONDS)
                while not service.connections:  # a busy machine may not even connect in that time
                    result = await post(target, timeout_seconds=SHORT_SECONDS)
                await service.left.wait()
        assert isinstance(result, Unreachable)
        assert "within 0.05 s" in result.why


class TestNames:
    async def test_a_name_that_dns_does_not_know_is_unreachable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(*_: Any, **__: Any) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        async with target_of("http://b.shop:8080/") as target:
            result = await post(target)
        assert result == Unreachable("no connection to b.shop:8080: Name or service not known")


TestConnectionsOnUvloop = on_uvloop(TestConnections)
TestEarlyResponsesOnUvloop = on_uvloop(TestEarlyResponses)
TestLimitsOnUvloop = on_uvloop(TestLimits)
TestTlsOnUvloop = on_uvloop(TestTls)
