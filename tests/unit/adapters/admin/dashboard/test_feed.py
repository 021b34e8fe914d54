"""The stream of frames: shared, bounded, silent while nobody reads, ended by a stop."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from gateway.adapters.admin.dashboard import feed
from tests.unit.adapters.admin.admin_port import admin_server, serving
from tests.unit.adapters.fakes import FakeControl, table, view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVENTS = "/api/events"


@pytest.fixture(autouse=True)
def quick_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "FRAME_SECONDS", 0.01)


@pytest.fixture
def control() -> FakeControl:
    return FakeControl([view(table().routes[0])])


async def blocks(answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """Yield what is between empty lines."""
    block = b""
    async for line in answer.content:
        if line.strip():
            block += line
        elif block:
            yield block.decode().rstrip()
            block = b""


async def first(answer: aiohttp.ClientResponse, count: int) -> list[str]:
    found: list[str] = []
    async for block in blocks(answer):
        found.append(block)
        if len(found) == count:
            break
    return found


def data(block: str) -> Any:
    return json.loads(block.rpartition("data: ")[2])


async def until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110 - what a server has seen is no event of the test's
        await asyncio.sleep(0)


async def test_the_stream_begins_with_the_past_and_goes_on_with_numbered_frames(
    control: FakeControl,
) -> None:
    async with serving(control) as session, session.get(EVENTS) as answer:
        retry, past, one, two = await first(answer, 4)
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Accel-Buffering"] == "no"
    assert retry == "retry: 2000"
    assert past.startswith("event: history\ndata: ")
    assert set(data(past)["routes"]) == {"orders"}
    assert [one.partition("\n")[0], two.partition("\n")[0]] == ["id: 1", "id: 2"]
    assert data(one)["routes"][0]["name"] == "orders"


async def test_a_comment_comes_every_15th_frame(control: FakeControl) -> None:
    async with serving(control) as session, session.get(EVENTS) as answer:
        found = await first(answer, 2 + 15 + 1)
    assert ": alive" in found


async def test_all_readers_get_the_same_frames(control: FakeControl) -> None:
    async with serving(control) as session, session.get(EVENTS) as a, session.get(EVENTS) as b:
        of_a = {block.partition("\n")[0]: block for block in await first(a, 12)}
        of_b = {block.partition("\n")[0]: block for block in await first(b, 12)}
    both = {key for key in of_a.keys() & of_b.keys() if key.startswith("id: ")}
    assert both
    assert all(of_a[key] == of_b[key] for key in both)


async def test_decisions_are_watched_and_frames_made_only_while_somebody_reads(
    control: FakeControl,
) -> None:
    async with serving(control) as session:
        assert control.watched is None
        async with session.get(EVENTS) as answer:
            await first(answer, 3)
            assert control.watched is not None
            answer.close()
            await until(lambda: control.watched is None)
        async with session.get(EVENTS) as answer:
            await first(answer, 3)
            assert control.watched is not None


async def test_a_head_request_gets_the_headers_and_no_stream(control: FakeControl) -> None:
    async with serving(control) as session, session.head(EVENTS) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert control.watched is None


async def test_one_stream_too_many_is_refused_and_told(
    control: FakeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_STREAMS", 1)
    async with serving(control) as session, session.get(EVENTS) as open_one:
        await first(open_one, 2)
        async with session.get(EVENTS) as refused:
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "10"
            assert "close one" in await refused.text()


async def test_a_stop_ends_the_streams_and_does_not_wait_for_them(control: FakeControl) -> None:
    server = admin_server(control)
    await server.start()
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session,
        session.get(EVENTS) as answer,
    ):
        await first(answer, 3)
        stopping = asyncio.create_task(server.stop())
        rest = await answer.content.read()  # to its regular end
        await stopping
    assert rest is not None
    assert control.watched is None


async def test_a_reader_that_takes_nothing_is_cut_off_and_holds_up_no_other(
    control: FakeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WRITE_SECONDS", 0.05)
    wide = view(table().routes[0], why="x" * 500_000)
    control.of_routes = [wide]
    server = admin_server(control)
    await server.start()
    loop = asyncio.get_running_loop()
    with socket.socket() as lazy:
        lazy.setblocking(False)  # noqa: FBT003 - it takes no name
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(lazy, ("127.0.0.1", server.port))
        await loop.sock_sendall(lazy, b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            await until(lambda: control.watched is not None)
            async with session.get(EVENTS, read_bufsize=2**22) as answer:
                assert len(await first(answer, 12)) == 12
        await until(lambda: control.watched is None)  # the lazy one is gone too
    await server.stop()


async def test_a_frame_that_cannot_be_made_is_left_out(control: FakeControl) -> None:
    class Broken(FakeControl):
        broken = True

        def views(self) -> Any:
            if self.broken:
                self.broken = False
                raise RuntimeError("a defect")
            return control.of_routes

    async with serving(Broken()) as session, session.get(EVENTS) as answer:
        found = await first(answer, 3)
    assert found[2].startswith("id: 2")


async def test_text_that_is_no_unicode_does_not_stop_the_stream(control: FakeControl) -> None:
    control.of_routes = [view(table().routes[0], why="half a pair: \ud800")]
    async with serving(control) as session, session.get(EVENTS) as answer:
        found = await first(answer, 3)
    assert data(found[2])["routes"][0]["why"].startswith("half a pair")
