"""The services of the tests, closed while a connection is being accepted, leave none open."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.fakes.listening import stop_listening


@pytest.mark.parametrize("steps", range(6))
async def test_a_connection_that_is_being_accepted_is_served(steps: int) -> None:
    """`Server.close` would lose it after two steps, and the client would wait for ever."""

    async def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(end, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.settimeout(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        await stop_listening(server)
        try:
            ended = await asyncio.get_running_loop().sock_recv(client, 1)
        except ConnectionResetError:
            ended = b""  # it had not been accepted
    assert ended == b""
