"""The code and the words of an answer that is an error, read as botocore reads them.

Sources: botocore/parsers.py (BaseJSONParser) and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

from __future__ import annotations

import json
from http.client import responses
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.sqs.responses import short_code

if TYPE_CHECKING:
    from gateway.adapters.sqs.response_reader import Answer

MAX_WORDS: Final = 500
"""Characters of a page that somebody between us and SQS answers with."""


def code_and_words(answer: Answer) -> tuple[str, str]:
    """Return them; a header has the code from before JSON, where there was one."""
    told = _told(answer.body)
    code, *kind = answer.query_error.split(";")
    if not code or len(kind) != 1:
        code = told.get("__type") or str(answer.status)
        code = str(code).partition(":")[0].rpartition("#")[2]
    words = told.get("message") or told.get("Message")
    return short_code(code), str(words or responses.get(answer.status, ""))[:MAX_WORDS]


def _told(body: bytes) -> dict[str, Any]:
    text = body.decode(errors="replace").strip()
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = text
    if isinstance(told, dict):
        return told
    return {} if text.startswith("<") else {"message": text}
