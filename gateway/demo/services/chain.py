"""The services behind the queue, as their teams would write them: none knows of a canary.

Each knows its own name and its next hop, puts its name on the path of an order and hands on the
headers that belong to the request, as any service with tracing does.
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

CARRIED: Final = ("version", "baggage", "traceparent", "tracestate")
"""Headers of the request as a whole. They go on to the next hop unread."""


class Hop:
    """B, B1, C and C1: take an event and call the next service, the only one they know."""

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
    """D: the end of the chain remembers every order that it sees, as often as it sees it."""

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
    """Send an order to the next service; its answer is ours, or 502 where it cannot be reached."""
    try:
        async with session.post(url, json=order, headers=carried(headers)) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise web.HTTPBadGateway(text=f"{name} cannot reach {url}: {error}") from error


def carried(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a service hands on to the next."""
    return {name: headers[name] for name in CARRIED if name in headers}


def new_app(connected: Connected | None = None) -> web.Application:
    """Return an application that answers /healthz; `connected` is its start and its end."""
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
    """Return the JSON object that is the body; anything else is answered with 400."""
    try:
        order = json.loads(await request.text())
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"the body is not JSON: {error}") from error
    if not isinstance(order, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return order
