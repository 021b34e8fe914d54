"""The two queues of a drain over aiobotocore, called as the queue of a version is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.adapters.sqs.clients import SETTLE_READ_SECONDS
from gateway.adapters.sqs.drain.ends import Depth, NotSent
from gateway.adapters.sqs.queue_calls import QueueCalls
from gateway.adapters.sqs.send_results import is_about_content, is_throttled
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Message
    from gateway.ports import EntryError

COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class SqsEnd:
    """A queue whose URL is known: a `To`, and a `Depths`."""

    def __init__(self, calls: QueueCalls) -> None:
        self._calls = calls

    async def depth(self) -> Depth:
        """GetQueueAttributes."""
        counts = await self._calls.attributes(*COUNTS)
        try:
            return Depth(*(int(counts[name]) for name in COUNTS))
        except (KeyError, TypeError, ValueError) as error:
            why = f"get_queue_attributes: the response has no counts ({error!r})"
            raise SourceError(why, "InvalidResponse") from error

    async def send(self, messages: Sequence[Message]) -> Mapping[int, NotSent]:
        """SendMessageBatch; where SQS refuses a batch for one of its messages, each alone."""
        entries = [(message, message.attributes) for message in messages]
        try:
            failed = await self._calls.send(entries, SETTLE_READ_SECONDS)
        except SourceError as error:
            if not is_about_content(error.code):
                raise
            if len(messages) == 1:
                return {0: NotSent(error.why, refused=True)}
            return await self._send_each(messages)
        return {at: NotSent(error.why, _is_refused(error)) for at, error in failed.items()}

    async def _send_each(self, messages: Sequence[Message]) -> Mapping[int, NotSent]:
        not_sent: dict[int, NotSent] = {}
        for at, message in enumerate(messages):
            try:
                failed = await self.send([message])
            except SourceError as error:  # those before it may have been sent
                failed = {0: NotSent(error.why)}
            if failed:
                not_sent[at] = failed[0]
        return not_sent


async def open_end(clients: SqsClients, address: QueueAddress, url: str) -> SqsEnd:
    """Return a queue that was found at this URL; nothing is asked for again."""
    calls = QueueCalls(clients, replace(address, url=url), native=False)
    await calls.find()
    return SqsEnd(calls)


def _is_refused(error: EntryError) -> bool:
    """Whether SQS blames the message; it blames the sender for throttling too."""
    return error.sender_fault and not is_throttled(error.code)
