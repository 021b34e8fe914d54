"""What a failed SendMessageBatch, or a failed entry of it, is as the result of a delivery.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html#API_SendMessageBatch_Errors
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.adapters.sqs.clients import SETTLE_READ_SECONDS
from gateway.adapters.sqs.error_hints import KMS_THROTTLED, kms_kind
from gateway.core.delivery.disposition import (
    Refused,
    Throttled,
    TimedOut,
    Unconfirmed,
    Unreachable,
)

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.ports import EntryError, SourceError

_SDK_TIMEOUT: Final = "ReadTimeoutError"
MISSING_CODES: Final = frozenset({"NonExistentQueue", "QueueDoesNotExist"})
_UNREACHABLE_CODES: Final = MISSING_CODES | {"AccessDenied", "AccessDeniedException"} | {
    "InvalidAddress",  # the queue is in another region or account
}  # fmt: skip
_THROTTLED_CODES: Final = frozenset(
    {"RequestThrottled", "Throttling", "ThrottlingException", "ThrottledException", "OverLimit"}
)
_CONTENT_CODES: Final = frozenset(
    {
        *("InvalidMessageContents", "InvalidParameterValue", "InvalidAttributeValue"),
        *("MissingParameter", "SerializationException", "MalformedInput"),
        # A batch is no longer than SQS allows, but an emulator, or the queue, may allow less.
        "BatchRequestTooLong",
    }
)


def is_about_content(code: str) -> bool:
    """Whether SQS refused a whole batch for what one of its messages is."""
    return code in _CONTENT_CODES


def is_unreachable(code: str) -> bool:
    """Whether a queue takes no message: it is missing, or access to it or its key is denied."""
    return code in _UNREACHABLE_CODES or kms_kind(code) not in (None, KMS_THROTTLED)


def is_throttled(code: str) -> bool:
    """Whether SQS or KMS limits the requests."""
    return code in _THROTTLED_CODES or kms_kind(code) == KMS_THROTTLED


def result_of_call(error: SourceError, queue: str) -> DeliveryResult:
    """Return the result of each message of a call that failed; of one message, if about content."""
    if is_unreachable(error.code):
        return Unreachable(f"queue {queue}: {error}")
    if is_about_content(error.code):
        return Refused(error.code, error.why)
    if error.code == _SDK_TIMEOUT:  # the native client's calls are cut by the version's timeout
        return TimedOut(SETTLE_READ_SECONDS)
    return Throttled(str(error)) if is_throttled(error.code) else Unconfirmed(str(error))


def result_of_entry(error: EntryError, queue: str) -> DeliveryResult:
    """Return the result of a message whose entry failed."""
    if is_unreachable(error.code):
        return Unreachable(f"queue {queue}: {error.why}")
    if is_throttled(error.code):
        return Throttled(error.why)
    if error.sender_fault:
        return Refused(error.code, error.why.removeprefix(f"{error.code}: "))
    return Unconfirmed(error.why)
