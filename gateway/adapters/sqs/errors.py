"""Errors of calls to SQS, as a sentence with a hint for the operator."""

from __future__ import annotations

from typing import Final

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from gateway.adapters.sqs.error_hints import hint_for
from gateway.adapters.sqs.responses import short_code
from gateway.aiokit.descriptors import is_local_limit
from gateway.ports import SourceError

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
    if is_local_limit(error):
        why = "no descriptor or port is left for a connection"
        return source_error(operation, "LocalLimit", why)
    code = type(error).__name__
    return source_error(operation, code, str(error) or code)


def source_error(operation: str, code: str, why: str) -> SourceError:
    """Return the error for a code and its message, with a hint where there is one."""
    text = f"{operation}: {why if code in why else f'{code}: {why}'}"
    return SourceError(text, code, hint_for(code))
