"""Baggage of any shape is read without an error, and one's own member stands in it once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.messages import baggage

CARRIERS = st.text(st.characters()) | st.text(st.sampled_from("aAvV=,;% \t\r\n25\u00e9\ud800"))
MEMBERS = st.lists(st.sampled_from(["a=1", "b=%20", "version=v1", "Version = v0;p=1", "flag", " "]))


@given(CARRIERS | MEMBERS.map(",".join))
def test_the_member_written_is_the_one_read_and_all_others_stay(carrier: str) -> None:
    before = dict(baggage.members(carrier))
    after = dict(baggage.members(baggage.with_member(carrier, "version", "v2")))
    assert after.pop("version") == "v2"
    before.pop("version", None)
    assert after == before


@given(MEMBERS)
def test_writing_twice_is_writing_once(members: list[str]) -> None:
    once = baggage.with_member(",".join(members), "version", "v1")
    assert baggage.with_member(once, "version", "v1") == once
    assert once.lower().count("version") == 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_value_survives_percent_encoding(value: str) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in value.encode())
    assert baggage.members(f"a={encoded}") == {"a": value}
