"""Bodies of every kind are parsed or counted as not JSON, and numbers keep their value as text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.messages.json_body import ABSENT, is_json, parse_json
from gateway.core.routing.sources import FromBody, scalar_text
from tests.builders import message

ANY_TEXT = st.text(st.characters())
ALMOST_JSON = st.text(st.sampled_from('[]{}",:\\0123456789.eE+-tfn \u00e9\ud800NaIy'))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers() | FINITE | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
PATHS = [
    FromBody(path)
    for path in (
        "@", "a", "a.b", "a[0]", "a[-1].b", "a[]", "a.*", "a[?b] | [0].b", "keys(@) | [0]",
        "length(a)", "to_string(@)", "to_number(a)", "sum(a)", "avg(a)", "floor(a)", "ceil(a)",
        "join(',', a)", "max(a)", "sort(a) | [0]", "sort_by(a, &b) | [0].b", "not_null(a, b)",
        "a == b", "type(a)", "starts_with(a, b)", "reverse(a) | [0]",
    )
]  # fmt: skip


@given(ANY_TEXT | ALMOST_JSON)
def test_parsing_never_raises(body: str) -> None:
    parse_json(body)


PIECES = [
    "[", "]", "{", "}", '"', ",", ":", "\\", "\\u", "d800", "00e9", "/", "0", "-", "1.5", "e9",
    "E+400", "9" * 25, "true", "null", "NaN", "Infinity", " ", "\t", "\n", "\x0c", "\x00", "\x1f",
    "\x7f", "\u00a0", "\u2028", "\ufeff", "\u00e9", "\ud800", '"a"', '"a":',
]  # fmt: skip
NEARLY_JSON = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@st.composite
def marred(draw: st.DrawFn) -> str:
    """Write JSON and put a piece that may not belong there somewhere into it."""
    written = json.dumps(draw(JSON), ensure_ascii=draw(st.booleans()))
    at = draw(st.integers(0, len(written)))
    return written[:at] + draw(st.sampled_from(PIECES)) + written[at:]


@given(ANY_TEXT | ALMOST_JSON | NEARLY_JSON | marred())
def test_whether_a_body_is_json_is_asked_of_another_parser_with_the_same_result(body: str) -> None:
    assert is_json(body) is (parse_json(body) is not ABSENT)


@given(
    opening=st.lists(st.sampled_from(['{"a":', "[", "[[", '["[",']), max_size=60),
    times=st.integers(1, 60),
)
def test_parsing_never_raises_however_deep_a_body_nests(opening: list[str], times: int) -> None:
    assert parse_json("".join(opening) * times + "") is ABSENT or not opening


@given(JSON)
def test_what_a_json_library_writes_is_parsed_to_the_same_value(value: Any) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False, indent=2)) == value


@given(ALMOST_JSON)
def test_what_is_parsed_is_json_to_another_parser_too(body: str) -> None:
    """With the one difference that Python's own takes NaN and Infinity."""
    if parse_json(body) is not ABSENT:
        json.loads(body)


@given(st.integers() | FINITE)
def test_the_text_of_a_number_reads_back_as_the_number(number: float) -> None:
    text = scalar_text(number)
    assert text is not None
    assert type(number)(json.loads(text)) == number


@given(FINITE)
def test_equal_numbers_have_equal_texts_however_they_are_spelled(number: float) -> None:
    for spelled in (repr(number), f"{number:.17e}", f"{number:.30E}"):
        assert scalar_text(json.loads(spelled)) == scalar_text(number)
    if number.is_integer() and abs(number) <= 2**53:
        assert scalar_text(int(number)) == scalar_text(number)


@given(st.integers(-(2**53), 2**53) | FINITE)
def test_the_text_of_a_number_is_never_longer_than_need_be(number: float) -> None:
    """Python's `repr` has the fewest digits that read back as the number; so has the text."""
    text = scalar_text(number)
    assert text is not None

    def digits(written: str) -> int:
        mantissa = written.lower().partition("e")[0].lstrip("-").replace(".", "")
        return len(mantissa.strip("0"))

    assert digits(text) == digits(repr(number))


@given(JSON | st.fixed_dictionaries({"a": JSON, "b": JSON}))
def test_reading_a_body_never_raises_and_gives_a_text_or_nothing(value: Any) -> None:
    taken = message(json.dumps(value))
    texts = [path.read(taken) for path in PATHS]
    assert [text for text in texts if not isinstance(text, str | None)] == []


@given(st.sampled_from([float("inf"), float("-inf"), float("nan")]))
def test_what_json_cannot_write_has_no_text(number: float) -> None:
    assert scalar_text(number) is None
