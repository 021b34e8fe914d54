"""The services of the chain: none knows of a canary, all hand on what belongs to the request."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.demo.services.chain import End, Hop, NextService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(app)) as client:
        yield client


def calling(name: str, to: Client) -> Hop:
    return Hop(name, NextService(name, str(to.make_url("/events"))))


@asynccontextmanager
async def hop_before_end() -> AsyncIterator[tuple[Client, Client]]:
    async with (
        served(End("D").app()) as end,
        served(calling("C1", end).app()) as hop,
    ):
        yield hop, end


async def paths(end: Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await (await end.get(f"/paths{query}")).json()
    return found


async def test_each_service_puts_its_name_on_the_path() -> None:
    async with hop_before_end() as (hop, end):
        answer = await hop.post("/events", json={"order": "o", "path": ["A", "B1"]})
        assert (await answer.json())["path"] == ["A", "B1", "C1", "D"]
        assert [seen["path"] for seen in await paths(end)] == [["A", "B1", "C1", "D"]]


async def test_the_version_comes_to_the_end_of_the_chain() -> None:
    async with hop_before_end() as (hop, end):
        await hop.post("/events", json={"order": "o", "path": []}, headers={"version": "v2"})
        assert [seen["version"] for seen in await paths(end)] == ["v2"]


async def test_trace_context_is_handed_on_and_other_headers_are_not() -> None:
    got: dict[str, str] = {}

    async def note(request: web.Request) -> web.Response:
        got.update(request.headers)
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/events", note)
    sent = {"version": "v1", "baggage": "version=v1", "traceparent": "00-1-2-01", "x-own": "no"}
    async with (
        served(app) as last,
        served(calling("B", last).app()) as hop,
    ):
        await hop.post("/events", json={"path": []}, headers=sent)
    handed_on = {name.lower(): value for name, value in got.items() if name.lower() in sent}
    assert handed_on == {name: value for name, value in sent.items() if name != "x-own"}


async def test_the_response_of_the_next_hop_is_the_response() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=422, text="no such order")

    app = web.Application()
    app.router.add_post("/events", refuse)
    async with (
        served(app) as last,
        served(calling("B", last).app()) as hop,
    ):
        answer = await hop.post("/events", json={"path": []})
        assert (answer.status, await answer.text()) == (422, "no such order")


async def test_a_next_hop_that_is_gone_is_a_bad_gateway() -> None:
    async with served(web.Application()) as gone:
        url = str(gone.make_url("/events"))
    async with served(Hop("B", NextService("B", url)).app()) as hop:
        answer = await hop.post("/events", json={"path": []})
        assert answer.status == 502
        assert f"B cannot reach {url}" in await answer.text()


@pytest.mark.parametrize("body", ["no json", "[]", '{"path": null}'])
async def test_what_is_no_json_object_is_refused(body: str) -> None:
    async with served(End("D").app()) as end:
        assert (await end.post("/events", data=body)).status == 400


async def test_the_end_remembers_each_order_as_often_as_it_sees_it() -> None:
    async with served(End("D").app()) as end:
        for order in ("one", "two", "one"):
            await end.post("/events", json={"order": order, "path": [], "accepted": 0})
        assert [seen["order"] for seen in await paths(end)] == ["one", "two", "one"]
        assert [seen["order"] for seen in await paths(end, "?from=2")] == ["one"]
        assert len(await paths(end, "/one")) == 2


async def test_every_service_says_that_it_is_healthy() -> None:
    async with hop_before_end() as (hop, end):
        assert [(await client.get("/healthz")).status for client in (hop, end)] == [200, 200]
