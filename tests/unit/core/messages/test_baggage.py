"""W3C baggage: reading members, and replacing one's own."""

from __future__ import annotations

import pytest

from gateway.core.messages import baggage


@pytest.mark.parametrize(
    ("carrier", "members"),
    [
        ("", {}),
        ("version=v2", {"version": "v2"}),
        (" a = 1 , b=2 ", {"a": "1", "b": "2"}),
        ("A=1,a=2", {"a": "1"}),
        ("a=1;ttl=60;private,b=2", {"a": "1", "b": "2"}),
        ("a=x=y=z", {"a": "x=y=z"}),
        ("a=", {"a": ""}),
        ("flag,;a=1,=1,,b=2", {"b": "2"}),
        ("a=100%25%20sure", {"a": "100% sure"}),
        ("a=%C3%A9", {"a": "\u00e9"}),
        ("a=%zz%4", {"a": "%zz%4"}),
        ("a=%ff", {"a": "\ufffd"}),
        ("a=\ud800%20", {"a": "\ufffd\ufffd\ufffd "}),
    ],
)
def test_members_are_read_by_name(carrier: str, members: dict[str, str]) -> None:
    """Values are decoded, properties left aside, and what is no member is passed over."""
    assert baggage.members(carrier) == members


@pytest.mark.parametrize(
    ("carrier", "after"),
    [
        ("", "version=v2"),
        ("a=1", "a=1,version=v2"),
        ("version=v1", "version=v2"),
        ("a=1, version=v1 ,b=2", "a=1,b=2,version=v2"),
        ("VERSION=v1;ttl=60,Version = v0,a=1", "a=1,version=v2"),
        ("version,a=1", "a=1,version=v2"),
        ("versions=v1,x-version=v1", "versions=v1,x-version=v1,version=v2"),
        ("a=1;version=v1", "a=1;version=v1,version=v2"),
        (",, ,", "version=v2"),
        ("a=%20;p=1\t", "a=%20;p=1,version=v2"),
    ],
)
def test_an_older_member_is_replaced_and_all_others_stay(carrier: str, after: str) -> None:
    assert baggage.with_member(carrier, "version", "v2") == after


def test_a_member_written_is_the_one_that_is_read() -> None:
    carrier = baggage.with_member("version=v1,a=1", "version", "v2")
    assert baggage.members(carrier) == {"a": "1", "version": "v2"}
