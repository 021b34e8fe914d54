"""In front of an SQS emulator that does not say who sent a message: it adds the SenderId.

`python -m gateway.demo.sender_front --port 4567 --to http://127.0.0.1:4566`. The chain's chart runs
it beside the emulator of a trial, in the same pod. What sends past it has no sender that is known.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import web

from gateway.demo.addresses import LOOPBACK
from gateway.demo.sqs_process import Senders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.demo.sqs_process import Event, Receive, Send

CONNECTION_HEADERS: Final = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"accept-encoding")
)
"""Headers of one connection, and what would let the emulator compress a body that is read here."""
MAX_BODY_BYTES: Final = 16 * 2**20
PATIENCE: Final = aiohttp.ClientTimeout(total=None)
"""A long poll takes as long as its caller waits."""


class Front:
    """Passes every request on to the emulator at `url`, and every response back."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._senders = Senders(self._forward)
        self._session: aiohttp.ClientSession

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.cleanup_ctx.append(self._connected)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        return app

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(self._url, timeout=PATIENCE) as self._session:
            yield

    async def _pass_on(self, request: web.Request) -> web.Response:
        scope = {
            "method": request.method,
            "path": str(request.rel_url),
            "headers": _kept((name.lower(), value) for name, value in request.raw_headers),
        }
        events: list[Event] = []

        async def receive() -> Event:
            return {"body": await request.read()}

        async def send(event: Event) -> None:
            events.append(event)

        try:
            await self._senders(scope, receive, send)
        except aiohttp.ClientError as error:
            text = f"the emulator at {self._url} cannot be reached: {error}"
            raise web.HTTPBadGateway(text=text) from error
        start, body = events
        headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        return web.Response(status=start["status"], body=body["body"], headers=headers)

    async def _forward(self, scope: Event, receive: Receive, send: Send) -> None:
        """Make the request to the emulator; the other side of it is ASGI."""
        sent = (await receive())["body"]
        headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
        async with self._session.request(
            scope["method"],
            scope["path"],
            data=sent or None,
            headers=headers,
            skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
        ) as response:
            body = await response.read()
            kept = _kept(response.raw_headers)
        await send({"type": "http.response.start", "status": response.status, "headers": kept})
        await send({"type": "http.response.body", "body": body})


def _kept(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in CONNECTION_HEADERS]


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=LOOPBACK, help="listen here; in a pod: 0.0.0.0")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--to", required=True, help="the emulator's URL")
    options = parser.parse_args()
    web.run_app(
        Front(options.to).app(),
        host=options.host,
        port=options.port,
        print=None,
        access_log=None,
    )


if __name__ == "__main__":
    main()
