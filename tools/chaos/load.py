"""A paced load: messages of every route, some pinned, some that every service rejects."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any, Final

from tools.chaos import routes

if TYPE_CHECKING:
    from tools.chaos.plan import Plan
    from tools.chaos.sqs import Sqs

TICK_SECONDS: Final = 0.1
_SHARES: Final = {routes.CANARY: 55, routes.REJECTS: 33, routes.GROUPS: 12}
_POISONED: Final = 0.01
_BATCH: Final = 10


class Load:
    """Sends at the plan's rate; `sent` counts the accepted messages by queue."""

    def __init__(self, plan: Plan, sqs: Sqs) -> None:
        self._plan, self._sqs = plan, sqs
        self._random = plan.random("load")
        self._numbers = itertools.count()
        self.sent = dict.fromkeys(routes.SOURCES, 0)

    async def run(self, until: float) -> None:
        """Send until that time of the loop."""
        loop = asyncio.get_running_loop()
        began, done = loop.time(), 0
        while loop.time() < until:
            due = int((loop.time() - began) * self._plan.rate)
            await self._send(due - done)
            done = due
            await asyncio.sleep(TICK_SECONDS)

    async def _send(self, count: int) -> None:
        chosen = self._random.choices(list(_SHARES), list(_SHARES.values()), k=count)
        for queue in routes.SOURCES:
            entries = [self._entry(queue) for each in chosen if each == queue]
            for first in range(0, len(entries), _BATCH):
                batch = entries[first : first + _BATCH]
                response = await self._sqs.call("SendMessageBatch", QueueUrl=queue, Entries=batch)
                self.sent[queue] += len(response["Successful"])

    def _entry(self, queue: str) -> dict[str, Any]:
        number, random = next(self._numbers), self._random
        content: dict[str, Any] = {"number": number}
        if random.random() < _POISONED and not self._plan.calm:
            content["poison"] = True
        entry: dict[str, Any] = {"Id": str(number), "MessageBody": json.dumps(content)}
        if queue == routes.GROUPS:
            group = f"g{random.randrange(self._plan.groups)}"
            return entry | {"MessageGroupId": group, "MessageDeduplicationId": str(number)}
        if random.random() < 0.2:
            tag = random.choice(["v1", "v2", "v9"])
            version = {"DataType": "String", "StringValue": tag}
            entry["MessageAttributes"] = {"version": version}
        return entry
