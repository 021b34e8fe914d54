"""The code of a response that is an error, as botocore reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.parsers import JSONParser
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.sqs.body_reader import Response
from gateway.adapters.sqs.error_parsing import MAX_MESSAGE_CHARACTERS, error_code_and_message
from gateway.adapters.sqs.responses import short_code

CODES = st.sampled_from(
    [
        "AccessDenied", "com.amazonaws.sqs#QueueDoesNotExist", "a#b#Code", "Code:http://x/",
        "ns#Code:http://x/y#z", "AWS.SimpleQueueService.NonExistentQueue", ":", "#",
    ]
)  # fmt: skip
BODIES = st.builds(
    lambda code, words: json.dumps({**code, **words}).encode(),
    st.just({}) | CODES.map(lambda code: {"__type": code}),
    st.just({}) | st.text(max_size=20).map(lambda words: {"message": words}),
) | st.sampled_from([b"", b" \n", b"<html>x</html>", b"no JSON", b'{"__type": "cut', b"[" * 5000])
QUERY_ERRORS = st.sampled_from(
    ["", "AWS.SimpleQueueService.NonExistentQueue;Sender", "Code;", ";Sender", "Code", "a;b;c"]
)


@given(
    status=st.sampled_from([400, 403, 404, 413, 500, 503]), body=BODIES, query_error=QUERY_ERRORS
)
def test_the_code_is_botocores(status: int, body: bytes, query_error: str) -> None:
    if status >= 500 and (not body.strip() or body.startswith(b"<html>")):
        query_error = ""  # which botocore does not look at then, and we do
    headers = {"x-amzn-query-error": query_error} if query_error else {}
    parsed: dict[str, Any] = {"status_code": status, "headers": headers, "body": body}
    try:
        theirs = JSONParser().parse(parsed, None)["Error"]
    except RecursionError:
        return  # ours is made of the status then
    code, message = error_code_and_message(Response(status, body, query_error))
    assert code == short_code(theirs["Code"])
    if theirs["Message"].strip():
        kept = theirs["Message"].strip()[:MAX_MESSAGE_CHARACTERS]
        assert message.strip() == kept.strip() or "<html>" in theirs["Message"]


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b"null", b'{"__type": 7}', b'{"message": {}}', b"\xff"]
)
def test_json_of_another_shape_is_an_error_as_any(body: bytes) -> None:
    code, message = error_code_and_message(Response(500, body, ""))
    assert code
    assert message


def test_a_page_of_a_proxy_is_not_kept_in_full() -> None:
    _, message = error_code_and_message(Response(502, b"x" * 10_000, ""))
    assert len(message) == MAX_MESSAGE_CHARACTERS
