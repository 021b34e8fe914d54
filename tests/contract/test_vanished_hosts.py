"""A host that vanishes in the middle of a delivery is noticed long before the timeout."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.http.httpx_target import HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.http1.keepalive import KEEPALIVE, Keepalive
from gateway.adapters.sqs.clients import SqsClients
from gateway.core.delivery.disposition import Broken, Responded
from tests.contract.deliveries import post
from tests.contract.http_services import OK, responding, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.core.delivery.disposition import DeliveryResult

HOUR = 3600.0
NEAR, FAR = (f"{side}{os.getpid()}" for side in ("near", "far"))
HOST = "198.18.0.2"
CLONE_NEWNET = 0x40000000
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


def enter(space: str) -> None:
    """Have this thread make its sockets in a network namespace; setns(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", space).open() as opened:
        if libc.setns(opened.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


@pytest.fixture
def cable() -> Iterator[None]:
    """Two networks joined by a cable; skipped where none can be made.

    The machine's own network stays as it is: a browser of another test that sees it change breaks
    off what it loads.
    """
    if not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("network namespaces need root and iproute2")
    try:
        ip("netns", "add", NEAR)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made: {error.stderr!r}")
    try:
        ip("netns", "add", FAR)
        ip("-n", NEAR, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", FAR)
        for space, address in ((NEAR, "198.18.0.1"), (FAR, HOST)):
            ip("-n", space, "addr", "add", f"{address}/30", "dev", "cable")
            ip("-n", space, "link", "set", "cable", "up")
            ip("-n", space, "link", "set", "lo", "up")  # brings "host unreachable" to the sender
        yield
    finally:
        for space in (NEAR, FAR):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", space)


@pytest.mark.parametrize("target_class", [NativeTarget, HttpxTarget])
@pytest.mark.parametrize("bodies_before", [[], [b"first"]], ids=["new connection", "kept one"])
def test_a_host_that_vanishes_during_a_delivery_is_noticed_before_an_hour_is_over(
    cable: None, target_class: type[Any], bodies_before: list[bytes]
) -> None:
    command = ["ip", "netns", "exec", FAR, sys.executable, "-c", SERVICE]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as service,
        ThreadPoolExecutor(1, initializer=enter, initargs=(NEAR,)) as near,
    ):
        try:
            vanishing = delivered_to_a_vanishing_host(service, target_class, bodies_before)
            result = near.submit(asyncio.run, vanishing).result()
        finally:
            service.kill()
    assert isinstance(result, Broken)
    assert "timed out" in result.why.lower() or "host" in result.why.lower()


async def delivered_to_a_vanishing_host(
    service: subprocess.Popen[bytes], target_class: type[Any], bodies_before: list[bytes]
) -> DeliveryResult:
    """Return the result of the delivery during which the host's cable is pulled."""
    assert service.stdout is not None
    assert await asyncio.to_thread(service.stdout.readline) == b"ready\n"
    target = target_class(f"http://{HOST}:8080/", keepalive=Keepalive(1, 1, 2))
    for body in bodies_before:
        assert await post(target, body) == Responded(200)
    delivery = asyncio.create_task(post(target, b"second", timeout_seconds=HOUR))
    assert await asyncio.to_thread(service.stdout.readline) == b"request\n"
    ip("-n", FAR, "link", "set", "cable", "down")
    result = await delivery
    await target.close()
    return result


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
