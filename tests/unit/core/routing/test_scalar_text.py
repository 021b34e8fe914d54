"""scalar_text: a value of the body as the text that conditions, pins and sticky keys see."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from gateway.core.routing.sources import scalar_text


@pytest.mark.parametrize("text", ["", "acme", " padded ", "1.0", "true", "\u00e9", "\ud800"])
def test_a_string_is_compared_as_it_is(text: str) -> None:
    assert scalar_text(text) == text


@pytest.mark.parametrize("value", [None, {}, [], {"a": 1}, [1], ["a"]])
def test_null_an_object_and_a_list_have_no_text(value: Any) -> None:
    assert scalar_text(value) is None


@pytest.mark.parametrize(("json_text", "text"), [("true", "true"), ("false", "false")])
def test_a_boolean_is_its_json_text(json_text: str, text: str) -> None:
    assert scalar_text(json.loads(json_text)) == text


@pytest.mark.parametrize(
    ("json_text", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("1", "1"),
        ("-17", "-17"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.0", "1"),
        ("1.50", "1.5"),
        ("-1.50", "-1.5"),
        ("0.0", "0"),
        ("-0.0", "0"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("10e-1", "1"),
        ("0.1", "0.1"),
        ("1e-1", "0.1"),
        ("100e-2", "1"),
        ("3.141592653589793", "3.141592653589793"),
        ("15e299", "1.5e+300"),
        ("-0.0000000015", "-1.5e-9"),
        ("0.000015", "0.000015"),
    ],
)
def test_a_number_is_written_one_way_however_the_body_wrote_it(json_text: str, text: str) -> None:
    """`1`, `1.0` and `1e0` are one number, so one rule and one sticky key take them all."""
    assert scalar_text(json.loads(json_text)) == text


@pytest.mark.parametrize(
    ("ieee_754", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_read_as_ecmascript_writes_them(ieee_754: str, text: str) -> None:
    """The samples are those of RFC 8785, appendix B."""
    (value,) = struct.unpack(">d", bytes.fromhex(ieee_754))
    assert scalar_text(value) == text


@pytest.mark.parametrize("json_text", ["1e999", "-1e999"])
def test_a_number_beyond_all_numbers_has_no_text(json_text: str) -> None:
    """All such numbers read alike, so no text would say which one it was."""
    assert scalar_text(json.loads(json_text)) is None


def test_what_is_no_number_has_no_text() -> None:
    """A JMESPath can make one: `sum(a)` over [1e999, -1e999]."""
    assert scalar_text(float("nan")) is None
