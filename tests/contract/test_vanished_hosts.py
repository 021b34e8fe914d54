"""A host that vanishes in the middle of a delivery is noticed long before the timeout."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateway.adapters.http.httpx_target import HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.http1.keepalive import KEEPALIVE, Keepalive
from gateway.adapters.sqs.clients import SqsClients
from gateway.core.delivery.disposition import Broken, Responded
from tests.contract.deliveries import post
from tests.contract.http_services import OK, responding, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOUR = 3600.0
SPACE = f"vanishing{os.getpid()}"
HERE, THERE = f"here{os.getpid()}", f"there{os.getpid()}"
NEAR, FAR = (f"198.18.{os.getpid() % 256}.{end}" for end in (1, 2))
SERVICE = """
import socket
listening = socket.create_server(("", 8080))
print("ready", flush=True)
connection, _ = listening.accept()
while True:
    received = connection.recv(65536)
    if received.endswith(b"first"):
        connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
    elif received.endswith(b"second"):
        print("request", flush=True)
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest_asyncio.fixture
async def host() -> AsyncIterator[asyncio.StreamReader]:
    """A service in a network of its own; skipped where none can be made."""
    if not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("network namespaces need root and iproute2")
    try:
        ip("netns", "add", SPACE)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made: {error.stderr!r}")
    service = None
    try:
        ip("link", "add", HERE, "type", "veth", "peer", "name", THERE, "netns", SPACE)
        ip("addr", "add", f"{NEAR}/30", "dev", HERE)
        ip("link", "set", HERE, "up")
        ip("-n", SPACE, "addr", "add", f"{FAR}/30", "dev", THERE)
        ip("-n", SPACE, "link", "set", THERE, "up")
        command = ["ip", "netns", "exec", SPACE, sys.executable, "-c", SERVICE]
        service = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert service.stdout is not None
        assert await service.stdout.readline() == b"ready\n"
        yield service.stdout
    finally:
        if service is not None:
            service.kill()
            await service.wait()
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("link", "del", HERE)
        ip("netns", "del", SPACE)


@pytest.mark.parametrize("target_class", [NativeTarget, HttpxTarget])
@pytest.mark.parametrize("bodies_before", [[], [b"first"]], ids=["new connection", "kept one"])
async def test_a_host_that_vanishes_during_a_delivery_is_noticed_before_an_hour_is_over(
    host: asyncio.StreamReader, target_class: type[Any], bodies_before: list[bytes]
) -> None:
    target = target_class(f"http://{FAR}:8080/", keepalive=Keepalive(1, 1, 2))
    for body in bodies_before:
        assert await post(target, body) == Responded(200)
    delivery = asyncio.create_task(post(target, b"second", timeout_seconds=HOUR))
    assert await host.readline() == b"request\n"
    ip("-n", SPACE, "link", "set", THERE, "down")
    result = await delivery
    await target.close()
    assert isinstance(result, Broken)
    assert "timed out" in result.why.lower() or "host" in result.why.lower()


def options_of(plug: socket.socket) -> list[int]:
    return [plug.getsockopt(level, name) for level, name, _ in KEEPALIVE.options]


@pytest.mark.skipif(sys.platform != "linux", reason="names of socket options are Linux's")
async def test_connections_of_deliveries_have_keepalive_and_a_user_timeout_unless_turned_off() -> (
    None
):
    names = {name for _, name, _ in KEEPALIVE.options}
    assert {socket.SO_KEEPALIVE, socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE} <= names
    async with serving(responding(OK)) as service:
        for keepalive in (KEEPALIVE, None):
            target = NativeTarget(service.url, keepalive=keepalive)
            await post(target)
            (connection,) = target._pool._open
            plug = connection._transport.get_extra_info("socket")
            if keepalive is None:
                assert plug.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
            else:
                assert options_of(plug) == [value for _, _, value in KEEPALIVE.options]
            await target.close()


@pytest.mark.skipif(sys.platform != "linux", reason="names of socket options are Linux's")
async def test_connections_of_the_sdk_have_keepalive_and_a_user_timeout_unless_turned_off() -> None:
    tcp: Any = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("192.0.2.1", 80))
    with SqsClients()._socket(tcp) as plug:
        assert options_of(plug) == [value for _, _, value in KEEPALIVE.options]
    with SqsClients(keepalive=None)._socket(tcp) as plug:
        assert plug.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
