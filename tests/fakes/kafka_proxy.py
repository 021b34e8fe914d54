"""A network in front of a broker that a test may cut: connections are refused and dropped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

from tests.fakes.listening import stop_listening


class Proxy:
    """Takes connections at `address` and passes them to a port, but while it is cut."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._target = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None] | None] = set()

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all connections."""
        await self.cut()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._port}"

    def to(self, port: int) -> None:
        """Pass connections to this port."""
        self._target = port

    async def cut(self) -> None:
        """Drop all connections and refuse new ones."""
        if self._server is not None:
            server, self._server = self._server, None
            await stop_listening(server)
        for writer in list(self._writers):
            writer.transport.abort()
        while self._passing:
            await asyncio.wait(self._passing)

    async def mend(self) -> None:
        """Take connections again."""
        await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._passing.add(task := asyncio.current_task())
        self._writers.add(writer)
        try:
            with suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", self._target)
                ends.append(back)
                self._writers.add(back)
                await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            for end in ends:
                end.transport.abort()
                self._writers.discard(end)
            self._passing.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(65_536):
            writer.write(content)
            await writer.drain()
    writer.close()
