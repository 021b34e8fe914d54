"""The code and the message of a response that is an error, read as botocore reads them.

Sources: botocore/parsers.py (BaseJSONParser) and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

from __future__ import annotations

import json
from http.client import responses
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.sqs.responses import short_code

if TYPE_CHECKING:
    from gateway.adapters.sqs.body_reader import Response

MAX_MESSAGE_CHARACTERS: Final = 500
"""What is kept of a message: a proxy before SQS may respond with a page of its own."""


def error_code_and_message(response: Response) -> tuple[str, str]:
    """Return them. The code from before JSON, which a header has, comes first."""
    members = _error_members(response.body)
    code, *kind = response.query_error.split(";")
    if not code or len(kind) != 1:
        code = members.get("__type") or str(response.status)
        code = str(code).partition(":")[0].rpartition("#")[2]
    message = members.get("message") or members.get("Message")
    text = str(message or responses.get(response.status, ""))
    return short_code(code), text[:MAX_MESSAGE_CHARACTERS]


def _error_members(body: bytes) -> dict[str, Any]:
    text = body.decode(errors="replace").strip()
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = text
    if isinstance(members, dict):
        return members
    return {} if text.startswith("<") else {"message": text}
