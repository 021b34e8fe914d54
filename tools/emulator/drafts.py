"""From a send request to a draft: everything that SQS checks before it takes a message."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final

from tools.emulator import errors
from tools.emulator.messages import Attributes, Draft, sha256, value_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.emulator.traits import Traits

MAX_ATTRIBUTES: Final = 10
MAX_DELAY_SECONDS: Final = 900
_ILLEGAL: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_NAME: Final = re.compile(r"(?!(?i:aws\.|amazon\.))[\w-]+(?:\.[\w-]+)*", re.ASCII)
_ATTRIBUTE_TYPE: Final = re.compile(r"(String|Number|Binary)(?:\..+)?")
_TOKEN: Final = re.compile(r"[!-~]{1,128}")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def draft_of(request: Mapping[str, Any], traits: Traits) -> Draft:
    """Return the message to send; raises SqsError where SQS refuses it."""
    body = request.get("MessageBody")
    if not body:
        raise errors.missing("MessageBody")
    _check_text(body)
    attributes: Attributes = request.get("MessageAttributes") or {}
    _check_attributes(attributes)
    _check_size(body, attributes, traits.max_bytes)
    _check_order(request, traits)
    trace = (request.get("MessageSystemAttributes") or {}).get("AWSTraceHeader", {})
    return Draft(
        body,
        attributes,
        request.get("MessageGroupId"),
        request.get("MessageDeduplicationId") or (sha256(body) if traits.fifo else None),
        trace.get("StringValue"),
    )


def delay_of(request: Mapping[str, Any], traits: Traits) -> int | None:
    """Return the delay asked for, or None for the queue's own."""
    seconds = request.get("DelaySeconds")
    if seconds is None:
        return None
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        reason = f"DelaySeconds must be >= 0 and <= {MAX_DELAY_SECONDS}."
        raise errors.invalid_value(seconds, "DelaySeconds", reason)
    if seconds and traits.fifo:
        reason = "The request include parameter that is not valid for this queue type."
        raise errors.invalid_value(seconds, "DelaySeconds", reason)
    return int(seconds)


def size_of(request: Mapping[str, Any]) -> int:
    """Return the size that counts against the limit: body and attributes, in bytes."""
    attributes: Attributes = request.get("MessageAttributes") or {}
    return len(str(request.get("MessageBody", "")).encode("utf-8", "replace")) + sum(
        len(name.encode()) + len(attribute.get("DataType", "")) + len(value_bytes(attribute))
        for name, attribute in attributes.items()
    )


def _check_size(body: str, attributes: Attributes, max_bytes: int) -> None:
    if size_of({"MessageBody": body, "MessageAttributes": attributes}) > max_bytes:
        reason = f"Message must be shorter than {max_bytes} bytes."
        raise errors.invalid(f"One or more parameters are invalid. Reason: {reason}")


def _check_text(text: str) -> None:
    if _ILLEGAL.search(text):
        why = "The message contains characters outside the set of XML 1.0."
        raise errors.modeled("InvalidMessageContents", why, code="InvalidMessageContents")


def _check_attributes(attributes: Attributes) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        limit = f"exceeds the allowed maximum [{MAX_ATTRIBUTES}]."
        raise errors.invalid(f"Number of message attributes [{len(attributes)}] {limit}")
    for name, attribute in attributes.items():
        _check_attribute(name, attribute)


def _check_attribute(name: str, attribute: Mapping[str, Any]) -> None:
    if len(name) > 256 or not _ATTRIBUTE_NAME.fullmatch(name):
        raise errors.invalid(f"The message attribute name '{name}' is invalid.")
    kind = _ATTRIBUTE_TYPE.fullmatch(str(attribute.get("DataType", "")))
    if kind is None:
        raise errors.invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    text = attribute.get("BinaryValue" if kind[1] == "Binary" else "StringValue")
    if not text:
        raise errors.invalid(f"The message attribute '{name}' must contain a non-empty value.")
    _check_value(name, kind[1], text)


def _check_value(name: str, kind: str, text: str) -> None:
    if kind == "Binary":
        try:
            base64.b64decode(text, validate=True)
        except binascii.Error:
            raise errors.invalid(f"The message attribute '{name}' is not base64.") from None
        return
    _check_text(text)
    if kind == "Number" and not _NUMBER.fullmatch(text):
        raise errors.invalid(f"Can't cast the value of message attribute '{name}' to a number.")


def _check_order(request: Mapping[str, Any], traits: Traits) -> None:
    group, deduplication = request.get("MessageGroupId"), request.get("MessageDeduplicationId")
    for name, text in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if text is not None and not _TOKEN.fullmatch(text):
            raise errors.invalid_value(text, name, "1 to 128 visible ASCII characters are allowed.")
    if not traits.fifo:
        if deduplication is not None:
            reason = "The request include parameter that is not valid for this queue type."
            raise errors.invalid_value(deduplication, "MessageDeduplicationId", reason)
    elif group is None:
        raise errors.missing("MessageGroupId")
    elif deduplication is None and not traits.deduplicates_by_content:
        raise errors.invalid(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
