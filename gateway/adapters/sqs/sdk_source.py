"""Queue over aiobotocore: every call the gateway makes to SQS.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.adapters.sqs.errors import FAILURES, queue_error
from gateway.adapters.sqs.receive_attempt_ids import ReceiveAttemptIds
from gateway.adapters.sqs.responses import (
    check_complete,
    failed_entries,
    messages_of,
    wire_attribute,
)
from gateway.core.delivery.dead_letter import copy_attributes
from gateway.ports import Ordering, SourceError, SourceTraits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Message
    from gateway.ports import EntryError


class SdkSqsSource:
    """One queue of SQS, and its dead-letter queue, as a `Queue`."""

    def __init__(
        self, clients: SqsClients, address: QueueAddress, dead_letter: QueueAddress | None = None
    ) -> None:
        self._clients, self._address, self._dead_letter = clients, address, dead_letter
        self._url = ""
        self._dead_letter_url = ""
        self._attempts = ReceiveAttemptIds()
        self._ordering = Ordering.GROUP if address.fifo else Ordering.NONE

    @property
    def url(self) -> str:
        """The queue's URL, once it is known."""
        return self._url

    async def open(self) -> SourceTraits:
        """Find the URL by name or ARN and read the queue's visibility timeout."""
        self._url = await self._url_of(self._address)
        answer = await self._call(
            self._address,
            "get_queue_attributes",
            needs="Attributes",
            QueueUrl=self._url,
            AttributeNames=["VisibilityTimeout"],
        )
        if self._dead_letter is not None:
            self._dead_letter_url = await self._dead_letter_url_of(self._dead_letter)
        # ReceiveMessage never tells the timeout, so it has to be asked for.
        try:
            return SourceTraits(
                self._url, int(answer["Attributes"]["VisibilityTimeout"]), self._ordering
            )
        except ValueError as error:
            raise SourceError(f"get_queue_attributes: VisibilityTimeout: {error}") from error

    async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> list[Message]:
        """ReceiveMessage, with every attribute; on FIFO a lost answer is asked for again."""
        wanted = {
            "MaxNumberOfMessages": limit,
            "WaitTimeSeconds": wait_seconds,
            "VisibilityTimeout": lease_seconds,
        }
        if not self._address.fifo:
            return messages_of(await self._received(wanted))
        with self._attempts.one() as attempt_id:
            answer = await self._received({**wanted, "ReceiveRequestAttemptId": attempt_id})
        return messages_of(answer)

    async def _received(self, wanted: Mapping[str, Any]) -> Any:
        answer = await self._call(
            self._address,
            "receive_message",
            QueueUrl=self._url,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **wanted,
        )
        check_complete(answer)
        return answer

    async def ack(self, receipts: Sequence[str]) -> Mapping[int, EntryError]:
        """DeleteMessageBatch; it answers 200 even where entries failed."""
        entries = [
            {"Id": str(position), "ReceiptHandle": receipt}
            for position, receipt in enumerate(receipts)
        ]
        answer = await self._call(
            self._address, "delete_message_batch", QueueUrl=self._url, Entries=entries
        )
        return _settled("delete_message_batch", answer, len(entries))

    async def set_leases(self, leases: Sequence[tuple[str, int]]) -> Mapping[int, EntryError]:
        """ChangeMessageVisibilityBatch."""
        entries = [
            {"Id": str(position), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for position, (receipt, seconds) in enumerate(leases)
        ]
        answer = await self._call(
            self._address,
            "change_message_visibility_batch",
            QueueUrl=self._url,
            Entries=entries,
        )
        return _settled("change_message_visibility_batch", answer, len(entries))

    async def dead_letter(self, message: Message, marks: Mapping[str, str]) -> tuple[str, ...]:
        """SendMessage to the dead-letter queue; a FIFO one gets the group and the message id."""
        target = self._dead_letter
        if target is None:
            raise SourceError("no dead-letter queue is configured")
        attributes, dropped = copy_attributes(message, marks)
        try:
            wired = {
                name: wire_attribute(value.data_type, value.text, binary=value.binary)
                for name, value in attributes.items()
            }
        except ValueError as error:
            raise SourceError(f"send_message: a Binary attribute is no base64: {error}") from error
        fifo = (
            {
                "MessageGroupId": message.group or message.message_id,
                # A copy that was sent twice, the first answer being lost, stays one message.
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
            MessageAttributes=wired,
            **fifo,
        )
        return dropped

    async def close(self) -> None:
        """Nothing of its own to let go of: clients are shared and closed by their owner."""

    async def _url_of(self, address: QueueAddress) -> str:
        return address.url or await self._looked_up(address)

    async def _looked_up(self, address: QueueAddress) -> str:
        """GetQueueUrl; an emulator's URL may have any word where AWS has the account."""
        account = address.account if (address.account or "").isdigit() else None
        owner = {"QueueOwnerAWSAccountId": account} if account else {}
        answer = await self._call(
            address, "get_queue_url", needs="QueueUrl", QueueName=address.name, **owner
        )
        return str(answer["QueueUrl"])

    async def _dead_letter_url_of(self, address: QueueAddress) -> str:
        """Look for it even where its URL is known: better missed at the start than at a reject.

        A role that may only send to that URL is enough all the same.
        """
        try:
            found = await self._looked_up(address)
        except SourceError as error:
            if address.url is None or not error.code.startswith("AccessDenied"):
                raise SourceError(
                    f"dead-letter queue {address.text}: {error}", error.code
                ) from error
            found = address.url
        return address.url or found

    async def _call(
        self, address: QueueAddress, operation: str, *, needs: str = "", **arguments: Any
    ) -> Any:
        try:
            client = await self._clients.client(address, receiving=operation == "receive_message")
            answer = await getattr(client, operation)(**arguments)
        except FAILURES as error:
            raise queue_error(error, operation) from error
        if needs and needs not in answer:  # a 200 that is cut off is an empty success for the SDK
            raise SourceError(
                f"{operation}: the answer confirms nothing, it has no {needs}", "NoAnswer"
            )
        return answer


def _settled(operation: str, answer: Mapping[str, Any], entries: int) -> dict[int, EntryError]:
    try:
        return failed_entries(answer, entries)
    except FAILURES as error:
        raise queue_error(error, operation) from error
    except KeyError as error:
        raise SourceError(
            f"{operation}: an entry of the answer has no {error}", "NoAnswer"
        ) from error
