"""What the responses of SQS have in common, however they are parsed."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from gateway.ports import EntryError

if TYPE_CHECKING:
    from collections.abc import Mapping

LEASE_LOST_CODES: Final = frozenset(
    {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"}
)
"""Codes of an entry whose lease ended: the message may be another consumer's by now."""

RAW_RECEIVE: Final = "RawBody"
_FIRST_NOT_OK: Final = 300
_QUERY_PREFIX: Final = "AWS.SimpleQueueService."


def keep_raw_receive(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Keep the bytes of a receive's response from the SDK's parser, for the gateway's own.

    The SDK's reads cut-off JSON as `{}`, and fails for all messages where it cannot read one.
    A hook for botocore's `before-parse.sqs.ReceiveMessage`.
    """
    if response_dict["status_code"] < _FIRST_NOT_OK:
        customized_response_dict[RAW_RECEIVE] = response_dict["body"]
        response_dict["body"] = b"{}"


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
            code = short_code(str(entry.get("Code") or ""))
            why = f"{code}: {entry.get('Message') or ''}"
            failed[position] = EntryError(
                code,
                why,
                lease_lost=code in LEASE_LOST_CODES,
                sender_fault=entry.get("SenderFault") is True,
            )
    return failed


def short_code(code: str) -> str:
    """Return the code without the query protocol's own prefix: `KMS.` says whose code it is."""
    return code.removeprefix(_QUERY_PREFIX)
