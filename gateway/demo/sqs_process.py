"""The process of the embedded SQS: ministack, with a SenderId for each message by its credentials.

ministack says the account's number for every sender. In front of it, in the same process, the
sender of each message is kept from the requests that send, and put into the responses that receive.
Only the JSON protocol is read, which every current SDK speaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from gateway.demo.senders import sender_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping

    Event = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Event]]
    Send = Callable[[Event], Awaitable[None]]
    App = Callable[[Event, Receive, Send], Awaitable[None]]

SENDS: Final = frozenset({b"AmazonSQS.SendMessage", b"AmazonSQS.SendMessageBatch"})
RECEIVE: Final = b"AmazonSQS.ReceiveMessage"
OK: Final = 200


class Senders:
    """An ASGI application in front of an SQS: it keeps the sender of each message by its id.

    Source: https://asgi.readthedocs.io/en/latest/specs/www.html
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._senders: dict[str, str] = {}

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at its response where it is of such an operation."""
        headers = dict(scope.get("headers", ()))
        target = headers.get(b"x-amz-target", b"")
        if target in SENDS:
            sender = sender_id(headers.get(b"authorization", b"").decode("latin-1"))
            send = _Body(send, lambda response: self._keep(response, sender))
        elif target == RECEIVE:
            send = _Body(send, self._fill_in)
        await self._app(scope, receive, send)

    def _keep(self, response: dict[str, Any], sender: str) -> None:
        for message_id in _message_ids(response):
            self._senders.setdefault(message_id, sender)  # a duplicate on FIFO has the first one's

    def _fill_in(self, response: dict[str, Any]) -> None:
        for message in response.get("Messages", ()):
            attributes = message.get("Attributes", {})
            if "SenderId" in attributes:
                attributes["SenderId"] = self._senders.get(message["MessageId"], sender_id(""))


class _Body:
    """Collects a response and lets `look` read or change its JSON before it is sent."""

    def __init__(self, send: Send, look: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._look = look
        self._start: Event = {}
        self._body = b""

    async def __call__(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self._start = event
            return
        self._body += event.get("body", b"")
        if not event.get("more_body", False):
            await self._finish()

    async def _finish(self) -> None:
        if self._start["status"] == OK:
            response = orjson.loads(self._body)
            self._look(response)
            self._body = orjson.dumps(response)
        length = (b"content-length", b"%d" % len(self._body))
        others = [h for h in self._start["headers"] if h[0].lower() != length[0]]
        await self._send({**self._start, "headers": [*others, length]})
        await self._send({"type": "http.response.body", "body": self._body})


def _message_ids(response: dict[str, Any]) -> Iterator[str]:
    for sent in response.get("Successful", (response,)):
        yield sent["MessageId"]


def main() -> None:
    """Serve until SIGTERM; ministack reads its settings from the environment."""
    from ministack import app as ministack  # noqa: PLC0415 - the extra `demo` has it

    ministack.app = Senders(ministack.app)  # its main() serves it by this name
    ministack.main()


if __name__ == "__main__":
    main()
