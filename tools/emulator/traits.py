"""Queue attributes: their names, values and meaning.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tools.emulator.errors import invalid, invalid_attribute_name, invalid_attribute_value

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS: Final = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
FIFO_DEFAULTS: Final = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoQueue": "true",
    "FifoThroughputLimit": "perQueue",
}
COMPUTED: Final = frozenset(
    {
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "QueueArn",
    }
)
_RANGES: Final = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_CHOICES: Final = {
    "ContentBasedDeduplication": {"true", "false"},
    "DeduplicationScope": {"queue", "messageGroup"},
    "FifoThroughputLimit": {"perQueue", "perMessageGroupId"},
    "SqsManagedSseEnabled": {"true", "false"},
}
_FREE: Final = frozenset(
    {
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "Policy",
        "RedriveAllowPolicy",
        "RedrivePolicy",
    }
)
NAMES: Final = frozenset(DEFAULTS) | frozenset(FIFO_DEFAULTS) | COMPUTED | _FREE
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where a message goes after how many receives."""

    target_arn: str
    max_receive_count: int


@dataclass(frozen=True, slots=True)
class Traits:
    """The attributes of a queue, parsed."""

    fifo: bool
    delay_seconds: int
    wait_seconds: int
    visibility_seconds: int
    max_bytes: int
    deduplicates_by_content: bool
    deduplicates_by_group: bool
    redrive: Redrive | None


def parse_traits(attributes: Mapping[str, str]) -> Traits:
    """Read checked attributes."""
    return Traits(
        fifo=attributes.get("FifoQueue") == "true",
        delay_seconds=int(attributes["DelaySeconds"]),
        wait_seconds=int(attributes["ReceiveMessageWaitTimeSeconds"]),
        visibility_seconds=int(attributes["VisibilityTimeout"]),
        max_bytes=int(attributes["MaximumMessageSize"]),
        deduplicates_by_content=attributes.get("ContentBasedDeduplication") == "true",
        deduplicates_by_group=attributes.get("DeduplicationScope") == "messageGroup",
        redrive=parse_redrive(attributes.get("RedrivePolicy", "")),
    )


def parse_redrive(policy: str) -> Redrive | None:
    """Read a redrive policy; "" means none. Raises SqsError where it is not one."""
    if not policy:
        return None
    try:
        parsed: Any = json.loads(policy)
        redrive = Redrive(parsed["deadLetterTargetArn"], int(parsed["maxReceiveCount"]))
    except (ValueError, KeyError, TypeError):
        raise invalid_attribute_value("RedrivePolicy") from None
    if not 1 <= redrive.max_receive_count <= 1000:
        raise invalid("maxReceiveCount must be between 1 and 1000")
    return redrive


def check_name(name: str, attributes: Mapping[str, str]) -> None:
    """Raise SqsError for an illegal queue name, or a suffix of the other kind of queue."""
    if not _NAME.fullmatch(name):
        raise invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )
    if name.endswith(".fifo") != (attributes.get("FifoQueue") == "true"):
        raise invalid("The name of a FIFO queue, and of no other, ends in .fifo")


def check(attributes: Mapping[str, str], *, fifo: bool) -> None:
    """Raise SqsError for the first attribute that such a queue cannot have."""
    for name, value in attributes.items():
        if name in FIFO_DEFAULTS and not fifo:
            raise invalid_attribute_name(name)
        if name not in _FREE and not _allowed(name, str(value)):
            raise invalid_attribute_value(name)


def _allowed(name: str, value: str) -> bool:
    if name == "FifoQueue":
        return value == "true"
    if name in _CHOICES:
        return value in _CHOICES[name]
    if name not in _RANGES:
        raise invalid_attribute_name(name)
    low, high = _RANGES[name]
    return value.isdigit() and low <= int(value) <= high
