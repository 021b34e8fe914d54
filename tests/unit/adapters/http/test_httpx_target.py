"""What HttpxTarget has beyond the contract of a Target: HTTP/2, proxies, connections that age."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from gateway import app
from gateway.adapters.http.httpx_proxies import proxy_for
from gateway.adapters.http.httpx_target import POOL_SIZE, HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.http.request import RequestHead
from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.routing.version import Client, Version
from tests.contract.deliveries import post
from tests.contract.http_services import OK, responding, serving
from tests.fakes.listening import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract.http_services import Visit

AUTHORITY = trustme.CA()
LARGE = bytes(range(256)) * 2048


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Http2Service:
    """Responds with 202 to each request over HTTP/2, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.requests: list[tuple[dict[bytes, bytes], bytes]] = []

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        http2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        http2.initiate_connection()
        writer.write(http2.data_to_send())
        heads: dict[int, dict[bytes, bytes]] = {}
        bodies: dict[int, bytes] = {}
        while received := await reader.read(65536):
            for event in http2.receive_data(received):
                if isinstance(event, RequestReceived):
                    heads[event.stream_id] = dict(event.headers)
                    bodies[event.stream_id] = b""
                elif isinstance(event, DataReceived):
                    bodies[event.stream_id] += event.data
                    http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    self.requests.append((heads[event.stream_id], bodies[event.stream_id]))
                    http2.send_headers(event.stream_id, [(":status", "202")], end_stream=True)
            writer.write(http2.data_to_send())
        writer.transport.abort()


@asynccontextmanager
async def http2_service() -> AsyncIterator[Http2Service]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    service = Http2Service()
    server = await asyncio.start_server(service.visit, "127.0.0.1", 0, ssl=context)
    service.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/events?a=b"
    async with listening(server):
        yield service


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


async def test_it_speaks_http_2_where_the_service_offers_it() -> None:
    async with http2_service() as service:
        target = HttpxTarget(service.url, [("X-Team", "shop")], tls=trusting)
        assert await post(target, LARGE, lines="Version: v1\r\nx-empty: \r\n") == Responded(202)
        results = await asyncio.gather(*(post(target) for _ in range(20)))
        await target.close()
    assert results == [Responded(202)] * 20
    assert service.connections == 1
    head, body = service.requests[0]
    assert body == LARGE
    assert head[b":path"] == b"/events?a=b"
    assert (head[b"version"], head[b"x-empty"], head[b"x-team"]) == (b"v1", b"", b"shop")
    assert head[b":authority"].decode() in service.url


async def test_connections_are_left_after_a_while() -> None:
    """One HTTP/2 connection would otherwise stay with one pod for ever."""
    async with http2_service() as service:
        target = HttpxTarget(service.url, tls=trusting, lifetime_seconds=0)
        for _ in range(3):
            assert await post(target) == Responded(202)
        await target.close()
    assert service.connections == 3


async def test_a_delivery_outlives_the_connections_being_left() -> None:
    go_on = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await go_on.wait()
        await visit.send(OK)
        await visit.gone()

    async with serving(script) as service:
        target = HttpxTarget(service.url, lifetime_seconds=0)
        first = asyncio.create_task(post(target))
        await service.arrived.wait()
        service.arrived.clear()
        second = asyncio.create_task(post(target))
        await service.arrived.wait()
        await target.close()
        go_on.set()
        assert await first == await second == Responded(200)
        await service.left.wait()


async def test_http_goes_through_a_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(responding(OK)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://me:secret@"))
        target = HttpxTarget("http://b.shop.example:8080/events")
        assert await post(target) == Responded(200)
        await target.close()
    (request,) = proxy.requests
    assert request.line == "POST http://b.shop.example:8080/events HTTP/1.1"
    assert request.values("proxy-authorization") == ["Basic bWU6c2VjcmV0"]


async def test_https_goes_through_its_tunnel_and_one_refused_is_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was sent to the service: the CONNECT was the proxy's."""
    asked = []

    async def script(visit: Visit) -> None:
        asked.append((await visit.head())[0])
        await visit.send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    async with serving(script) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        target = HttpxTarget("https://b.shop.example/events")
        result = await post(target)
        await target.close()
    assert asked == ["CONNECT b.shop.example:443 HTTP/1.1"]
    assert isinstance(result, Unreachable)
    assert "403" in result.why


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("http://b.shop/", "", "http://p:1"),
        ("https://b.shop/", "", "http://s:2"),
        ("http://b.shop/", "*", None),
        ("http://b.shop/", "b.shop", None),
        ("http://b.shop:8080/", "other, .shop", None),
        ("http://b.shop.example/", ".shop", "http://p:1"),
        ("http://10.1.2.3/", "10.0.0.0/8", None),
        ("http://11.1.2.3/", "10.0.0.0/8", "http://p:1"),
        ("http://[fd00::1]/", "fd00::/8", None),
        ("http://b.shop/", "10.0.0.0/8, nonsense/99", "http://p:1"),
    ],
)
def test_no_proxy_names_hosts_domains_and_networks(
    monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "p:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://s:2")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_for(RequestHead(url, [], "x")) == proxy


def test_a_version_has_the_client_that_it_asks_for() -> None:
    for client, kind in ((Client.NATIVE, NativeTarget), (Client.HTTPX, HttpxTarget)):
        version = Version("stable", "v1", "http://b.shop/", client=client)
        assert isinstance(app.make_target(version), kind)


def test_the_gateway_does_not_load_it_unless_a_version_asks_for_it() -> None:
    """It takes 50 ms of the start, and memory."""
    assert not hasattr(app, "HttpxTarget")
    assert not hasattr(app, "httpx_target")


async def test_a_delivery_costs_no_more_with_200_in_flight() -> None:
    """A pool of httpcore's looks at all it has at each request: none has more than a few."""
    every = asyncio.Event()
    arrived = 0

    async def script(visit: Visit) -> None:
        nonlocal arrived
        await visit.request()
        arrived += 1
        if arrived == 200:
            every.set()
        await every.wait()
        await visit.send(OK)
        await visit.gone()

    async with serving(script) as service:
        target = HttpxTarget(service.url)
        under_way = [asyncio.create_task(post(target)) for _ in range(200)]
        await every.wait()
        assert sum(each.users for each in target._pools) == 200
        assert max(each.users for each in target._pools) <= POOL_SIZE
        assert await asyncio.gather(*under_way) == [Responded(200)] * 200
        assert sum(each.users for each in target._pools) == 0
        await target.close()
