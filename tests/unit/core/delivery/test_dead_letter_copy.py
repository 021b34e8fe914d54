"""What a dead-letter copy carries (docs/reference/delivery.md: the row of `reject`)."""

from __future__ import annotations

from base64 import b64encode

import pytest

from gateway.core.delivery.dead_letter import copy_attributes
from gateway.core.delivery.message_size import attribute_bytes
from gateway.core.messages.message import Attribute
from tests.builders import message

MARKS = {
    "gateway-route": "orders",
    "gateway-version": "canary",
    "gateway-status": "422",
    "gateway-reason": "status 422",
}
MARKED = {name: Attribute("String", text) for name, text in MARKS.items()}


def test_a_copy_has_the_attributes_and_the_four_marks() -> None:
    attributes, dropped = copy_attributes(message(attributes={"tenant": "acme", "n": 7}), MARKS)
    assert attributes == {
        "tenant": Attribute("String", "acme"), "n": Attribute("Number", "7"), **MARKED,
    }  # fmt: skip
    assert dropped == ()


def test_ten_attributes_are_all_that_sqs_takes_so_the_last_by_name_go() -> None:
    own = {f"a{n}": "x" for n in range(10)}
    attributes, dropped = copy_attributes(message(attributes=own), MARKS)
    assert set(attributes) == {"a0", "a1", "a2", "a3", "a4", "a5", *MARKS}
    assert dropped == ("a9", "a8", "a7", "a6")


def test_six_of_its_own_are_no_surplus() -> None:
    own = {f"a{n}": "x" for n in range(6)}
    attributes, dropped = copy_attributes(message(attributes=own), MARKS)
    assert (len(attributes), dropped) == (10, ())


def test_the_marks_win_over_attributes_of_the_same_name() -> None:
    """As in a copy of a copy: the newest rejection is the one to read."""
    own = {"gateway-status": "400", "gateway-route": "older", "tenant": "acme"}
    attributes, _ = copy_attributes(message(attributes=own), MARKS)
    assert attributes == {"tenant": Attribute("String", "acme"), **MARKED}


def test_a_mark_without_a_text_is_left_out() -> None:
    """SQS refuses an empty attribute, and with it the copy."""
    attributes, _ = copy_attributes(message(), {**MARKS, "gateway-status": ""})
    assert "gateway-status" not in attributes
    assert len(attributes) == 3


def overhead() -> int:
    return sum(len(name + "String" + text) for name, text in MARKS.items())


def test_one_mib_is_counted_to_the_last_byte() -> None:
    room = 1_048_576 - overhead() - len("aString" + "x" + "bString" + "x")
    exact = message("\u00e9" * (room // 2) + "." * (room % 2), attributes={"a": "x", "b": "x"})
    assert copy_attributes(exact, MARKS)[1] == ()
    above = message(exact.body + ".", attributes={"a": "x", "b": "x"})
    attributes, dropped = copy_attributes(above, MARKS)
    assert set(attributes) == {"a", *MARKS}
    assert dropped == ("b",)


def test_a_body_that_leaves_no_room_at_all_keeps_the_marks() -> None:
    """SQS will refuse it, which means retry; nothing is lost."""
    attributes, dropped = copy_attributes(message("x" * 1_048_576, attributes={"a": "x"}), MARKS)
    assert attributes == MARKED
    assert dropped == ("a",)


@pytest.mark.parametrize("length", range(8))
def test_a_binary_attribute_counts_as_its_bytes(length: int) -> None:
    raw = b"\xff" * length
    encoded = Attribute("Binary.gif", b64encode(raw).decode())
    assert attribute_bytes("logo", encoded) == len("logo") + len("Binary.gif") + length


def test_a_text_counts_as_its_utf_8() -> None:
    assert attribute_bytes("a", Attribute("String", "caf\u00e9")) == 1 + 6 + 5
    assert attribute_bytes("a", Attribute("String", "\ud800")) == 1 + 6 + 3


def test_the_message_itself_is_left_as_it_is() -> None:
    own = {f"a{n}": "x" for n in range(10)}
    taken = message(attributes=own)
    copy_attributes(taken, MARKS)
    assert len(taken.attributes) == 10
