"""A, the service in front of the chain: it sends an order as a message, or as a request."""

from __future__ import annotations

import time
import uuid
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.demo.services.chain import json_object, new_app, propagated
from gateway.demo.services.queues import Queue, send

if TYPE_CHECKING:
    from gateway.demo.services.chain import Next, Order


class Front:
    """A: sends orders to the queue, and with `to` to the next service too."""

    def __init__(self, name: str, queue: str, to: Next | None = None) -> None:
        self._name = name
        self._queue = Queue(queue)
        self._next = to

    def app(self) -> web.Application:
        """Return the application: POST /orders, and with a next service POST /orders/now."""
        app = new_app(self._queue.connected)
        app.router.add_post("/orders", self._send)
        if self._next:
            app.cleanup_ctx.append(self._next.connected)
            app.router.add_post("/orders/now", partial(self._call, self._next))
        return app

    async def _send(self, request: web.Request) -> web.Response:
        order = await new_order(request, self._name)
        message_id = await send(self._name, self._queue, order, propagated(request.headers))
        body = {"order": order["order"], "message_id": message_id}
        return web.json_response(body, status=web.HTTPAccepted.status_code)

    async def _call(self, to: Next, request: web.Request) -> web.Response:
        return await to.pass_on(await new_order(request, self._name), request.headers)


async def new_order(request: web.Request, name: str) -> Order:
    """Return the order of a request, as A sends it on."""
    order = await json_object(request)
    order.setdefault("order", str(uuid.uuid4()))
    order.update(path=[name], accepted=time.time())
    return order
