"""Where queues for the contract are made: in memory, or in an SQS behind the gateway's adapter."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.core.addresses import parse_queue
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.core.messages.message import Attribute
    from gateway.ports import Source

LEASE = 30

SqsKind = SdkSqsSource | NativeSqsSource


@dataclass(frozen=True, slots=True)
class Sending:
    """A message to send, as a producer sees it."""

    body: str = "{}"
    attributes: Mapping[str, Attribute] | None = None
    group: str | None = None
    deduplication_id: str | None = None


class Backend(ABC):
    """Where queues of one kind are made; sends go round the port, as a producer's do."""

    @abstractmethod
    async def queue(
        self, *, fifo: bool = False, visibility_seconds: int = LEASE, dead_letters: str = ""
    ) -> Source:
        """Make a queue; `dead_letters` is "standard" or "fifo" for one with such a queue beside it.

        It is not open yet.
        """

    @abstractmethod
    async def missing(self) -> Source:
        """Return a queue that does not exist."""

    @abstractmethod
    async def send(self, queue: Source, sending: Sending) -> str:
        """Send a message; return its id."""

    @abstractmethod
    def dead_letters(self, queue: Source) -> Source:
        """Return the dead-letter queue beside a queue."""


class InMemory(Backend):
    """Queues in memory."""

    async def queue(
        self, *, fifo: bool = False, visibility_seconds: int = LEASE, dead_letters: str = ""
    ) -> Source:
        beside = (
            InMemorySource(named("dead", fifo=dead_letters == "fifo")) if dead_letters else None
        )
        return InMemorySource(
            named("orders", fifo=fifo), visibility_seconds=visibility_seconds, dead_letters=beside
        )

    async def missing(self) -> Source:
        queue = InMemorySource()
        queue.missing = True
        return queue

    async def send(self, queue: Source, sending: Sending) -> str:
        assert isinstance(queue, InMemorySource)
        return queue.send(
            sending.body,
            attributes=sending.attributes,
            group=sending.group,
            deduplication_id=sending.deduplication_id,
        )

    def dead_letters(self, queue: Source) -> Source:
        assert isinstance(queue, InMemorySource)
        assert queue.dead_letters is not None
        return queue.dead_letters


class Sqs(Backend):
    """Queues of the SQS that the SDK is pointed at, through the gateway's own adapter."""

    def __init__(self, clients: SqsClients, kind: type[SqsKind] = SdkSqsSource) -> None:
        self._clients, self._kind = clients, kind
        self._beside: dict[int, SqsKind] = {}

    async def queue(
        self, *, fifo: bool = False, visibility_seconds: int = LEASE, dead_letters: str = ""
    ) -> Source:
        address = parse_queue(await self._create(fifo, visibility_seconds))
        if not dead_letters:
            return self._kind(self._clients, address)
        beside = parse_queue(await self._create(dead_letters == "fifo", LEASE))
        queue = self._kind(self._clients, address, beside)
        self._beside[id(queue)] = self._kind(self._clients, beside)
        return queue

    async def missing(self) -> Source:
        return self._kind(self._clients, parse_queue(named("missing", fifo=False)))

    async def send(self, queue: Source, sending: Sending) -> str:
        client = await self._client()
        response = await client.send_message(
            QueueUrl=(await queue.open()).url,
            MessageBody=sending.body,
            MessageAttributes={
                name: on_the_wire(each) for name, each in (sending.attributes or {}).items()
            },
            **given(MessageGroupId=sending.group),
            **given(MessageDeduplicationId=sending.deduplication_id),
        )
        return str(response["MessageId"])

    def dead_letters(self, queue: Source) -> Source:
        return self._beside[id(queue)]

    async def _create(self, fifo: bool, visibility_seconds: int) -> str:  # noqa: FBT001
        client = await self._client()
        response = await client.create_queue(
            QueueName=named("orders", fifo=fifo),
            Attributes={
                "VisibilityTimeout": str(visibility_seconds),
                **given(FifoQueue="true" if fifo else None),
            },
        )
        return str(response["QueueUrl"])

    async def _client(self) -> Any:
        return await self._clients.client(parse_queue("any"), receiving=False)


def named(stem: str, *, fifo: bool) -> str:
    """Return a name that no other test uses."""
    return f"{stem}-{uuid4().hex[:12]}{'.fifo' if fifo else ''}"


def given(**members: str | None) -> dict[str, str]:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def on_the_wire(value: Attribute) -> dict[str, Any]:
    """Return an attribute as boto takes it."""
    if value.binary:
        return {"DataType": value.data_type, "BinaryValue": base64.b64decode(value.text)}
    return {"DataType": value.data_type, "StringValue": value.text}
