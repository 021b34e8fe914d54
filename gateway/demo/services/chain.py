"""The services behind the queue, as their teams would write them: none knows of a canary.

Each knows its own name and its next hop, adds its name to the path of an order, and propagates the
headers of the request, as any service with tracing does.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    Connected = Callable[[web.Application], AsyncIterator[None]]

PROPAGATED: Final = ("version", "baggage", "traceparent", "tracestate")
"""Headers of the request, which are propagated to the next hop."""


class Hop:
    """B, B1, C and C1: accept an event and call the next service."""

    def __init__(self, name: str, next_url: str) -> None:
        self._name = name
        self._next = next_url
        self._session: aiohttp.ClientSession

    def app(self) -> web.Application:
        """Return the application: POST /events."""
        app = new_app(self._connected)
        app.router.add_post("/events", self._pass_on)
        return app

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self._session:
            yield

    async def _pass_on(self, request: web.Request) -> web.Response:
        order = await _event(request, self._name)
        return await pass_on(self._name, self._session, self._next, order, request.headers)


class End:
    """D, the end of the chain: records every arrival of an order."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        """Return the application: POST /events, GET /paths?from=N and GET /paths/ORDER."""
        app = new_app()
        app.router.add_post("/events", self._record)
        app.router.add_get("/paths", self._paths)
        app.router.add_get("/paths/{order}", self._paths_of_one)
        return app

    async def _record(self, request: web.Request) -> web.Response:
        order = await _event(request, self._name)
        now = time.time()
        sighting = {
            "order": order.get("order"),
            "path": order["path"],
            "version": request.headers.get("version"),
            "seconds": max(0.0, now - order.get("accepted", now)),
        }
        self._seen.append(sighting)
        return web.json_response(sighting)

    async def _paths(self, request: web.Request) -> web.Response:
        return web.json_response(self._seen[int(request.query.get("from", "0")) :])

    async def _paths_of_one(self, request: web.Request) -> web.Response:
        name = request.match_info["order"]
        return web.json_response([seen for seen in self._seen if seen["order"] == name])


async def pass_on(
    name: str,
    session: aiohttp.ClientSession,
    url: str,
    order: Mapping[str, Any],
    headers: Mapping[str, str],
) -> web.Response:
    """Send an order to the next service and return its response; raises 502 on failure."""
    try:
        async with session.post(url, json=order, headers=propagated(headers)) as response:
            body = await response.read()
            return web.Response(
                status=response.status, body=body, content_type=response.content_type
            )
    except (aiohttp.ClientError, TimeoutError) as error:
        raise web.HTTPBadGateway(text=f"{name} cannot reach {url}: {error}") from error


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


async def _event(request: web.Request, name: str) -> dict[str, Any]:
    order = await json_object(request)
    order["path"] = [*order.get("path", ()), name]
    return order


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of the body; raises 400 for any other body."""
    try:
        order = json.loads(await request.text())
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"the body is not JSON: {error}") from error
    if not isinstance(order, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return order
