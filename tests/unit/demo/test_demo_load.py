"""The load: who is pinned, what stops it, and when it gives up."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.demo import load as load_module
from gateway.demo.addresses import Addresses
from gateway.demo.load import Load, plan
from gateway.demo.processes import DemoError
from gateway.demo.routing import read_route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROUTE = read_route(
    (Path(__file__).parents[3] / "gateway" / "demo" / "routes.yaml").read_text("utf-8")
)


class Chain:
    """A and D in one: what A takes is with D at once, unless it is one that gets lost."""

    def __init__(self, loses: str = "", refuses: str = "") -> None:
        self.loses, self.refuses = loses, refuses
        self.pins: dict[str, str | None] = {}
        self.seen: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        order = (await request.json())["order"]
        if order == self.refuses:
            return web.Response(status=500, text="the queue is gone")
        self.pins[order] = request.headers.get("version")
        if order != self.loses:
            self.seen.append({"order": order, "path": ["A"], "version": None, "seconds": 0.0})
        return web.json_response({"message_id": f"id of {order}"}, status=202)

    async def paths(self, request: web.Request) -> web.Response:
        return web.json_response(self.seen[int(request.query["from"]) :])

    @asynccontextmanager
    async def load(self) -> AsyncIterator[Load]:
        """Serve, and yield a load that finds both here."""
        app = web.Application()
        app.router.add_post("/orders", self.take)
        app.router.add_get("/paths", self.paths)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            addresses = Addresses({"A": server.port or 0, "D": server.port or 0})
            yield Load(session, addresses, ROUTE)


def unnoticed(_: Load) -> None:
    """Nobody looks."""


def test_one_order_in_ten_is_pinned_half_to_each_version() -> None:
    assert Counter(pin for _, pin in plan(2_000)) == {None: 1_800, "v1": 100, "v2": 100}


def test_every_order_has_a_name_of_its_own() -> None:
    assert len({name for name, _ in plan(2_000)}) == 2_000


async def test_all_orders_are_sent_with_their_pins_and_seen() -> None:
    chain = Chain()
    async with chain.load() as load:
        await load.run(50, unnoticed)
        assert load.orders.keys() == chain.pins.keys() == {name for name, _ in plan(50)}
        assert chain.pins == dict(plan(50))
        assert (load.on_their_way, len(load.sightings)) == (0, 50)


async def test_a_pinned_order_is_expected_where_its_pin_says() -> None:
    async with Chain().load() as load:
        await load.run(20, unnoticed)
        assert {order.tag for order in load.orders.values() if order.pin == "v2"} == {"v2"}


async def test_an_order_that_a_refuses_ends_the_load() -> None:
    async with Chain(refuses="order-3").load() as load:
        with pytest.raises(DemoError, match="A responded with 500: the queue is gone"):
            await load.run(50, unnoticed)


async def test_a_front_that_is_gone_ends_the_load() -> None:
    async with Chain().load() as load:
        pass
    async with aiohttp.ClientSession() as session:
        load = Load(session, Addresses({"A": 1, "D": 1}), ROUTE)
        with pytest.raises(DemoError, match=r"127\.0\.0\.1:1"):
            await load.run(1, unnoticed)


async def test_an_order_that_never_comes_does_not_hold_up_the_end_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_module, "STALL_SECONDS", 0.0)
    async with Chain(loses="order-3").load() as load:
        await load.run(5, unnoticed)
        assert load.on_their_way == 1


async def test_no_more_than_the_limit_are_let_onto_their_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With D blind, the senders stop at the limit and the load gives up there."""
    monkeypatch.setattr(load_module, "ON_THEIR_WAY", 1)
    monkeypatch.setattr(load_module, "STALL_SECONDS", 0.0)
    chain = Chain()
    chain.seen = []
    async with chain.load() as load:
        monkeypatch.setattr(load, "look", _blind)
        await load.run(10_000, unnoticed)
        assert 0 < len(load.orders) < 10_000


async def _blind() -> None:
    """See nothing."""
