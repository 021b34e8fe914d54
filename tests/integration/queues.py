"""Queues as a sender and an operator see them, over boto3."""

from __future__ import annotations

import json
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tests.integration.children import REGION
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_BATCH = 10
_BATCH_BYTES = 900_000


@dataclass(frozen=True)
class Draft:
    """A message to send: attribute values are str, int or bytes."""

    body: str = "{}"
    attributes: Mapping[str, str | int | bytes] = field(default_factory=dict)
    group: str | None = None
    trace: str | None = None

    def entry(self) -> dict[str, Any]:
        """Return it as SendMessage wants it."""
        entry: dict[str, Any] = {"MessageBody": self.body}
        if self.attributes:
            attributes = {name: _attribute(value) for name, value in self.attributes.items()}
            entry["MessageAttributes"] = attributes
        if self.group is not None:
            entry |= {"MessageGroupId": self.group, "MessageDeduplicationId": uuid.uuid4().hex}
        if self.trace is not None:
            trace = {"DataType": "String", "StringValue": self.trace}
            entry["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
        return entry


@dataclass(frozen=True)
class Sent:
    """A message that SQS took, under its id."""

    message_id: str
    draft: Draft

    def received(self) -> dict[str, Any]:
        """Return it in the shape that ReceiveMessage returns, for `gateway explain`."""
        system = {} if self.draft.group is None else {"MessageGroupId": self.draft.group}
        attributes = {name: _attribute(value) for name, value in self.draft.attributes.items()}
        for attribute in attributes.values():
            if "BinaryValue" in attribute:
                attribute["BinaryValue"] = b64encode(attribute["BinaryValue"]).decode()
        return {
            "MessageId": self.message_id,
            "Body": self.draft.body,
            "Attributes": system,
            "MessageAttributes": attributes,
        }


@dataclass(frozen=True)
class Queue:
    """One queue."""

    client: Any
    name: str
    url: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def send(self, body: str = "{}", **more: Any) -> Sent:
        """Send one message; `more` takes the other fields of Draft."""
        draft = Draft(body, **more)
        answer = self.client.send_message(QueueUrl=self.url, **draft.entry())
        return Sent(answer["MessageId"], draft)

    def send_all(self, drafts: Sequence[Draft]) -> list[Sent]:
        """Send many, in batches, in order."""
        return [sent for batch in _batches(drafts) for sent in self._send_batch(batch)]

    def _send_batch(self, drafts: Sequence[Draft]) -> list[Sent]:
        entries = [{"Id": str(at), **draft.entry()} for at, draft in enumerate(drafts)]
        answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        assert not answer.get("Failed"), answer
        ids = {int(entry["Id"]): entry["MessageId"] for entry in answer["Successful"]}
        return [Sent(ids[at], draft) for at, draft in enumerate(drafts)]

    def counts(self) -> tuple[int, int, int]:
        """Return how many messages are visible, in flight and delayed."""
        names = list(_COUNTS)
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        visible, in_flight, delayed = (int(answer["Attributes"][name]) for name in _COUNTS)
        return visible, in_flight, delayed

    def wait_for_counts(self, visible: int, in_flight: int) -> None:
        """Wait until so many messages are visible and in flight."""
        until(
            lambda: self._as_expected((visible, in_flight, 0)),
            f"queue {self.name} to have {visible} visible and {in_flight} in flight",
        )

    def wait_until_empty(self) -> None:
        """Wait until every message is deleted."""
        self.wait_for_counts(0, 0)

    def _as_expected(self, expected: tuple[int, int, int]) -> _Verdict:
        """Look twice: moto counts one number after the other, and a lease may end in between."""
        first = _Verdict(self.counts(), expected)
        return first and _Verdict(self.counts(), expected)

    def take(self, count: int) -> list[dict[str, Any]]:
        """Receive and delete, until there are so many; return them as they came."""
        taken: list[dict[str, Any]] = []
        until(lambda: len(self._take_into(taken)) >= count, f"{count} messages in {self.name}")
        return taken

    def _take_into(self, taken: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        for message in answer.get("Messages", ()):
            taken.append(message)
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return taken


@dataclass(frozen=True)
class _Verdict:
    """Counts beside what they should be: true when they are alike, and readable when not."""

    counts: tuple[int, int, int]
    expected: tuple[int, int, int]

    def __bool__(self) -> bool:
        return self.counts == self.expected


class Sqs:
    """An SQS at an endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
        )

    def create(self, name: str, **attributes: str) -> Queue:
        """Create a queue; `RedrivePolicy=redrive(...)` and the like are its attributes."""
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        answer = self.client.create_queue(QueueName=name, Attributes=attributes)
        return Queue(self.client, name, answer["QueueUrl"])

    def close(self) -> None:
        """Let go of connections."""
        self.client.close()


def redrive(target: Queue, max_receive_count: int) -> str:
    """Return a redrive policy."""
    policy = {"deadLetterTargetArn": target.arn, "maxReceiveCount": max_receive_count}
    return json.dumps(policy)


def _attribute(value: str | int | bytes) -> dict[str, Any]:
    match value:
        case bytes():
            return {"DataType": "Binary", "BinaryValue": value}
        case int():
            return {"DataType": "Number", "StringValue": str(value)}
        case str():
            return {"DataType": "String", "StringValue": value}


def _batches(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    """Ten at a time, as long as they fit into one request."""
    batch: list[Draft] = []
    size = 0
    for draft in drafts:
        weight = len(draft.body.encode()) + sum(len(str(v)) for v in draft.attributes.values())
        if batch and (len(batch) == _BATCH or size + weight > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(draft)
        size += weight
    if batch:
        yield batch
