"""The JSON of the lean client's calls, both ways. Pure.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ (ReceiveMessage,
DeleteMessageBatch, ChangeMessageVisibilityBatch)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson

from gateway.adapters.sqs.responses import failed_entries
from gateway.core.messages.message import message_from_receive
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.ports import EntryError

_MAX_ENTRIES: Final = 10
_IDS: Final = tuple(map(str, range(_MAX_ENTRIES)))
_ALL_IDS: Final = tuple(frozenset(_IDS[:count]) for count in range(_MAX_ENTRIES + 1))


class Calls:
    """The bodies of calls to one queue."""

    def __init__(self, url: str) -> None:
        self._start = b'{"QueueUrl":' + _json(url)
        self._receives: dict[tuple[int, int, int], bytes] = {}

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> bytes:
        """Return the body of a ReceiveMessage."""
        wanted = limit, wait_seconds, visibility_seconds
        body = self._receives.get(wanted)
        if body is None:
            body = self._receives[wanted] = (
                b'%b,"MaxNumberOfMessages":%d,"WaitTimeSeconds":%d,"VisibilityTimeout":%d,'
                b'"MessageSystemAttributeNames":["All"],"MessageAttributeNames":["All"]}'
                % (self._start, *wanted)
            )
        return body

    def attempt(self, receive: bytes, attempt_id: str) -> bytes:
        """Return the body of a FIFO receive that can be asked for again."""
        return b'%b,"ReceiveRequestAttemptId":%b}' % (receive[:-1], _json(attempt_id))

    def delete(self, receipts: Sequence[str]) -> bytes:
        """Return the body of a DeleteMessageBatch; an entry's id is its position."""
        return self._batch(
            [
                {"Id": name, "ReceiptHandle": receipt}
                for name, receipt in zip(_IDS, receipts, strict=False)
            ]
        )

    def change(self, leases: Sequence[tuple[str, int]]) -> bytes:
        """Return the body of a ChangeMessageVisibilityBatch; an entry's id is its position."""
        return self._batch(
            [
                {"Id": name, "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for name, (receipt, seconds) in zip(_IDS, leases, strict=False)
            ]
        )

    def _batch(self, entries: list[dict[str, Any]]) -> bytes:
        return b'%b,"Entries":%b}' % (self._start, _json(entries))


def received(answer: bytes) -> list[Message]:
    """Return the messages of a ReceiveMessage's answer; raises QueueError for one without sense.

    Nothing but an answer that says so is an empty receive: any other has leased messages to us.
    """
    read = _read("receive_message", answer, "; its messages come back when their lease ends")
    if not read:
        return []
    messages = read.get("Messages")
    try:
        if isinstance(messages, list):
            return [message_from_receive(raw) for raw in messages]
    except (ValueError, TypeError, AttributeError) as error:
        raise SourceError(f"receive_message: a message is not readable: {error}") from error
    raise SourceError(
        "receive_message: the answer has members, but no list of Messages", "NoAnswer"
    )


def settled(operation: str, answer: bytes, entries: int) -> Mapping[int, EntryError]:
    """Return failed entries by position; one that the answer does not mention failed too.

    Raises QueueError for an answer without sense, which confirms nothing.
    """
    read = _read(operation, answer, ", and confirms nothing")
    try:
        # Gain: 13 of 17 us a batch over looking for what failed, which is seldom anything.
        if (
            not read.get("Failed")
            and {one["Id"] for one in read["Successful"]} == _ALL_IDS[entries]
        ):
            return {}
        return failed_entries(read, entries)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        why = f"{operation}: the answer confirms nothing: {type(error).__name__}: {error}"
        raise SourceError(why, "NoAnswer") from error


def _read(operation: str, answer: bytes, so: str) -> dict[str, Any]:
    try:
        read = orjson.loads(answer)
    except ValueError:
        read = _read_slowly(answer)
    if not isinstance(read, dict):
        raise SourceError(f"{operation}: the answer is cut off, or not SQS's{so}", "NoAnswer")
    return read


def _read_slowly(answer: bytes) -> Any:
    """Read what orjson refuses and the SDK takes: bodies with half a surrogate pair, above all."""
    try:
        return json.loads(answer.decode())
    except (ValueError, RecursionError):
        return None


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair
        return json.dumps(value).encode()
