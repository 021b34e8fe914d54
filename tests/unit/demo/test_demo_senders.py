"""Who sent it, as the emulators learn it from the credentials of a request."""

from __future__ import annotations

import re

import pytest

from gateway.demo.senders import UNSIGNED, sender_id


def signed_by(key: str) -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/20261129/eu-west-1/sqs/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=0123abcd"
    )


@pytest.mark.parametrize("key", ["AIDAB1EXAMPLE", "AROAB1EXAMPLE:b1", "AROAB1:b1,version=v2"])
def test_a_key_that_is_an_id_of_iam_stands_for_that_sender(key: str) -> None:
    assert sender_id(signed_by(key)) == key


@pytest.mark.parametrize(
    "key", ["test", "AKIAIOSFODNN7EXAMPLE", "AROAWITHOUTSESSION", "AROAB1:x", "AROAB1:a;b"]
)
def test_any_other_key_stands_for_a_user_of_its_own(key: str) -> None:
    sender = sender_id(signed_by(key))
    assert re.fullmatch(r"AIDA[A-Z2-7]{17}", sender)
    assert sender == sender_id(signed_by(key))
    assert sender != sender_id(signed_by(key + "2"))


@pytest.mark.parametrize("header", ["", "Bearer abc", "AWS4-HMAC-SHA256 Credential=/2026"])
def test_without_a_signature_the_sender_is_nobody_in_particular(header: str) -> None:
    assert sender_id(header) == UNSIGNED
