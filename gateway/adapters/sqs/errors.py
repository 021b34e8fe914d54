"""Errors of calls to SQS, as a sentence with a hint for the operator."""

from __future__ import annotations

from typing import Final

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from gateway.adapters.sqs.responses import short_code
from gateway.ports import SourceError

_HINTS: Final = {
    "NonExistentQueue": "create it, or correct the routing file",
    "QueueDoesNotExist": "create it, or correct the routing file",
    "AccessDenied": "the gateway's role needs sqs:GetQueueUrl, GetQueueAttributes, ReceiveMessage,"
    " DeleteMessage and ChangeMessageVisibility here, and SendMessage on a dead-letter queue",
    "AccessDeniedException": "the gateway's role lacks a permission on this queue",
    "NoCredentialsError": "give the pod an IAM role, or set AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY",
    "ValueError": "check AWS_REGION, AWS_ENDPOINT_URL_SQS and what the credentials come from",
    "NoRegionError": "set region: on the route, or AWS_REGION in the environment",
}

FAILURES: Final = (
    ClientError,
    BotoCoreError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    ValueError,  # botocore's error for an impossible region, endpoint or credentials address
    AttributeError,  # these two: its parser met JSON of another shape, so it was not SQS's
    TypeError,
)
"""What a call to SQS may raise. The native client raises the SDK's errors."""


def to_source_error(error: Exception, operation: str) -> SourceError:
    """Translate a failure; `operation` as the SDK calls it, `receive_message`."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        code, why = short_code(details.get("Code", "")), str(details.get("Message", ""))
        return source_error(operation, code, why)
    code = type(error).__name__
    return source_error(operation, code, str(error) or code)


def source_error(operation: str, code: str, why: str) -> SourceError:
    """Return the error for a code and its message, with a hint where there is one."""
    text = f"{operation}: {why if code in why else f'{code}: {why}'}"
    return SourceError(text, code, _HINTS.get(code, ""))
