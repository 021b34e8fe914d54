"""B and B1 of a rollout: the end of the chain, which fails and dawdles as it is told."""

from __future__ import annotations

import asyncio
import random
import time
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from gateway.demo.services.chain import json_object, new_app

SLOW_SECONDS: Final = 2.0
RECEIVES: Final = "x-aws-sqsd-receive-count"


class Troubled:
    """Records every order with the status that it got.

    `failing` is the share of orders, 0..1, that get status 500; `slow` that of those that take
    SLOW_SECONDS.
    """

    def __init__(self) -> None:
        self.failing = 0.0
        self.slow = 0.0
        self._seen: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        """Return the application: POST /events, GET /seen?from=N, PUT /trouble."""
        app = new_app()
        app.router.add_post("/events", self._events)
        app.router.add_get("/seen", self._list_seen)
        app.router.add_put("/trouble", self._change)
        return app

    async def _events(self, request: web.Request) -> web.Response:
        order = await json_object(request)
        began = time.time()
        if random.random() < self.slow:
            await asyncio.sleep(SLOW_SECONDS)
        fails = random.random() < self.failing
        status = HTTPStatus.INTERNAL_SERVER_ERROR if fails else HTTPStatus.OK
        self._seen.append(
            {
                "order": order["order"],
                "began": began,
                "at": time.time(),
                "receives": int(request.headers.get(RECEIVES, "1")),
                "good": status is HTTPStatus.OK,
            }
        )
        return web.Response(status=status)

    async def _list_seen(self, request: web.Request) -> web.Response:
        return web.json_response(self._seen[int(request.query["from"]) :])

    async def _change(self, request: web.Request) -> web.Response:
        trouble = await request.json()
        self.failing, self.slow = float(trouble["failing"]), float(trouble["slow"])
        return web.Response(text="ok")
