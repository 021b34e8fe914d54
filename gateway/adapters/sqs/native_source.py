"""An SQS queue whose frequent calls bypass the SDK: receive, delete and change of visibility.

All other calls, and queues that only the SDK can reach, are left to the SDK. Why:
docs/adr/0010-a-native-sqs-client.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.adapters.sqs.endpoint import call_native
from gateway.adapters.sqs.errors import FAILURES, to_source_error
from gateway.adapters.sqs.json_protocol import (
    RequestBodies,
    parse_batch_response,
    parse_receive_response,
)
from gateway.adapters.sqs.receive_attempt_ids import ReceiveAttemptIds
from gateway.adapters.sqs.sdk_source import SdkSqsSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.adapters.sqs.endpoint import Endpoint
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Message
    from gateway.ports import Batch, EntryError, SourceTraits

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
    """A `Source`: one SQS queue, and its dead-letter queue if any."""

    def __init__(
        self, clients: SqsClients, address: QueueAddress, dead_letter: QueueAddress | None = None
    ) -> None:
        self._sdk = SdkSqsSource(clients, address, dead_letter)
        self._clients = clients
        self._address = address
        self._attempt_ids = ReceiveAttemptIds() if address.fifo else None
        self._endpoint: Endpoint | None = None
        self._bodies = RequestBodies("")

    async def open(self) -> SourceTraits:
        """Find the queue, and where it can be called without the SDK."""
        try:
            traits = await self._sdk.open()
        finally:
            self._bodies = RequestBodies(self._sdk.url)
        try:
            self._endpoint = await self._clients.endpoint(self._address)
        except FAILURES as error:
            raise to_source_error(error, "resolve") from error
        return traits

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """ReceiveMessage, with every attribute; on FIFO a lost response is asked for again."""
        endpoint = self._endpoint
        if endpoint is None:
            return await self._sdk.receive(limit, wait_seconds, lease_seconds)
        body = self._bodies.receive(limit, wait_seconds, lease_seconds)
        if self._attempt_ids is None:
            return parse_receive_response(
                await call_native(endpoint, _RECEIVE, body, repeated=True)
            )
        with self._attempt_ids.attempt() as attempt_id:
            body = self._bodies.attempt(body, attempt_id)
            response = await call_native(endpoint, _RECEIVE, body)
            return parse_receive_response(response, in_order=True)

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """DeleteMessageBatch; its status is 200 even where entries failed."""
        endpoint = self._endpoint
        if endpoint is None:
            return await self._sdk.ack(receipts)
        response = await call_native(endpoint, _DELETE, self._bodies.delete(receipts))
        return parse_batch_response(_DELETE[0], response, len(receipts))

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """ChangeMessageVisibilityBatch."""
        endpoint = self._endpoint
        if endpoint is None:
            return await self._sdk.set_leases(leases)
        response = await call_native(endpoint, _CHANGE, self._bodies.change(leases))
        return parse_batch_response(_CHANGE[0], response, len(leases))

    async def dead_letter(self, message: Message, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Leave it to the SDK: few messages are dead letters."""
        return await self._sdk.dead_letter(message, attributes)

    async def close(self) -> None:
        """Close nothing: connections are shared, and closed by their owner."""
        await self._sdk.close()
