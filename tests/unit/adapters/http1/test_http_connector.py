"""Opening connections: names asked anew, addresses in turn, and each connection for a while."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.http.status_reader import StatusReader
from gateway.adapters.http.unreachable import unreachable
from gateway.adapters.http1.connector import Connector
from gateway.adapters.http1.pool import Pool
from gateway.adapters.http1.resolver import KEPT_SECONDS, Addresses
from gateway.core.delivery.disposition import Unreachable
from tests.unit.adapters.http1.fake_transport import FakeTransport

if TYPE_CHECKING:
    from gateway.adapters.http1.connection import Connection

SECONDS = 30.0


class Net:
    """A name server and a network, in place of the loop's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        loop = asyncio.get_running_loop()
        self.addresses = list(addresses)
        self.refusing: set[str] = set()
        self.swallowing: set[str] = set()
        self.asked = 0
        self.tried: list[str] = []
        monkeypatch.setattr(loop, "getaddrinfo", self.getaddrinfo)
        monkeypatch.setattr(loop, "create_connection", self.create_connection)

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in self.addresses
        ]

    async def create_connection(self, make: Any, address: str, *_: Any, **__: Any) -> Any:
        self.tried.append(address)
        if address in self.refusing:
            raise ConnectionRefusedError(111, "refused")
        if address in self.swallowing:
            await asyncio.Event().wait()
        connection = make()
        return FakeTransport(connection), connection


def connector(lifetime_seconds: float = 60.0, pool: Pool | None = None) -> Connector:
    return Connector(
        "b.shop",
        8080,
        Pool(10) if pool is None else pool,
        lambda: StatusReader(time.time),
        lifetime_seconds=lifetime_seconds,
    )


async def opened(connects: Connector, seconds: float = SECONDS) -> Connection | Unreachable:
    """Return the connection, or what a delivery makes of the error."""
    try:
        return await connects.open(asyncio.get_running_loop().time() + seconds)
    except OSError as error:
        return unreachable("b.shop:8080", error, seconds)


@pytest.mark.looptime
async def test_connections_spread_over_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A headless Service has an address for each pod; the resolver's order is always the same."""
    net, connects = Net(monkeypatch, "10.0.0.1", "10.0.0.2", "10.0.0.3"), connector()
    for _ in range(9):
        assert not isinstance(await opened(connects), Unreachable)
    assert sorted(net.tried) == sorted([*net.addresses] * 3)


@pytest.mark.looptime
async def test_a_name_is_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    net, connects = Net(monkeypatch, "10.0.0.1"), connector()
    await opened(connects)
    net.addresses = ["10.0.0.9"]
    await asyncio.sleep(KEPT_SECONDS)
    await opened(connects)
    assert net.tried == ["10.0.0.1", "10.0.0.9"]


@pytest.mark.looptime
async def test_connections_that_are_opened_at_once_ask_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, connects = Net(monkeypatch, "10.0.0.1"), connector()
    await asyncio.gather(*(opened(connects) for _ in range(100)))
    assert net.asked == 1


@pytest.mark.looptime
async def test_the_task_that_looks_up_first_may_be_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Net(monkeypatch, "10.0.0.1")
    connects = connector()
    first, second = (asyncio.create_task(opened(connects)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert not isinstance(await second, Unreachable)


@pytest.mark.looptime
async def test_a_name_that_is_not_known_may_be_known_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    net, connects = Net(monkeypatch), connector()
    results = await asyncio.gather(*(opened(connects) for _ in range(10)))
    why = "no connection to b.shop:8080: Name or service not known"
    assert results == [Unreachable(why)] * 10
    assert net.asked == 1
    net.addresses = ["10.0.0.1"]
    await asyncio.sleep(KEPT_SECONDS)
    assert not isinstance(await opened(connects), Unreachable)


@pytest.mark.looptime
async def test_where_one_address_refuses_the_next_one_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, connects = Net(monkeypatch, "10.0.0.1", "10.0.0.2", "10.0.0.3"), connector()
    net.refusing = {"10.0.0.1", "10.0.0.2"}
    for _ in range(3):
        assert not isinstance(await opened(connects), Unreachable)
    net.refusing = set(net.addresses)
    result = await opened(connects)
    assert result == Unreachable("no connection to b.shop:8080: Connection refused")


@pytest.mark.looptime
async def test_one_that_swallows_packets_leaves_the_others_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, connects = Net(monkeypatch, "10.0.0.1", "10.0.0.2", "10.0.0.3"), connector()
    net.swallowing = {"10.0.0.1", "10.0.0.2"}
    for _ in range(3):
        assert not isinstance(await opened(connects), Unreachable)
    net.swallowing = set(net.addresses)
    began = asyncio.get_running_loop().time()
    assert await opened(connects) == Unreachable("no connection to b.shop:8080 within 30 s")
    assert asyncio.get_running_loop().time() - began == pytest.approx(SECONDS)


@pytest.mark.looptime
async def test_the_resolver_s_preferred_family_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net(monkeypatch, "10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2")
    addresses = Addresses("b.shop", 80)
    assert [await addresses.in_turn() for _ in range(2)] == [
        ["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"],
        ["10.0.0.2", "10.0.0.1", "fd00::2", "fd00::1"],
    ]
    net.addresses.reverse()
    await asyncio.sleep(KEPT_SECONDS)
    assert (await addresses.in_turn())[0].startswith("fd00")


@pytest.mark.looptime
async def test_connections_do_not_all_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They live 60 s and up to a quarter more or less, spread evenly."""
    Net(monkeypatch, "10.0.0.1")
    connects = connector(60.0)
    loop, ends = asyncio.get_running_loop(), []
    for _ in range(40):
        connection = await opened(connects)
        assert not isinstance(connection, Unreachable)
        ends.append(asyncio.create_task(connection.closed.wait()))
        ends[-1].add_done_callback(lambda _: lived.append(loop.time()))
    lived: list[float] = []
    await asyncio.gather(*ends)
    assert 45 <= min(lived) < 47
    assert 73 < max(lived) <= 75
    for start in range(45, 75, 5):
        assert 4 <= len([each for each in lived if start <= each < start + 5]) <= 10


@pytest.mark.looptime
async def test_a_connection_that_opens_as_its_opener_gives_up_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Net(monkeypatch, "10.0.0.1")
    pool = Pool(10)
    connects = connector(pool=pool)
    loop, made = asyncio.get_running_loop(), asyncio.Event()

    async def create_connection(make: Any, *_: Any, **__: Any) -> None:
        FakeTransport(make())
        made.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(loop, "create_connection", create_connection)
    opening = asyncio.create_task(opened(connects))
    await made.wait()
    assert len(pool) == 1
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    while len(pool):  # noqa: ASYNC110 - it has no event to offer
        await asyncio.sleep(0)
