"""The JSON of the native client's requests and responses. Pure.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ (ReceiveMessage,
DeleteMessageBatch, ChangeMessageVisibilityBatch, SendMessageBatch)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson

from gateway.adapters.sqs.responses import find_failed_entries
from gateway.core.messages.message import message_from_receive
from gateway.ports import Batch, SourceError, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.ports import EntryError

_MAX_ENTRIES: Final = 10
_IDS: Final = tuple(map(str, range(_MAX_ENTRIES)))
_ALL_IDS: Final = tuple(frozenset(_IDS[:count]) for count in range(_MAX_ENTRIES + 1))


class RequestBodies:
    """The bodies of the requests to one queue, `url`."""

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
                b'"MessageSystemAttributeNames":["All"],"AttributeNames":["All"],'  # its old name
                b'"MessageAttributeNames":["All"]}' % (self._start, *wanted)
            )
        return body

    def attempt(self, receive: bytes, attempt_id: str) -> bytes:
        """Return the body of a FIFO receive that can be repeated under its attempt id."""
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

    def send(self, entries: Sequence[Mapping[str, Any]]) -> bytes:
        """Return the body of a SendMessageBatch; an entry's id is its position."""
        return self._batch(
            [{"Id": name, **entry} for name, entry in zip(_IDS, entries, strict=False)]
        )

    def _batch(self, entries: list[dict[str, Any]]) -> bytes:
        return b'%b,"Entries":%b}' % (self._start, _json(entries))


def parse_receive_response(body: bytes, *, in_order: bool = False) -> Batch:
    """Return the messages of a ReceiveMessage response; raises SourceError if it is unreadable.

    Only `{}` is an empty receive, and null is what absent is: SQS may have leased messages to any
    other response. A message that cannot be read does not keep the others back; `in_order` it does
    those of its group that come after it.
    """
    read = _read("receive_message", body, "; its messages come back when their lease ends")
    messages = read.get("Messages")
    if messages is None and all(member is None for member in read.values()):
        return Batch()
    if not isinstance(messages, list):
        raise SourceError(
            "receive_message: the response has members, but no list of Messages", "InvalidResponse"
        )
    try:
        return Batch([_message(raw) for raw in messages])
    except ValueError:
        return _read_each(messages, in_order=in_order)


def _message(raw: Any) -> Message:
    message = message_from_receive(raw)
    if not message.receipt:
        raise ValueError("ReceiptHandle: missing")  # it could not be deleted
    return message


def _read_each(messages: list[Any], *, in_order: bool) -> Batch:
    """Return the readable messages of a batch that has others too."""
    readable: list[Message] = []
    unreadable: list[Unreadable] = []
    behind: set[Any] = set()  # groups; None: any group
    for raw in messages:
        try:
            message = _message(raw)
        except ValueError as error:
            unreadable.append(Unreadable(_text_of(raw, "MessageId") or "", str(error)))
            behind.add(_text_of(raw["Attributes"], "MessageGroupId") if _has_group(raw) else None)
            continue
        if in_order and (None in behind or message.group in behind):
            why = "it comes after a message of its group that cannot be read"
            unreadable.append(Unreadable(message.message_id, why))
        else:
            readable.append(message)
    if not readable and not any(each.message_id for each in unreadable):
        why = unreadable[0].why if unreadable else ""
        raise SourceError(f"receive_message: no message is readable: {why}", "InvalidResponse")
    batch = Batch(readable)
    batch.unreadable = unreadable
    return batch


def _has_group(raw: Any) -> bool:
    return isinstance(raw, dict) and bool(_text_of(raw.get("Attributes"), "MessageGroupId"))


def _text_of(members: Any, name: str) -> str | None:
    value = members.get(name) if isinstance(members, dict) else None
    return value if isinstance(value, str) else None


def parse_batch_response(operation: str, body: bytes, entries: int) -> Mapping[int, EntryError]:
    """Return failed entries by position; one that the response does not mention failed too.

    Raises SourceError for an unreadable response, which confirms nothing.
    """
    read = _read(operation, body, ", and confirms nothing")
    try:
        # The usual case first: nothing failed.
        if (
            not read.get("Failed")
            and {one["Id"] for one in read["Successful"]} == _ALL_IDS[entries]
        ):
            return {}
        return find_failed_entries(read, entries)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        why = f"{operation}: the response confirms nothing: {type(error).__name__}: {error}"
        raise SourceError(why, "InvalidResponse") from error


def _read(operation: str, body: bytes, so: str) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except ValueError:
        read = _read_slowly(body)
    if not isinstance(read, dict):
        raise SourceError(
            f"{operation}: the response is cut off, or not SQS's{so}", "InvalidResponse"
        )
    return read


def _read_slowly(body: bytes) -> Any:
    """Read what orjson rejects and the SDK accepts: half a surrogate pair, above all."""
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair
        return json.dumps(value).encode()
