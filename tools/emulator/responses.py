"""A received message in a response: the attributes asked for, and digests over just those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.emulator.messages import attributes_md5

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tools.emulator.messages import Draft, Message


def received(message: Message, system: Collection[str], names: Collection[str]) -> dict[str, Any]:
    """Return one entry of `Messages`; `system` and `names` are the attributes asked for."""
    draft = message.draft
    result: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": draft.body_md5,
        "Body": draft.body,
    }
    if system:
        result["Attributes"] = _chosen(_system_attributes(message), system)
    if names and draft.attributes:
        result |= _attributes(draft, names)
    return result


def sequence_number(message: Message) -> str:
    """Return it in the 20 digits that SQS writes."""
    return f"{message.sequence + 1:020d}"


def _system_attributes(message: Message) -> dict[str, str]:
    draft = message.draft
    found = {
        "SenderId": message.sender_id,
        "SentTimestamp": _milliseconds(message.sent_at),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": _milliseconds(message.first_received_at),
    }
    if draft.trace_header:
        found["AWSTraceHeader"] = draft.trace_header
    if draft.group is not None:
        found["MessageGroupId"] = draft.group
    if draft.deduplication_id is not None:
        found["MessageDeduplicationId"] = draft.deduplication_id
        found["SequenceNumber"] = sequence_number(message)
    if message.source_arn is not None:
        found["DeadLetterQueueSourceArn"] = message.source_arn
    return found


def _chosen(found: dict[str, str], names: Collection[str]) -> dict[str, str]:
    if "All" in names:
        return found
    return {name: value for name, value in found.items() if name in names}


def _attributes(draft: Draft, names: Collection[str]) -> Mapping[str, Any]:
    """Source: the description of MessageAttributeNames in API_ReceiveMessage."""
    prefixes = tuple("" if name == "All" else name[:-2] for name in names if _is_pattern(name))
    chosen = {
        name: attribute
        for name, attribute in draft.attributes.items()
        if name in names or (prefixes and name.startswith(prefixes))
    }
    if not chosen:
        return {}
    whole = len(chosen) == len(draft.attributes)
    md5 = draft.attributes_md5 if whole else attributes_md5(chosen)
    return {"MD5OfMessageAttributes": md5, "MessageAttributes": chosen}


def _is_pattern(name: str) -> bool:
    return name == "All" or name.endswith(".*")


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
