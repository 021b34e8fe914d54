"""The calls to the queue of a version: find it, ask about it, send to it.

Sends bypass the SDK where they can, as the frequent calls of a source do
(docs/adr/0010-a-native-sqs-client.md).
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.sqs.endpoint import call_native
from gateway.adapters.sqs.errors import FAILURES, to_source_error
from gateway.adapters.sqs.json_protocol import RequestBodies, parse_batch_response
from gateway.adapters.sqs.responses import to_wire_attribute
from gateway.adapters.sqs.sdk_calls import call_sdk, identify, look_up, parse_batch
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.adapters.sqs.endpoint import Endpoint
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Attribute, Message
    from gateway.ports import EntryError

_SEND: Final = "send_message_batch"
_SEND_TARGET: Final = "AmazonSQS.SendMessageBatch"


class QueueCalls:
    """Calls to one queue. Every method may raise SourceError."""

    def __init__(self, clients: SqsClients, address: QueueAddress, *, native: bool = True) -> None:
        self.address = address
        self._clients = clients
        self._native = native
        self._url = ""
        self._endpoint: Endpoint | None = None
        self._bodies = RequestBodies("")

    async def find(self) -> str:
        """Find the URL by name or ARN, nothing is asked where it was given; return the identity.

        That is what all addresses of the queue share, as in `SourceTraits`.
        """
        self._url = self.address.url or await look_up(self._clients, self.address)
        self._bodies = RequestBodies(self._url)
        if self._native:
            try:
                self._endpoint = await self._clients.endpoint(self.address)
            except FAILURES as error:
                raise to_source_error(error, "resolve") from error
        return await identify(self._clients, self.address, self._url)

    async def attributes(self, *names: str) -> Mapping[str, Any]:
        """GetQueueAttributes."""
        response = await call_sdk(
            self._clients,
            self.address,
            "get_queue_attributes",
            needs="Attributes",
            QueueUrl=self._url,
            AttributeNames=list(names),
        )
        attributes: Mapping[str, Any] = response["Attributes"]
        return attributes

    async def send(
        self, entries: Sequence[tuple[Message, Mapping[str, Attribute]]], seconds: float
    ) -> Mapping[int, EntryError]:
        """SendMessageBatch, each message with these attributes; returns failed ones by position.

        `seconds` may pass without a byte of the response; the SDK has a limit of its own.
        """
        endpoint = self._endpoint
        fifo = self.address.fifo
        if endpoint is not None:
            rendered = [_entry(message, _texts(those), fifo=fifo) for message, those in entries]
            body = self._bodies.send(rendered)
            response = await call_native(endpoint, (_SEND, _SEND_TARGET, seconds), body)
            return parse_batch_response(_SEND, response, len(entries))
        try:
            rendered = [_entry(message, _bytes(those), fifo=fifo) for message, those in entries]
        except ValueError as error:
            why = f"{_SEND}: a Binary attribute is not base64: {error}"
            raise SourceError(why, "InvalidAttributeValue") from error
        for position, entry in enumerate(rendered):
            entry["Id"] = str(position)
        found = await call_sdk(
            self._clients, self.address, _SEND, QueueUrl=self._url, Entries=rendered
        )
        return parse_batch(_SEND, found, len(entries))


def _entry(message: Message, attributes: dict[str, Any], *, fifo: bool) -> dict[str, Any]:
    """Return an entry without its id.

    The deduplication id of the source may have been used before within the five minutes that SQS
    remembers it, as a backlog is sent much faster than it came; the message id is unique.
    """
    entry: dict[str, Any] = {"MessageBody": message.body}
    if attributes:
        entry["MessageAttributes"] = attributes
    if message.trace_header:
        trace = {"DataType": "String", "StringValue": message.trace_header}
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
    if fifo:
        entry["MessageGroupId"] = group_of(message)
        entry["MessageDeduplicationId"] = message.message_id
        return entry
    entry["DelaySeconds"] = 0  # the message has waited already, so not the queue's own delay
    if message.group:
        entry["MessageGroupId"] = message.group
    return entry


def group_of(message: Message) -> str:
    """Return the group of a message on a FIFO queue; one that came without is its own group."""
    return message.group or message.message_id


def _texts(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """Return attributes as the JSON protocol has them, with binary values in base64."""
    return {
        name: {"DataType": kind, "BinaryValue" if kind[:6] == "Binary" else "StringValue": text}
        for name, (kind, text) in attributes.items()
    }


def _bytes(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """Return attributes as the SDK has them; raises ValueError for what is not base64."""
    return {
        name: to_wire_attribute(each.data_type, each.text, binary=each.binary)
        for name, each in attributes.items()
    }
