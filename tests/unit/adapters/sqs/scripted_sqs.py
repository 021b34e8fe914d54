"""An SQS on loopback that gives scripted responses, and keeps what it was asked."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REGION = "eu-west-1"
ARN = f"arn:aws:sqs:{REGION}:123456789012:orders"


class ScriptedSqs:
    """`responses` are members of a 200 by operation, or (status, members, headers) of an error."""

    def __init__(self) -> None:
        self.url = ""
        self.responses: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def requests(self, operation: str) -> list[dict[str, Any]]:
        """Return the members of each request of an operation."""
        return [members for name, members in self.asked if name == operation]

    async def respond(self, request: web.Request) -> web.Response:
        """Give the response to a request."""
        operation = request.headers["x-amz-target"].partition(".")[2]
        members = json.loads(await request.read())
        self.asked.append((operation, members))
        response = self.responses.get(operation) or self._usual(operation, members)
        status, given, headers = response if isinstance(response, tuple) else (200, response, {})
        kind = "application/x-amz-json-1.0"
        return web.json_response(given, status=status, headers=headers, content_type=kind)

    def _usual(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetQueueUrl":
                return {"QueueUrl": f"{self.url}/123456789012/{members['QueueName']}"}
            case "GetQueueAttributes":
                return {"Attributes": {"VisibilityTimeout": "30"}}
            case _:
                return {}


@asynccontextmanager
async def scripted_sqs() -> AsyncIterator[ScriptedSqs]:
    """Serve one until the block ends."""
    sqs = ScriptedSqs()
    app = web.Application()
    app.router.add_post("/", sqs.respond)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sqs.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield sqs
    finally:
        await runner.cleanup()
