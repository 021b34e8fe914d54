"""A in front of a topic: it produces orders with a plain client, keyed by their customer."""

from __future__ import annotations

import asyncio
import json
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from confluent_kafka import KafkaException, Producer

from gateway.demo.services.chain import new_app, propagated
from gateway.demo.services.front import new_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from confluent_kafka import KafkaError, Message

POLL_SECONDS: Final = 0.05


class TopicFront:
    """A: sends orders to the topic; headers of the request become those of the record."""

    def __init__(self, name: str, brokers: str, topic: str) -> None:
        self._name = name
        self._topic = topic
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 1,
                "log_level": 2,
            }
        )

    def app(self) -> web.Application:
        """Return the application: POST /orders."""
        app = new_app(self._connected)
        app.router.add_post("/orders", self._send)
        return app

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        """Take confirmations while the application runs."""
        stopping = Event()
        polling = Thread(target=self._poll, args=(stopping,), daemon=True)
        polling.start()
        yield
        stopping.set()
        await asyncio.to_thread(polling.join)

    def _poll(self, stopping: Event) -> None:
        while not stopping.is_set():
            self._producer.poll(POLL_SECONDS)

    async def _send(self, request: web.Request) -> web.Response:
        order = await new_order(request, self._name)
        try:
            record = await self._produce(order, propagated(request.headers))
        except (KafkaException, BufferError) as error:
            text = f"{self._name} cannot produce to the topic {self._topic}: {error}"
            raise web.HTTPServiceUnavailable(text=text) from error
        place = f"{record.topic()}/{record.partition()}/{record.offset()}"
        body = {"order": order["order"], "message_id": place}
        return web.json_response(body, status=web.HTTPAccepted.status_code)

    async def _produce(self, order: Mapping[str, Any], headers: Mapping[str, str]) -> Message:
        loop = asyncio.get_running_loop()
        confirmed: asyncio.Future[Message] = loop.create_future()

        def on_delivery(error: KafkaError | None, record: Message) -> None:
            loop.call_soon_threadsafe(settle, error, record)

        def settle(error: KafkaError | None, record: Message) -> None:
            if confirmed.done():
                return
            if error is None:
                confirmed.set_result(record)
            else:
                confirmed.set_exception(KafkaException(error))

        customer = order.get("customer")
        self._producer.produce(
            self._topic,
            json.dumps(order).encode(),
            None if customer is None else str(customer).encode(),
            headers=[(name, value.encode()) for name, value in headers.items()],
            on_delivery=on_delivery,
        )
        return await confirmed
