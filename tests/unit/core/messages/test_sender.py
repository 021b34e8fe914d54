"""What the session of a SenderId says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.messages.sender import session_member


@pytest.mark.parametrize(
    ("sender_id", "value"),
    [
        ("AROAEXAMPLE:b1,version=v2", "v2"),
        ("AROAEXAMPLE:version=v2,b1", "v2"),
        ("AROAEXAMPLE:version=v2", "v2"),
        ("AROAEXAMPLE:version=v2,version=v3", "v2"),
        ("AROAEXAMPLE:version=,version=v3", None),
        ("AROAEXAMPLE:version,version=v3", "v3"),
        ("AROAEXAMPLE:Version=v2", None),
        ("AROAEXAMPLE:aversion=v2,versions=v3", None),
        ("AROAEXAMPLE: version=v2", None),
        ("AROAEXAMPLE:version= v2", " v2"),
        ("AROAEXAMPLE:version=%76", "%76"),
        ("AROAEXAMPLE:version=a=b", "a=b"),
        ("AROAEXAMPLE:version=a:b", "a:b"),
        ("a:b:version=v2,version=v3", "v3"),
        ("AROAEXAMPLE:,,=,=x,version=v2", "v2"),
        ("AROAEXAMPLE:version=\u00e9\r\n", "\u00e9\r\n"),
        ("AROAEXAMPLE:eks-shop-b1-7d9f-5af5e7ac", None),
        ("AROAEXAMPLE:botocore-session-1700000000", None),
        ("AROAEXAMPLE:", None),
        ("AIDAEXAMPLE", None),
        ("version=v2", None),
        ("version=v2:b1", None),
        ("", None),
        (":", None),
    ],
)
def test_a_member_is_read_from_the_session_alone(sender_id: str, value: str | None) -> None:
    """Names keep their case, the first of a name counts, nothing is decoded or stripped."""
    assert session_member(sender_id, "version") == value


MEMBER = st.text(st.characters(exclude_characters=",=:"), min_size=1)


@given(st.text(), st.text())
def test_any_id_has_a_member_or_none(sender_id: str, name: str) -> None:
    value = session_member(sender_id, name)
    assert value is None or f"{name}={value}" in sender_id


@given(MEMBER, MEMBER, st.lists(MEMBER))
def test_a_session_that_is_made_of_members_gives_them_back(
    name: str, value: str, more: list[str]
) -> None:
    session = ",".join([*more, f"{name}={value}"])
    assert session_member(f"AROAX:{session}", name) == value
