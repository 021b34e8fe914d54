"""A, the service in front of the queue: it takes orders over HTTP and sends each as a message."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from aiobotocore.session import get_session
from aiohttp import web
from botocore.config import Config

from gateway.demo.chain import carried, json_object, new_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONNECTIONS: Final = 50


class Front:
    """A: takes orders over HTTP and sends each to the queue."""

    def __init__(self, name: str, queue: str) -> None:
        self._name = name
        self._queue = queue
        self._sqs: Any = None
        self._queue_url = ""

    def app(self) -> web.Application:
        """Return the application: POST /orders."""
        app = new_app(self._connected)
        app.router.add_post("/orders", self._take)
        return app

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        config = Config(max_pool_connections=CONNECTIONS)
        async with get_session().create_client("sqs", config=config) as self._sqs:
            found = await self._sqs.get_queue_url(QueueName=self._queue)
            self._queue_url = found["QueueUrl"]
            yield

    async def _take(self, request: web.Request) -> web.Response:
        order = await json_object(request)
        order.setdefault("order", str(uuid.uuid4()))
        order.update(path=[self._name], accepted=time.time())
        sent = await self._sqs.send_message(
            QueueUrl=self._queue_url,
            MessageBody=json.dumps(order),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in carried(request.headers).items()
            },
        )
        answer = {"order": order["order"], "message_id": sent["MessageId"]}
        return web.json_response(answer, status=web.HTTPAccepted.status_code)
