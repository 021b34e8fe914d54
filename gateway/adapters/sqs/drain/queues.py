"""The two queues of a drain over aiobotocore.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.sqs.drain.ends import Depth, NotSent
from gateway.adapters.sqs.errors import FAILURES, to_source_error
from gateway.adapters.sqs.responses import find_failed_entries, short_code, to_wire_attribute
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Message

COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_THROTTLED: Final = "Throttl"


class SqsEnd:
    """A queue whose URL is known: a `To`, and a `Depths`."""

    def __init__(self, clients: SqsClients, address: QueueAddress, url: str) -> None:
        self._clients = clients
        self._address = address
        self._url = url

    async def depth(self) -> Depth:
        """GetQueueAttributes."""
        response = await self._call("get_queue_attributes", AttributeNames=list(COUNTS))
        try:
            counts = response["Attributes"]
            return Depth(*(int(counts[name]) for name in COUNTS))
        except (KeyError, TypeError, ValueError) as error:
            why = f"get_queue_attributes: the response has no counts ({error!r})"
            raise SourceError(why, "InvalidResponse") from error

    async def send(self, messages: Sequence[Message]) -> Mapping[int, NotSent]:
        """SendMessageBatch; its status is 200 even where entries failed."""
        entries = [_entry(at, each, fifo=self._address.fifo) for at, each in enumerate(messages)]
        response = await self._call("send_message_batch", Entries=entries)
        try:
            failed = find_failed_entries(response, len(entries))
            at_fault = {each["Id"] for each in response.get("Failed") or () if _is_refused(each)}
        except (*FAILURES, KeyError) as error:
            why = f"send_message_batch: the response is not SQS's ({error!r})"
            raise SourceError(why, "InvalidResponse") from error
        return {at: NotSent(error.why, str(at) in at_fault) for at, error in failed.items()}

    async def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            client = await self._clients.client(self._address, receiving=False)
            return await getattr(client, operation)(QueueUrl=self._url, **arguments)
        except FAILURES as error:
            raise to_source_error(error, operation) from error


def _is_refused(entry: Mapping[str, Any]) -> bool:
    """Whether SQS blames the message; it blames the sender for throttling too."""
    return bool(entry.get("SenderFault")) and _THROTTLED not in short_code(entry.get("Code") or "")


def _entry(at: int, message: Message, *, fifo: bool) -> dict[str, Any]:
    """Return a message as it came, without a delay.

    Its own deduplication ids are unique for five minutes alone; a backlog is sent in less, so they
    would lose messages. SQS itself takes the message id when it moves messages (a FIFO dead-letter
    queue).
    """
    entry: dict[str, Any] = {"Id": str(at), "MessageBody": message.body}
    if message.attributes:
        entry["MessageAttributes"] = {
            name: to_wire_attribute(each.data_type, each.text, binary=each.binary)
            for name, each in message.attributes.items()
        }
    if message.trace_header is not None:
        trace = {"DataType": "String", "StringValue": message.trace_header}
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
    if message.group is not None:
        entry["MessageGroupId"] = message.group
    if fifo:
        entry["MessageDeduplicationId"] = message.message_id
    else:
        entry["DelaySeconds"] = 0
    return entry
