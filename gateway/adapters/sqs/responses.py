"""Reads SQS's responses into the gateway's types; one that is cut off is an error."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from gateway.core.messages.message import message_from_receive
from gateway.ports import EntryError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.messages.message import Message

LEASE_LOST_CODES: Final = frozenset(
    {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"}
)
"""Codes of an entry whose lease ended: the message may be another consumer's by now."""

RAW_RECEIVE: Final = "RawBody"


def keep_raw_receive(
    response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Keep the bytes of a receive's response: the SDK reads cut-off JSON as `{}`.

    A hook for botocore's `before-parse.sqs.ReceiveMessage`.
    """
    customized_response_dict[RAW_RECEIVE] = response_dict["body"]


def check_complete(response: Mapping[str, Any]) -> None:
    """Raise SourceError where a response without messages is not an empty receive.

    SQS has leased messages to one that was cut off, so it must not pass as an empty queue.
    """
    if response.get("Messages"):
        return
    try:
        empty = isinstance(json.loads(response.get(RAW_RECEIVE, b"{}")), dict)
    except ValueError:
        empty = False
    if not empty:
        why = "receive_message: the response is cut off, or not SQS's; its messages come back"
        raise SourceError(f"{why} when their lease ends", "InvalidResponse")


def parse_messages(response: Mapping[str, Any]) -> list[Message]:
    """Return the messages of a ReceiveMessage response; raises SourceError if it is unreadable."""
    try:
        return [_message(raw) for raw in response.get("Messages", ())]
    except ValueError as error:
        raise SourceError(f"receive_message: a message is not readable: {error}") from error


def _message(raw: Mapping[str, Any]) -> Message:
    attributes = raw.get("MessageAttributes")
    if attributes:
        for attribute in attributes.values():
            if "BinaryValue" in attribute:
                attribute["BinaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode()
    return message_from_receive(raw)


def to_wire_attribute(data_type: str, text: str, *, binary: bool) -> dict[str, Any]:
    """Return a message attribute as SendMessage expects it; `text` is base64 for a binary one."""
    if binary:
        return {"DataType": data_type, "BinaryValue": base64.b64decode(text)}
    return {"DataType": data_type, "StringValue": text}


def find_failed_entries(response: Mapping[str, Any], entries: int) -> dict[int, EntryError]:
    """Return failed entries by position; one that the response does not mention failed too.

    Raises a ValueError, TypeError, AttributeError or KeyError for a response of another shape.
    """
    positions = {str(position): position for position in range(entries)}
    failed = {
        position: EntryError("Unmentioned", "SQS's response does not mention the entry")
        for position in positions.values()
    }
    for entry in response.get("Successful") or ():
        failed.pop(positions.get(entry["Id"], -1), None)
    for entry in response.get("Failed") or ():
        position = positions.get(entry["Id"])
        if position is not None:
            code = short_code(str(entry.get("Code", "")))
            why = f"{code}: {entry.get('Message', '')}"
            failed[position] = EntryError(code, why, lease_lost=code in LEASE_LOST_CODES)
    return failed


def short_code(code: str) -> str:
    """Return the code without the query protocol's prefix, `AWS.SimpleQueueService.`."""
    return code.rpartition(".")[2]
