"""A, the service in front of the chain: it sends an order as a message, or as a request."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiobotocore.session import get_session
from aiohttp import web
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.addresses import parse_queue
from gateway.demo.services.chain import json_object, new_app, pass_on, propagated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONNECTIONS: Final = 50


class Front:
    """A: sends orders to the queue, and with `next_url` to the next service too."""

    def __init__(self, name: str, queue: str, next_url: str | None = None) -> None:
        self._name = name
        self._queue = parse_queue(queue).name
        self._next = next_url
        self._sqs: Any = None
        self._queue_url = ""
        self._session: aiohttp.ClientSession

    def app(self) -> web.Application:
        """Return the application: POST /orders, and with a next service POST /orders/now."""
        app = new_app(self._connected)
        app.router.add_post("/orders", self._send)
        if self._next:
            app.router.add_post("/orders/now", self._call)
        return app

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        config = Config(max_pool_connections=CONNECTIONS)
        # botocore alone among the SDKs reads only AWS_DEFAULT_REGION; EKS and ECS set AWS_REGION.
        region = os.environ.get("AWS_REGION")
        async with (
            get_session().create_client("sqs", region_name=region, config=config) as self._sqs,
            aiohttp.ClientSession() as self._session,
        ):
            yield

    async def _send(self, request: web.Request) -> web.Response:
        order = await self._order(request)
        try:
            sent = await self._sqs.send_message(
                QueueUrl=await self._find_queue(),
                MessageBody=json.dumps(order),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in propagated(request.headers).items()
                },
            )
        except (BotoCoreError, ClientError) as error:
            text = f"{self._name} cannot send to the queue {self._queue}: {error}"
            raise web.HTTPServiceUnavailable(text=text) from error
        body = {"order": order["order"], "message_id": sent["MessageId"]}
        return web.json_response(body, status=web.HTTPAccepted.status_code)

    async def _call(self, request: web.Request) -> web.Response:
        order = await self._order(request)
        return await pass_on(self._name, self._session, str(self._next), order, request.headers)

    async def _order(self, request: web.Request) -> dict[str, Any]:
        order = await json_object(request)
        order.setdefault("order", str(uuid.uuid4()))
        order.update(path=[self._name], accepted=time.time())
        return order

    async def _find_queue(self) -> str:
        """Get the queue's URL at the first order: A may start before the queue exists."""
        if not self._queue_url:
            found = await self._sqs.get_queue_url(QueueName=self._queue)
            self._queue_url = found["QueueUrl"]
        return self._queue_url
