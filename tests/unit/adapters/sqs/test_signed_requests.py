"""The native client's requests: signed as AWS publishes it, and as botocore does it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.sqs.signed_requests import SignedRequests
from gateway.adapters.sqs.signing import day_key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = ReadOnlyCredentials("AKIDEXAMPLE", SECRET, None)
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"
    "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7W"
    "Z0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8F"
    "DrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
FORM = {"content-type": "application/x-www-form-urlencoded"}
MOMENT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)

# AWS's Signature Version 4 test suite, those of its requests that are a POST to `/`. It is kept by
# botocore too: tests/unit/auth/aws4_testsuite in github.com/boto/botocore.
PUBLISHED: dict[str, tuple[dict[str, str], bytes, str | None, str, str]] = {
    "post-vanilla": (
        {}, b"", None, "host;x-amz-date",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "post-header-value-case": (
        {"my-header1": "VALUE1"}, b"", None, "host;my-header1;x-amz-date",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    "post-x-www-form-urlencoded": (
        FORM, b"Param1=value1", None, "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    "post-sts-header-before": (
        {}, b"", TOKEN, "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
}  # fmt: skip


class Clock:
    def __init__(self, moment: datetime = MOMENT) -> None:
        self.now = moment.timestamp()

    def __call__(self) -> float:
        return self.now


def headers_of(request: bytes) -> dict[str, str]:
    head = request.partition(b"\r\n\r\n")[0].decode()
    line, *lines = head.split("\r\n")
    assert line == "POST / HTTP/1.1"
    headers = dict(each.split(": ", 1) for each in lines)
    assert len(headers) == len(lines)
    return headers


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_signature_is_the_one_that_aws_publishes(name: str) -> None:
    headers, body, token, names, signature = PUBLISHED[name]
    requests = SignedRequests("example.amazonaws.com", "us-east-1", "service", headers, Clock())
    request = requests.render("", body, KEYS._replace(token=token))
    assert headers_of(request)["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_the_day_s_key_is_the_one_that_aws_publishes() -> None:
    """Of the example IAM ListUsers in AWS's description of Signature Version 4."""
    key = day_key(SECRET, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


@given(
    host=st.sampled_from(["sqs.eu-west-1.amazonaws.com", "127.0.0.1:4566", "[::1]:4566"]),
    region=st.sampled_from(["eu-west-1", "cn-north-1"]),
    calls=st.lists(
        st.tuples(
            st.sampled_from(["AmazonSQS.ReceiveMessage", "AmazonSQS.DeleteMessageBatch"]),
            st.binary(max_size=200),
            st.sampled_from([None, "token/+=="]) | VISIBLE,
            VISIBLE,
            st.integers(0, 90_000),
        ),
        min_size=1,
        max_size=4,
    ),
    again=st.booleans(),
)
def test_requests_are_signed_as_botocore_signs_them(
    host: str, region: str, calls: list[tuple[str, bytes, str | None, str, int]], *, again: bool
) -> None:
    """One after the other, so that what is kept for a second or a day would be found stale."""
    clock = Clock()
    requests = SignedRequests(host, region, clock=clock)
    for target, body, token, secret, seconds in calls:
        clock.now += seconds
        keys = ReadOnlyCredentials("AKIDEXAMPLE", secret, token)
        render = requests.render_repeated if again else requests.render
        request = render(target, body, keys)
        headers = headers_of(request)
        assert request.endswith(b"\r\n\r\n" + body)
        assert headers["content-length"] == str(len(body))
        assert headers["host"] == host
        assert headers["x-amz-target"] == target
        assert headers.get("x-amz-security-token") == token
        assert headers["authorization"] == _botocores(headers, body, keys, region, clock.now)


def _botocores(headers: dict[str, str], body: bytes, keys: Any, region: str, now: float) -> str:
    """Return botocore's Authorization for the same headers, but for those that it never signs."""
    signer = auth.SigV4Auth(keys, "sqs", region)
    unsigned = {"authorization", "content-length", "accept-encoding", "x-amz-security-token"}
    sent = {name: value for name, value in headers.items() if name not in unsigned}
    request = AWSRequest("POST", f"http://{headers['host']}/", headers=sent, data=body)
    patch = pytest.MonkeyPatch()
    moment = datetime.fromtimestamp(now, UTC)
    patch.setattr(auth, "get_current_datetime", lambda: moment)
    try:
        signer.add_auth(request)
    finally:
        patch.undo()
    assert request.headers["X-Amz-Date"] == headers["x-amz-date"]
    return str(request.headers["Authorization"])


def test_what_is_sent_again_within_a_second_is_the_same_and_then_no_more() -> None:
    clock = Clock()
    requests = SignedRequests("h", "eu-west-1", clock=clock)
    first = requests.render_repeated("AmazonSQS.ReceiveMessage", b"{}", KEYS)
    assert requests.render_repeated("AmazonSQS.ReceiveMessage", b"{}", KEYS) is first
    assert requests.render("AmazonSQS.ReceiveMessage", b"{}", KEYS) == first
    other = KEYS._replace(secret_key="another")
    assert requests.render_repeated("AmazonSQS.ReceiveMessage", b"{}", other) != first
    clock.now += 1
    assert requests.render("AmazonSQS.DeleteMessageBatch", b"{}", KEYS)
    assert requests.render_repeated("AmazonSQS.ReceiveMessage", b"{}", KEYS) != first


@pytest.mark.parametrize("member", ["access_key", "token"])
@pytest.mark.parametrize("text", ["A\r\nx-forged: 1", "A B", "A\n", "Ä", "\0"])
def test_credentials_that_would_break_out_of_their_header_are_refused_unspoken(
    member: str, text: str
) -> None:
    requests = SignedRequests("h", "eu-west-1", clock=Clock())
    with pytest.raises(ValueError, match="no header may have") as refused:
        requests.render("AmazonSQS.ReceiveMessage", b"{}", KEYS._replace(**{member: text}))
    assert text not in str(refused.value)
