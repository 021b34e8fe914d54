"""Tokens of MSK's IAM authentication, by what aws-msk-iam-sasl-signer-python 1.0.2 made."""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode
from typing import Any

import botocore.auth
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import CredentialRetrievalError

from gateway.adapters.kafka.msk_iam import MskIam, make_token, region_of
from gateway.ports import SourceError

NOW = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
BEGIN = (
    "https://kafka.eu-central-1.amazonaws.com/?Action=kafka-cluster%3AConnect"
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
)
SCOPE = (
    "%2F20260304%2Feu-central-1%2Fkafka-cluster%2Faws4_request"
    "&X-Amz-Date=20260304T050607Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
)
SIGNED_BY_AWS = {
    ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None): (
        f"{BEGIN}AKIDEXAMPLE{SCOPE}"
        "&X-Amz-Signature=a095ac47afd6e44e325bd6413cbc89f3e5a9249e14eaa1d19bdd9b16cede4ea2"
    ),
    ("ASIAEXAMPLE", "secret/+key", "token/+=value"): (
        f"{BEGIN}ASIAEXAMPLE{SCOPE}&X-Amz-Security-Token=token%2F%2B%3Dvalue"
        "&X-Amz-Signature=b0b37a5c85181b4da28d56942160022ac089f0c4551064269033735aa48004a2"
    ),
}
EXPIRES = 1_772_601_667.0


@pytest.mark.parametrize(("keys", "expected"), SIGNED_BY_AWS.items())
def test_a_token_is_the_url_that_aws_s_own_signer_makes(
    monkeypatch: pytest.MonkeyPatch, keys: Any, expected: str
) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: NOW)
    token, expires = make_token("eu-central-1", Credentials(*keys))
    assert "=" not in token
    url = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert url == f"{expected}&User-Agent=sqs-version-gateway"
    assert expires == EXPIRES


@pytest.mark.parametrize(
    ("broker", "region"),
    [
        ("b-1.orders.a1b2c3.c4.kafka.eu-central-1.amazonaws.com:9098", "eu-central-1"),
        ("boot-x1y2.c1.kafka-serverless.us-east-2.amazonaws.com:9098", "us-east-2"),
        ("b-1.orders.a1b2c3.c4.kafka.cn-north-1.amazonaws.com.cn:9098", "cn-north-1"),
        ("kafka.internal:9098", "ap-south-1"),
    ],
)
def test_the_region_is_that_of_the_brokers_names_or_else_the_environment_s(
    broker: str, region: str
) -> None:
    assert region_of([broker], {"AWS_REGION": "ap-south-1"}) == region


def test_without_a_region_it_says_what_to_set() -> None:
    with pytest.raises(SourceError, match="set AWS_REGION"):
        region_of(["kafka:9098"], {})


class Session:
    """A session of botocore that finds what it is given, in turn."""

    def __init__(self, *found: Any) -> None:
        self._found = list(found)

    def get_credentials(self) -> Any:
        found = self._found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def test_credentials_that_cannot_be_had_are_an_error_and_are_searched_again() -> None:
    failed = CredentialRetrievalError(provider="sts", error_msg="throttled")
    session = Session(failed, None, Credentials("AKIDEXAMPLE", "secret"))
    iam = MskIam("eu-central-1", lambda: session)
    for why in ("throttled", "none were found"):
        with pytest.raises(SourceError, match=why):
            iam.token()
        assert why in iam.failure
    assert iam.token()[0]
    assert iam.failure == ""
