"""The services behind the queue, as their teams would write them: none knows of a canary.

Each knows its own name and its next hop, adds its name to the path of an order, and propagates the
headers of the request, as any service with tracing does.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    Connected = Callable[[web.Application], AsyncIterator[None]]
    Order = dict[str, Any]

PROPAGATED: Final = ("version", "baggage", "traceparent", "tracestate")
"""Headers of the request, which are propagated to the next hop."""


class Next(Protocol):
    """Where a service passes orders on to."""

    def connected(self, app: web.Application) -> AsyncIterator[None]:
        """Hold connections open while the application runs."""
        ...

    async def pass_on(self, order: Order, headers: Mapping[str, str]) -> web.Response:
        """Pass an order on; `headers` are those that it came with. Raises web.HTTPException."""
        ...


class NextService:
    """The next hop over HTTP."""

    def __init__(self, name: str, url: str) -> None:
        self._name = name
        self._url = url
        self._session: aiohttp.ClientSession

    async def connected(self, _: web.Application) -> AsyncIterator[None]:
        """Hold connections open while the application runs."""
        async with aiohttp.ClientSession() as self._session:
            yield

    async def pass_on(self, order: Order, headers: Mapping[str, str]) -> web.Response:
        """Send an order to the service and return its response; raises 502 on failure."""
        try:
            async with self._session.post(
                self._url, json=order, headers=propagated(headers)
            ) as response:
                body = await response.read()
                return web.Response(
                    status=response.status, body=body, content_type=response.content_type
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            text = f"{self._name} cannot reach {self._url}: {error}"
            raise web.HTTPBadGateway(text=text) from error


class Hop:
    """B, B1, C and C1: accept an event and pass it on."""

    def __init__(self, name: str, to: Next) -> None:
        self._name = name
        self._next = to

    def app(self) -> web.Application:
        """Return the application: POST /events."""
        app = new_app(self._next.connected)
        app.router.add_post("/events", self._events)
        return app

    async def handle(self, order: Order, headers: Mapping[str, str]) -> web.Response:
        """Add the service's name to the path, and pass the order on."""
        return await self._next.pass_on(_visited(order, self._name), headers)

    async def _events(self, request: web.Request) -> web.Response:
        return await self.handle(await json_object(request), request.headers)


class End:
    """D, the end of the chain: records every arrival of an order."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        """Return the application: POST /events, GET /paths?from=N and GET /paths/ORDER."""
        app = new_app()
        app.router.add_post("/events", self._events)
        app.router.add_get("/paths", self._paths)
        app.router.add_get("/paths/{order}", self._paths_of_one)
        return app

    async def handle(self, order: Order, headers: Mapping[str, str]) -> web.Response:
        """Record an order's arrival."""
        order = _visited(order, self._name)
        now = time.time()
        sighting = {
            "order": order.get("order"),
            "path": order["path"],
            "version": headers.get("version"),
            "seconds": max(0.0, now - order.get("accepted", now)),
        }
        self._seen.append(sighting)
        return web.json_response(sighting)

    async def _events(self, request: web.Request) -> web.Response:
        return await self.handle(await json_object(request), request.headers)

    async def _paths(self, request: web.Request) -> web.Response:
        return web.json_response(self._seen[int(request.query.get("from", "0")) :])

    async def _paths_of_one(self, request: web.Request) -> web.Response:
        name = request.match_info["order"]
        return web.json_response([seen for seen in self._seen if seen["order"] == name])


def propagated(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a service propagates to the next."""
    return {name: headers[name] for name in PROPAGATED if name in headers}


def new_app(connected: Connected | None = None) -> web.Application:
    """Return an application with GET /healthz; `connected` is its start and its end."""
    app = web.Application()
    app.router.add_get("/healthz", _healthy)
    if connected is not None:
        app.cleanup_ctx.append(connected)
    return app


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _visited(order: Order, name: str) -> Order:
    return {**order, "path": [*order.get("path", ()), name]}


async def json_object(request: web.Request) -> Order:
    """Return the JSON object of the body; raises 400 for any other body."""
    try:
        return parse_order(await request.text())
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def parse_order(text: str) -> Order:
    """Return an order; raises ValueError for text that is no JSON object."""
    try:
        order = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    if not isinstance(order, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - of the text, not a type
    if not isinstance(order.get("path", []), list):
        raise ValueError("path must be a list")  # noqa: TRY004 - as above
    return order
