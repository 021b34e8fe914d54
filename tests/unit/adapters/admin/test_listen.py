"""IPv4 and IPv6 by default, and what there is of them."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.unit.adapters.admin.admin_port import admin_server

if TYPE_CHECKING:
    from collections.abc import Callable


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


async def answers(host: str, port: int) -> bool:
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{host}:{port}/healthz") as response,
        ):
            return response.status == 200
    except aiohttp.ClientConnectorError:
        return False


@needs_ipv6
@pytest.mark.parametrize("host", ["", "::"])
async def test_the_default_and_two_colons_answer_on_ipv4_and_ipv6(host: str) -> None:
    server = admin_server(host=host)
    await server.start()
    try:
        assert await answers("127.0.0.1", server.port)
        assert await answers("[::1]", server.port)
        assert server.host == "0.0.0.0, ::"
    finally:
        await server.stop()


@needs_ipv6
@pytest.mark.parametrize(("host", "ipv4", "ipv6"), [("0.0.0.0", True, False), ("::1", False, True)])
async def test_another_address_is_the_only_one(host: str, *, ipv4: bool, ipv6: bool) -> None:
    server = admin_server(host=host)
    await server.start()
    try:
        assert await answers("127.0.0.1", server.port) is ipv4
        assert await answers("[::1]", server.port) is ipv6
        assert server.host == host
    finally:
        await server.stop()


def _without(family: int, number: int, *, at_bind: bool) -> Callable[..., socket.socket]:
    real = socket.socket

    class Lacking(real):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            if self.family == family and not at_bind:
                self.close()
                raise OSError(number, "lacking")

        def bind(self, address: Any) -> None:
            if self.family == family:
                raise OSError(number, "lacking")
            super().bind(address)

    return Lacking


@pytest.mark.parametrize("host", ["", "::"])
@pytest.mark.parametrize(
    ("number", "at_bind"), [(errno.EAFNOSUPPORT, False), (errno.EADDRNOTAVAIL, True)]
)
async def test_a_machine_without_ipv6_listens_on_ipv4(
    monkeypatch: pytest.MonkeyPatch, host: str, number: int, *, at_bind: bool
) -> None:
    monkeypatch.setattr(
        "gateway.adapters.admin.listen.socket.socket",
        _without(socket.AF_INET6, number, at_bind=at_bind),
    )
    server = admin_server(host=host)
    await server.start()
    monkeypatch.undo()
    try:
        assert server.host == "0.0.0.0"
        assert await answers("127.0.0.1", server.port)
    finally:
        await server.stop()


@needs_ipv6
async def test_a_port_that_is_taken_in_one_family_is_named_with_its_address() -> None:
    with socket.socket(socket.AF_INET6) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(("::", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on :::{port}: Address already in use"):
            await admin_server(host="", port=port).start()
