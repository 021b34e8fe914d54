"""SQS's errors in its JSON protocol.

Those of the service model are in `com.amazonaws.sqs`; the rest come from the framework underneath.
Each also has the code of the older query protocol, which botocore names it by.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import Any, Final

MODELED: Final = "com.amazonaws.sqs#"
FRAMEWORK: Final = "com.amazon.coral.service#"
QUERY_PREFIX: Final = "AWS.SimpleQueueService."


class SqsError(Exception):
    """A response that is an error; `entry_code` is its code as an entry of a batch."""

    def __init__(
        self, kind: str, code: str, why: str, *, status: int = 400, entry_code: str = ""
    ) -> None:
        super().__init__(why)
        self.kind = kind
        self.code = code
        self.why = why
        self.status = status
        self.entry_code = entry_code or code

    @property
    def query_error(self) -> str:
        """Return the value of the header `x-amzn-query-error`."""
        return f"{self.code};{'Sender' if self.status < 500 else 'Receiver'}"

    def body(self) -> dict[str, str]:
        """Return the JSON body."""
        return {"__type": self.kind, "message": self.why}

    def entry(self, entry_id: str) -> dict[str, Any]:
        """Return it as one of the `Failed` entries of a batch."""
        return {
            "Id": entry_id,
            "SenderFault": self.status < 500,
            "Code": self.entry_code,
            "Message": self.why,
        }


def modeled(name: str, why: str, *, code: str = "", status: int = 400) -> SqsError:
    """Return an error of the service model; `code` only where it is not simply prefixed."""
    return SqsError(MODELED + name, code or QUERY_PREFIX + name, why, status=status)


def no_such_queue() -> SqsError:
    """Return the error for a queue that does not exist."""
    why = "The specified queue does not exist."
    return modeled("QueueDoesNotExist", why, code=QUERY_PREFIX + "NonExistentQueue")


def missing(parameter: str) -> SqsError:
    """Return the error for a parameter that is not there."""
    why = f"The request must contain the parameter {parameter}."
    return SqsError(FRAMEWORK + "MissingRequiredParameterException", "MissingParameter", why)


def invalid(why: str, *, entry_code: str = "") -> SqsError:
    """Return the error for a parameter whose value is not allowed."""
    kind = FRAMEWORK + "InvalidParameterValueException"
    return SqsError(kind, "InvalidParameterValue", why, entry_code=entry_code)


def invalid_value(value: object, parameter: str, reason: str) -> SqsError:
    """Return that error in SQS's usual wording."""
    return invalid(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def invalid_attribute_value(name: str) -> SqsError:
    """Return the error for a queue attribute whose value is not allowed."""
    why = f"Invalid value for the parameter {name}."
    return modeled("InvalidAttributeValue", why, code="InvalidAttributeValue")


def invalid_attribute_name(name: str) -> SqsError:
    """Return the error for a queue attribute that this queue does not have."""
    return modeled(
        "InvalidAttributeName", f"Unknown Attribute {name}.", code="InvalidAttributeName"
    )


def no_receipt(text: str) -> SqsError:
    """Return the error for a text that is not a receipt handle of this queue."""
    why = f'The input receipt handle "{text}" is not a valid receipt handle.'
    return modeled("ReceiptHandleIsInvalid", why, code="ReceiptHandleIsInvalid", status=404)


def expired_receipt(receipt: str) -> SqsError:
    """Return the error for a FIFO receipt whose lease is over; in a batch its code differs.

    Seen at https://github.com/aws/aws-sdk-js/issues/1279 and
    https://github.com/smaskalik/sqsmover/issues/54.
    """
    reason = "The receipt handle has expired."
    why = f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: {reason}"
    return invalid(why, entry_code="ReceiptHandleIsInvalid")


def not_available(receipt: str) -> SqsError:
    """Return the error for a change of visibility of what is gone, or by an old receipt."""
    reason = "Message does not exist or is not available for visibility timeout change."
    return invalid_value(receipt, "ReceiptHandle", reason)


def not_in_flight() -> SqsError:
    """Return the error for a visibility change of a message that is visible."""
    return modeled("MessageNotInflight", "The specified message isn't in flight.")


def beyond_limit(seconds: float, limit: int) -> SqsError:
    """Return the error for a lease that would end more than 12 hours after the receive."""
    reason = f"Total VisibilityTimeout for the message is beyond the limit [{limit} seconds]"
    return invalid_value(seconds, "VisibilityTimeout", reason)
