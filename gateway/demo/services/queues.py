"""A queue of the chain, used with a plain SDK: what a service sends says nothing of versions."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from aiobotocore.session import get_session
from aiohttp import web
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.addresses import parse_queue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

CONNECTIONS: Final = 50
BATCH: Final = 10
SqsFailure: Final = (BotoCoreError, ClientError)


class Queue:
    """One queue, found at its first use: a service may start before its queue exists.

    Credentials, region and endpoint are those of every AWS SDK.
    """

    def __init__(self, queue: str) -> None:
        self.name = parse_queue(queue).name
        self._sqs: Any = None
        self._url = ""

    async def connected(self, _: web.Application) -> AsyncIterator[None]:
        """Hold a client open while the application runs."""
        config = Config(max_pool_connections=CONNECTIONS)
        # botocore alone among the SDKs reads only AWS_DEFAULT_REGION; EKS and ECS set AWS_REGION.
        region = os.environ.get("AWS_REGION")
        session = get_session()
        async with session.create_client("sqs", region_name=region, config=config) as self._sqs:
            yield

    async def send(
        self, order: Mapping[str, Any], attributes: Mapping[str, str] | None = None
    ) -> str:
        """Send an order, and return the message's id; raises SqsFailure."""
        sent = await self._sqs.send_message(
            QueueUrl=await self._find(),
            MessageBody=json.dumps(order),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in (attributes or {}).items()
            },
        )
        return str(sent["MessageId"])

    async def receive(self, wait_seconds: int) -> list[dict[str, Any]]:
        """Receive up to BATCH messages; raises SqsFailure."""
        received = await self._sqs.receive_message(
            QueueUrl=await self._find(), MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait_seconds
        )
        messages: list[dict[str, Any]] = received.get("Messages", [])
        return messages

    async def delete(self, message: Mapping[str, Any]) -> None:
        """Delete a received message; raises SqsFailure."""
        receipt = message["ReceiptHandle"]
        await self._sqs.delete_message(QueueUrl=await self._find(), ReceiptHandle=receipt)

    async def _find(self) -> str:
        if not self._url:
            self._url = (await self._sqs.get_queue_url(QueueName=self.name))["QueueUrl"]
        return self._url


class NextQueue:
    """The next hop by a queue: orders are sent without attributes."""

    def __init__(self, name: str, queue: str) -> None:
        self._name = name
        self._queue = Queue(queue)

    async def connected(self, app: web.Application) -> AsyncIterator[None]:
        """Hold the queue's client open while the application runs."""
        async for _ in self._queue.connected(app):
            yield

    async def pass_on(self, order: Mapping[str, Any], _headers: Mapping[str, str]) -> web.Response:
        """Send an order on; raises 503 on failure."""
        message_id = await send(self._name, self._queue, order)
        return web.json_response({"message_id": message_id})


async def send(
    name: str,
    queue: Queue,
    order: Mapping[str, Any],
    attributes: Mapping[str, str] | None = None,
) -> str:
    """Send an order for a request, and return the message's id; raises 503 on failure."""
    try:
        return await queue.send(order, attributes)
    except SqsFailure as error:
        text = f"{name} cannot send to the queue {queue.name}: {error}"
        raise web.HTTPServiceUnavailable(text=text) from error
