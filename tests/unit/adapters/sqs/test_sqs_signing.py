"""Our signature is botocore's, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.sqs import signing
from gateway.adapters.sqs.signing import JsonPostSigner

KEYS = ReadOnlyCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
URLS = (
    "https://sqs.eu-west-1.amazonaws.com/",
    "https://sqs.eu-west-1.amazonaws.com",
    "https://sqs.eu-west-1.amazonaws.com:443/",
    "http://127.0.0.1:4566/",
    "http://localhost:80/",
    "http://[::1]:4566/",
    "https://proxy.example/sqs/path",
    "https://proxy.example/?a=b&c=d",
)


def request(url: str, body: Any, *, method: str = "POST", signed_before: bool = False) -> Any:
    made = AWSRequest(method=method, url=url, data=body)
    made.headers["X-Amz-Target"] = "AmazonSQS.ReceiveMessage"
    made.headers["Content-Type"] = "application/x-amz-json-1.0"
    made.headers["x-amzn-query-mode"] = "true"
    made.headers["User-Agent"] = "somebody/1"
    if signed_before:
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            made.headers[name] = "of an earlier try"
    return made


def signed(signer: type[auth.SigV4Auth], keys: Any, region: str, made: Any) -> dict[str, str]:
    signer(keys, "sqs", region).add_auth(made)
    return {name.lower(): value for name, value in made.headers.items()}


@pytest.fixture(autouse=True, scope="module")
def _one_moment() -> Any:
    patch = pytest.MonkeyPatch()
    moment = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
    for module in (auth, signing):
        patch.setattr(module, "get_current_datetime", lambda: moment)
    yield
    patch.undo()


@given(
    url=st.sampled_from(URLS),
    body=st.binary(max_size=200),
    token=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    region=st.sampled_from(["eu-west-1", "cn-north-1", "us-gov-east-1"]),
    again=st.booleans(),
)
def test_the_signature_is_botocores(
    url: str, body: bytes, token: str | None, region: str, *, again: bool
) -> None:
    """The same headers are signed, so the whole Authorization is the same."""
    keys = KEYS._replace(token=token)
    # botocore leaves an earlier token in place where there is none any more: compare without.
    earlier = again and token is not None
    ours = signed(JsonPostSigner, keys, region, request(url, body, signed_before=earlier))
    theirs = signed(auth.SigV4Auth, keys, region, request(url, body, signed_before=earlier))
    assert ours == theirs
    assert ours["x-amz-date"] == "20260228T235959Z"


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", "text"), ("PUT", b"x")])
def test_any_other_request_is_signed_by_botocore_itself(method: str, body: Any) -> None:
    """What was not thought of is not signed wrongly."""
    url = "https://sqs.eu-west-1.amazonaws.com/"
    ours = signed(JsonPostSigner, KEYS, "eu-west-1", request(url, body, method=method))
    theirs = signed(auth.SigV4Auth, KEYS, "eu-west-1", request(url, body, method=method))
    assert ours == theirs


def test_without_credentials_it_says_so_as_botocore_does() -> None:
    """The adapter turns it into a sentence."""
    with pytest.raises(NoCredentialsError):
        signed(JsonPostSigner, None, "eu-west-1", request(URLS[0], b"{}"))


def test_another_secret_gives_another_signature() -> None:
    """The day's key is kept by secret, day, region and service."""
    other = KEYS._replace(secret_key="another")
    one, two = (
        signed(JsonPostSigner, k, "eu-west-1", request(URLS[0], b"")) for k in (KEYS, other)
    )
    assert one["authorization"] != two["authorization"]
