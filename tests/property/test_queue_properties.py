"""parse_queue takes what it understands and refuses all else in one way."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.addresses import parse_queue

ALMOST = st.text(st.sampled_from("abz019-_.:/@?#[]% \n\u00e9")) | st.lists(
    st.sampled_from(
        ["arn", "aws", "sqs", ":", "eu-west-1", "123456789012", "orders", ".fifo", "https://",
         "http://", "sqs.eu-west-1.amazonaws.com", "localhost:4566", "/", "queue", ".", "\n"]
    ),
    max_size=9,
).map("".join)  # fmt: skip
NAMES = st.from_regex(re.compile(r"[A-Za-z0-9_-]{1,75}(\.fifo)?", re.ASCII), fullmatch=True)
REGIONS = st.sampled_from(["eu-west-1", "us-gov-east-1", "cn-north-1", "ap-southeast-5"])
ACCOUNTS = st.from_regex(re.compile("[0-9]{12}", re.ASCII), fullmatch=True)


@given(st.text(st.characters()) | ALMOST, st.none() | st.text() | REGIONS)
def test_nothing_but_valueerror_is_raised(text: str, region: str | None) -> None:
    with suppress(ValueError):
        address = parse_queue(text, region)
        assert address.text == text
        assert address.name in text
        assert address.fifo is address.name.endswith(".fifo")


@given(NAMES, REGIONS, ACCOUNTS)
def test_name_arn_and_url_of_one_queue_agree(name: str, region: str, account: str) -> None:
    arn = parse_queue(f"arn:aws:sqs:{region}:{account}:{name}")
    url = parse_queue(f"https://sqs.{region}.amazonaws.com/{account}/{name}")
    assert parse_queue(name).name == arn.name == url.name == name
    assert (arn.region, arn.account) == (url.region, url.account) == (region, account)
    assert url.endpoint is None


@given(NAMES, REGIONS, REGIONS)
def test_a_region_is_agreed_on_or_refused(name: str, told: str, region: str) -> None:
    arn = f"arn:aws:sqs:{told}:123456789012:{name}"
    if told == region:
        assert parse_queue(arn, region).region == told
    else:
        with pytest.raises(ValueError, match=told):
            parse_queue(arn, region)
