"""Calls to SQS over the gateway's own client, with their failures as SourceErrors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.adapters.sqs.endpoint import SqsError
from gateway.adapters.sqs.errors import FAILURES, source_error, to_source_error

if TYPE_CHECKING:
    from gateway.adapters.sqs.endpoint import Endpoint


async def call_native(
    endpoint: Endpoint, operation: tuple[str, str, float], body: bytes, *, repeated: bool = False
) -> bytes:
    """Call an operation: its name in the SDK, its target in the JSON protocol, its seconds."""
    name, target, seconds = operation
    try:
        return await endpoint.call(target, body, seconds, repeated=repeated)
    except SqsError as error:
        raise source_error(name, error.code, str(error)) from error
    except FAILURES as error:
        raise to_source_error(error, name) from error
