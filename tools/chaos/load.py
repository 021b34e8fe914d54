"""A paced load: messages of every route, some pinned, some that every service rejects."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Final

from tools.chaos import routes
from tools.chaos.drafts import Drafts

if TYPE_CHECKING:
    from tools.chaos.drafts import Draft
    from tools.chaos.plan import Plan
    from tools.chaos.sqs import Sqs

TICK_SECONDS: Final = 0.1
_SHARES: Final = {
    routes.CANARY: 26,
    routes.REJECTS: 18,
    routes.GROUPS: 12,
    routes.QUEUES: 12,
    routes.LANES: 10,
    routes.MIXED: 10,
    routes.ENVELOPES: 6,
    routes.SENDERS: 6,
}
_BATCH: Final = 10


class Load:
    """Sends at the plan's rate; `sent` counts the accepted messages.

    `pins` has the one place that may get a message, by source queue and body.
    """

    def __init__(self, plan: Plan, sqs: Sqs) -> None:
        self._plan, self._sqs = plan, sqs
        self._random = plan.random("load")
        self._drafts = Drafts(plan, self._random)
        self.sent = 0
        self.pins: dict[tuple[str, str], str] = {}

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
            drafts = [self._drafts.draw(queue) for each in chosen if each == queue]
            by_sender = itertools.groupby(sorted(drafts, key=_sender_of), _sender_of)
            for sender, those in by_sender:
                batch = list(those)
                for first in range(0, len(batch), _BATCH):
                    await self._send_batch(queue, sender, batch[first : first + _BATCH])

    async def _send_batch(self, queue: str, sender: str, drafts: list[Draft]) -> None:
        entries = [draft.entry for draft in drafts]
        response = await self._sqs.send(queue, entries, sender)
        self.sent += len(response["Successful"])
        for draft in drafts:
            if draft.version:
                place = routes.place_of(queue, draft.version)
                self.pins[queue, draft.entry["MessageBody"]] = place


def _sender_of(draft: Draft) -> str:
    return draft.sender
