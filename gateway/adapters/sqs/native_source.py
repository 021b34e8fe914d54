"""Queue whose hot calls go round the SDK: receive, delete and change of visibility, in batches.

A batch of ten costs 740 to 970 us of Python in the SDK, and 50 to 110 here. All else, and queues
that only the SDK can reach, is left to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.adapters.sqs.endpoint import SqsError
from gateway.adapters.sqs.errors import FAILURES, queue_error, refusal
from gateway.adapters.sqs.json_protocol import Calls, received, settled
from gateway.adapters.sqs.receive_attempt_ids import ReceiveAttemptIds
from gateway.adapters.sqs.sdk_source import SdkSqsSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.adapters.sqs.endpoint import Endpoint
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Message
    from gateway.ports import EntryError, SourceTraits

RECEIVE_SECONDS: Final = 30.0  # the longest long poll is 20 s
SETTLE_SECONDS: Final = 10.0

_RECEIVE: Final = "receive_message", "AmazonSQS.ReceiveMessage", RECEIVE_SECONDS
_DELETE: Final = "delete_message_batch", "AmazonSQS.DeleteMessageBatch", SETTLE_SECONDS
_CHANGE: Final = (
    "change_message_visibility_batch",
    "AmazonSQS.ChangeMessageVisibilityBatch",
    SETTLE_SECONDS,
)


class NativeSqsSource:
    """One queue of SQS, and its dead-letter queue, as a `Queue`."""

    def __init__(
        self, clients: SqsClients, address: QueueAddress, dead_letter: QueueAddress | None = None
    ) -> None:
        self._sdk = SdkSqsSource(clients, address, dead_letter)
        self._clients, self._address = clients, address
        self._attempts = ReceiveAttemptIds() if address.fifo else None
        self._endpoint: Endpoint | None = None
        self._calls = Calls("")

    async def open(self) -> SourceTraits:
        """Find the queue, and whether it can be called without the SDK."""
        try:
            traits = await self._sdk.open()
        finally:
            self._calls = Calls(self._sdk.url)
        try:
            self._endpoint = await self._clients.endpoint(self._address)
        except FAILURES as error:
            raise queue_error(error, "resolve") from error
        return traits

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> list[Message]:
        """ReceiveMessage, with every attribute; on FIFO a lost answer is asked for again."""
        endpoint = self._endpoint
        if endpoint is None:
            return await self._sdk.receive(limit, wait_seconds, lease_seconds)
        body = self._calls.receive(limit, wait_seconds, lease_seconds)
        if self._attempts is None:
            return received(await _answer(endpoint, _RECEIVE, body, again=True))
        with self._attempts.one() as attempt_id:
            return received(
                await _answer(endpoint, _RECEIVE, self._calls.attempt(body, attempt_id))
            )

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """DeleteMessageBatch; it answers 200 even where entries failed."""
        endpoint = self._endpoint
        if endpoint is None:
            return await self._sdk.ack(receipts)
        answer = await _answer(endpoint, _DELETE, self._calls.delete(receipts))
        return settled(_DELETE[0], answer, len(receipts))

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """ChangeMessageVisibilityBatch."""
        endpoint = self._endpoint
        if endpoint is None:
            return await self._sdk.set_leases(leases)
        answer = await _answer(endpoint, _CHANGE, self._calls.change(leases))
        return settled(_CHANGE[0], answer, len(leases))

    async def dead_letter(self, message: Message, marks: Mapping[str, str]) -> tuple[str, ...]:
        """Leave it to the SDK: it is not for every message."""
        return await self._sdk.dead_letter(message, marks)

    async def close(self) -> None:
        """Nothing of its own to let go of: connections are shared and closed by their owner."""
        await self._sdk.close()


async def _answer(
    endpoint: Endpoint, operation: tuple[str, str, float], body: bytes, *, again: bool = False
) -> bytes:
    name, target, seconds = operation
    try:
        return await endpoint.call(target, body, seconds, repeated=again)
    except SqsError as error:
        raise refusal(name, error.code, str(error)) from error
    except FAILURES as error:
        raise queue_error(error, name) from error
