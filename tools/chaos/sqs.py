"""A client of the emulator: one connection, plain JSON."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.bench.channel import Channel
from tools.chaos import routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tools.emulator.rules import Rule

_ACCOUNT = "arn:aws:sqs:us-east-1:000000000000:"
_PART = 2_000


class Sqs:
    """Queues, histories and faults."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._channel: Channel | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Connect."""
        self._channel = await Channel.open(int(self.url.rpartition(":")[2]))

    def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            self._channel.close()

    async def create_queues(self) -> None:
        """Make the queues of all routes; the canary's has a redrive policy."""
        targets = (each.name for each in routes.VERSION_QUEUES)
        dead = (routes.CANARY_DEAD, *routes.COPIES.values())
        for name in (*dead, *targets, *routes.SOURCES):
            attributes = {"VisibilityTimeout": "30"}
            if name.endswith(".fifo"):
                attributes["FifoQueue"] = "true"
            if name == routes.CANARY:
                target = {"deadLetterTargetArn": _ACCOUNT + routes.CANARY_DEAD}
                policy = target | {"maxReceiveCount": routes.MAX_RECEIVES}
                attributes["RedrivePolicy"] = json.dumps(policy)
            await self.call("CreateQueue", QueueName=name, Attributes=attributes)

    async def call(self, operation: str, **members: Any) -> Any:
        """Call an operation of SQS."""
        target = {"x-amz-target": f"AmazonSQS.{operation}"}
        return await self._asked("POST", "/", members, target)

    async def send(self, queue: str, entries: Sequence[Any], sender: str = "") -> Any:
        """SendMessageBatch by that sender, or by nobody whom SQS knows."""
        headers = {"x-amz-target": "AmazonSQS.SendMessageBatch"}
        if sender:
            headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={sender}/_"
        members = {"QueueUrl": queue, "Entries": entries}
        return await self._asked("POST", "/", members, headers)

    async def set_faults(self, rules: Sequence[Rule], seed: object) -> None:
        """Let these faults strike from now on; none are calm, and what hangs is cut off."""
        members = {"rules": [asdict(rule) for rule in rules], "seed": str(seed)} if rules else {}
        await self._asked("POST", "/_faults", members)

    async def faults(self) -> dict[str, dict[str, int]]:
        """Return how many struck, by kind and operation."""
        found: dict[str, dict[str, int]] = (await self._asked("GET", "/_faults"))["injected"]
        return found

    async def summary(self, queue: str) -> dict[str, Any]:
        """Return a queue in numbers."""
        found: dict[str, Any] = await self._asked("GET", f"/_history/{queue}")
        return found

    async def histories(self, queue: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the history of each message, in order of sending."""
        first = 0
        while part := await self._asked("GET", f"/_history/{queue}/messages/{first}/{_PART}"):
            for history in part:
                yield history
            first += len(part)

    async def _asked(
        self,
        method: str,
        path: str,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        assert self._channel is not None
        body = json.dumps(members or {}).encode()
        async with self._turn:
            status, response = await self._channel.request(method, path, body, headers)
        assert status == 200, response
        return json.loads(response)
