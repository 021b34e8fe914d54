"""An SQS queue over aiobotocore: every call that the gateway makes to SQS.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.adapters.sqs.json_protocol import parse_receive_response
from gateway.adapters.sqs.queue_attributes import (
    ATTRIBUTES,
    account_of,
    parse_redrive,
)
from gateway.adapters.sqs.receive_attempt_ids import ReceiveAttemptIds
from gateway.adapters.sqs.responses import RAW_RECEIVE, to_wire_attribute
from gateway.adapters.sqs.sdk_calls import call_sdk, identify, look_up, parse_batch
from gateway.core.delivery.dead_letter import copy_attributes
from gateway.ports import Ordering, SourceError, SourceTraits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Message
    from gateway.ports import Batch, EntryError


class SdkSqsSource:
    """A `Source`: one SQS queue, and its dead-letter queue if any."""

    def __init__(
        self, clients: SqsClients, address: QueueAddress, dead_letter: QueueAddress | None = None
    ) -> None:
        self._clients = clients
        self._address = address
        self._dead_letter = dead_letter
        self._url = ""
        self._dead_letter_url = ""
        self._attempt_ids = ReceiveAttemptIds()
        self._ordering = Ordering.GROUP if address.fifo else Ordering.NONE

    @property
    def url(self) -> str:
        """The queue's URL, once it is known."""
        return self._url

    async def open(self) -> SourceTraits:
        """Find the URL by name or ARN and read the queue's visibility timeout."""
        self._url = await self._url_of(self._address)
        response = await self._call(
            self._address,
            "get_queue_attributes",
            needs="Attributes",
            QueueUrl=self._url,
            AttributeNames=list(ATTRIBUTES),
        )
        if self._dead_letter is not None:
            self._dead_letter_url = await self._dead_letter_url_of(self._dead_letter)
        return await self._traits(response["Attributes"])

    async def _traits(self, attributes: Mapping[str, Any]) -> SourceTraits:
        redrive = parse_redrive(attributes)
        account = account_of(attributes.get("QueueArn"))
        dead_letters = []
        if redrive is not None:  # SQS has it in the account and the region of the queue
            beside = f"{self._url.rpartition('/')[0]}/{redrive.queue}"
            dead_letters.append(await identify(self._clients, self._address, beside, account))
        if self._dead_letter is not None:
            url = self._dead_letter_url
            dead_letters.append(await identify(self._clients, self._dead_letter, url))
        try:  # the response to ReceiveMessage does not contain the timeout
            return SourceTraits(
                self._url,
                int(attributes.get("VisibilityTimeout") or 0),
                self._ordering,
                redrive=redrive,
                identity=await identify(self._clients, self._address, self._url, account),
                dead_letters=frozenset(dead_letters),
            )
        except ValueError as error:
            raise SourceError(f"get_queue_attributes: VisibilityTimeout: {error}") from error

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
        """ReceiveMessage, with every attribute; on FIFO a lost response is asked for again."""
        wanted = {
            "MaxNumberOfMessages": limit,
            "WaitTimeSeconds": wait_seconds,
            "VisibilityTimeout": lease_seconds,
        }
        if not self._address.fifo:
            return parse_receive_response(await self._receive(wanted))
        with self._attempt_ids.attempt() as attempt_id:
            body = await self._receive({**wanted, "ReceiveRequestAttemptId": attempt_id})
            return parse_receive_response(body, in_order=True)

    async def _receive(self, wanted: Mapping[str, Any]) -> bytes:
        response = await self._call(
            self._address,
            "receive_message",
            QueueUrl=self._url,
            MessageSystemAttributeNames=["All"],
            AttributeNames=["All"],  # the same by its old name, which some emulators know alone
            MessageAttributeNames=["All"],
            **wanted,
        )
        body: bytes = response[RAW_RECEIVE]
        return body

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """DeleteMessageBatch; its status is 200 even where entries failed."""
        entries = [
            {"Id": str(position), "ReceiptHandle": receipt}
            for position, receipt in enumerate(receipts)
        ]
        response = await self._call(
            self._address, "delete_message_batch", QueueUrl=self._url, Entries=entries
        )
        return parse_batch("delete_message_batch", response, len(entries))

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """ChangeMessageVisibilityBatch."""
        entries = [
            {"Id": str(position), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for position, (receipt, seconds) in enumerate(leases)
        ]
        response = await self._call(
            self._address,
            "change_message_visibility_batch",
            QueueUrl=self._url,
            Entries=entries,
        )
        return parse_batch("change_message_visibility_batch", response, len(entries))

    async def dead_letter(self, message: Message, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """SendMessage to the dead-letter queue; a FIFO one gets the group and the message id."""
        target = self._dead_letter
        if target is None:
            raise SourceError("no dead-letter queue is configured")
        copied, dropped = copy_attributes(message, attributes)
        try:
            wire_attributes = {
                name: to_wire_attribute(value.data_type, value.text, binary=value.binary)
                for name, value in copied.items()
            }
        except ValueError as error:
            raise SourceError(f"send_message: a Binary attribute is not base64: {error}") from error
        fifo = (
            {
                "MessageGroupId": message.group or message.message_id,
                # A copy that is sent again, since the first response was lost, stays one message.
                "MessageDeduplicationId": message.message_id,
            }
            if target.fifo
            else {}
        )
        await self._call(
            target,
            "send_message",
            needs="MessageId",
            QueueUrl=self._dead_letter_url,
            MessageBody=message.body,
            MessageAttributes=wire_attributes,
            **fifo,
        )
        return dropped

    async def close(self) -> None:
        """Close nothing: clients are shared, and closed by their owner."""

    async def _url_of(self, address: QueueAddress) -> str:
        return address.url or await look_up(self._clients, address)

    async def _dead_letter_url_of(self, address: QueueAddress) -> str:
        """Look it up even where its URL is known: a missing queue must show at the start.

        A role that may only send to that URL is enough.
        """
        try:
            found = await look_up(self._clients, address)
        except SourceError as error:
            if address.url is None or not error.code.startswith("AccessDenied"):
                why = f"dead-letter queue {address.text}: {error.why}"
                raise SourceError(why, error.code, error.what_to_do) from error
            found = address.url
        return address.url or found

    async def _call(
        self, address: QueueAddress, operation: str, *, needs: str = "", **arguments: Any
    ) -> Any:
        return await call_sdk(self._clients, address, operation, needs=needs, **arguments)
