"""A rolling update of an HTTP server of Node, under load: its `server.close()` waits for us."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.http.native_target import NativeTarget
from gateway.core.delivery.disposition import Responded
from tests.contract.deliveries import post
from tests.fakes.listening import stop_listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVICE = """
const http = require("http");
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => { body += piece; });
  request.on("end", () => setTimeout(() => { console.log(body); response.end("ok"); }, 10));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
"""

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")


class Pod:
    """A process of Node, and the bodies of the requests it has done."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.done: list[bytes] = []

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.done.append(line.strip())


@contextlib.asynccontextmanager
async def pod() -> AsyncIterator[Pod]:
    process = await asyncio.create_subprocess_exec(
        "node", "-e", SERVICE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield Pod(process, int(await process.stdout.readline()))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Vip:
    """The address of a Service: each new connection goes to the pod that is ready."""

    def __init__(self, ready: Pod) -> None:
        self.ready = ready

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.ready.port)
        await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_nothing_is_cut_when_a_node_pod_is_replaced_under_load() -> None:
    async with pod() as old, pod() as new:
        vip = Vip(old)
        server = await asyncio.start_server(vip.join, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        target = NativeTarget(f"http://127.0.0.1:{port}/", lifetime_seconds=1.0)
        results: list[object] = []
        sent: list[bytes] = []
        loaded, enough = asyncio.Event(), asyncio.Event()

        async def load(worker: int) -> None:
            while not enough.is_set():
                body = b"%d-%d" % (worker, len(sent))
                sent.append(body)
                results.append(await post(target, body))
                if len(results) >= 200:
                    loaded.set()

        reading = [asyncio.create_task(each.read()) for each in (old, new)]
        loading = [asyncio.create_task(load(worker)) for worker in range(20)]
        await loaded.wait()
        vip.ready = new
        old.process.send_signal(signal.SIGTERM)
        assert await old.process.wait() == 0  # it has ended by itself
        enough.set()
        await asyncio.gather(*loading)
        await target.close()
        await stop_listening(server)
        new.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*reading)
    assert results == [Responded(200)] * len(sent)
    assert Counter(old.done + new.done) == Counter(sent)
