"""200 deliveries at once to servers that take few connections: each is done once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.http.native_target import NativeTarget
from gateway.core.delivery.disposition import Responded
from tests.contract.deliveries import AMPLE_SECONDS, post
from tests.contract.http_services import OK

if TYPE_CHECKING:
    from collections.abc import Iterator


class Workers:
    """A server of threads, each of which serves one connection until that is closed."""

    def __init__(self, workers: int, backlog: int) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.bodies: list[bytes] = []
        self._threads = [threading.Thread(target=self._work) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, contextlib.suppress(OSError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        while piece := connection.recv(65536):
            received += piece
            head, end, body = received.partition(b"\r\n\r\n")
            if end and len(body) == int(head.rpartition(b"content-length: ")[2].split(b"\r\n")[0]):
                self.bodies.append(body)
                received = b""
                connection.sendall(OK)


@contextlib.contextmanager
def workers(number: int, backlog: int) -> Iterator[Workers]:
    server = Workers(number, backlog)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(("number", "backlog"), [(4, 100), (4, 5), (1, 5)])
async def test_connections_ramp_so_that_servers_of_few_processes_do_each_delivery_once(
    number: int, backlog: int
) -> None:
    bodies = [b"%d" % at for at in range(2_000)]
    with workers(number, backlog) as server:
        target = NativeTarget(server.url, max_idle=200)
        under_way = asyncio.Semaphore(200)

        async def deliver(body: bytes) -> object:
            async with under_way:
                return await post(target, body, AMPLE_SECONDS)

        results = await asyncio.gather(*map(deliver, bodies))
        await target.close()
    assert results == [Responded(200)] * len(bodies)
    assert sorted(server.bodies) == sorted(bodies)
