"""parse_json: what counts as JSON, and what a hostile body costs."""

from __future__ import annotations

import time

import pytest

from gateway.core.messages.json_body import ABSENT, MAX_JSON_DEPTH, is_json, parse_json


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"a": [1, 2.5, "x", true, false, null]}', {"a": [1, 2.5, "x", True, False, None]}),
        ("null", None),
        ('"text"', "text"),
        (" \t\r\n7 \n", 7),
        ("[]", []),
        ('"\\u00e9\\ud83d\\ude00"', "\u00e9\U0001f600"),
        ('"\\ud800"', "\ud800"),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_what_is_json_is_parsed(body: str, value: object) -> None:
    assert parse_json(body) == value
    assert is_json(body)


@pytest.mark.parametrize(
    "body",
    [
        "", " ", "text", "{", "[1,]", '{"a": 1,}', "{'a': 1}", '{"a" 1}', "[1] [2]", "01", "+1",
        ".5", "1.", "0x1f", "nul", "True", '"tab\there"', '"line\nbreak"', '"\\x41"', "// no\n1",
        "\ufeff{}", "\u00a0{}", '"open',
    ],
)  # fmt: skip
def test_what_is_not_quite_json_is_absent(body: str) -> None:
    assert parse_json(body) is ABSENT
    assert not is_json(body)


@pytest.mark.parametrize("body", ["NaN", "Infinity", "-Infinity", '{"a": [NaN]}'])
def test_the_constants_that_python_adds_to_json_are_refused(body: str) -> None:
    assert parse_json(body) is ABSENT
    assert not is_json(body)


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ("1e999", True),
        ("9" * 400, True),
        ("9" * 5_000, False),
        ('["\ud800"]', True),
        ('"\\udc00\\ud800"', True),
        ('"\U0001f600\u00e9"', True),
        ('"' + "\u00e9" * 2_000 + "[" * 1_001 + '"', True),
    ],
    ids=["too large", "400 digits", "5,000 digits", "surrogate", "escapes", "unicode", "brackets"],
)
def test_what_only_one_of_the_two_parsers_takes_counts_as_before(
    body: str, *, is_one: bool
) -> None:
    """orjson refuses numbers beyond a double and lone surrogates; a message keeps its header."""
    assert is_json(body) is is_one
    assert (parse_json(body) is not ABSENT) is is_one


def nested(times: int, opening: str = "[", closing: str = "]") -> str:
    return opening * times + "0" + closing * times


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_JSON_DEPTH),
        nested(MAX_JSON_DEPTH, '{"a":', "}"),
        nested(MAX_JSON_DEPTH // 2, '[{"a":', "}]"),
    ],
)
def test_a_thousand_levels_are_json(body: str) -> None:
    assert parse_json(body) is not ABSENT
    assert is_json(body)


@pytest.mark.parametrize("levels", [1_001, 5_000, 100_000])
def test_deeper_nesting_counts_as_not_json(levels: int) -> None:
    for body in (nested(levels), nested(levels, '{"a":', "}")):
        assert parse_json(body) is ABSENT
        assert not is_json(body)


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    assert parse_json("[" + ",".join(["[]", "{}"] * 2_000) + "]") == [[], {}] * 2_000


@pytest.mark.parametrize(("levels", "is_one"), [(999, True), (1_000, False)])
def test_brackets_that_were_closed_neither_add_to_the_depth_nor_lower_it(
    levels: int, *, is_one: bool
) -> None:
    body = "[" + "[]," * 1_500 + nested(levels) + "]"
    assert (parse_json(body) is not ABSENT) is is_one
    assert is_json(body) is is_one


@pytest.mark.parametrize("text", ["[" * 3_000, '\\"' + "[{" * 1_500, "{" * 3_000 + "\\\\"])
def test_brackets_within_strings_do_not_count(text: str) -> None:
    assert parse_json(f'["{text}", 1]') is not ABSENT


def test_brackets_behind_an_escaped_quote_still_count() -> None:
    """A string that ends in a backslash pair ends there; what follows nests."""
    assert parse_json('["\\\\",' + nested(1_001) + "]") is ABSENT


def test_unbalanced_brackets_are_not_json() -> None:
    assert parse_json("]" * 2_000 + "[" * 2_000) is ABSENT


def test_the_cost_of_a_hostile_body_grows_with_its_length_alone() -> None:
    """One message must not hold up all others: four times the body may take about four times."""

    def cost(quotes: int) -> float:
        body = "[" * 1_001 + '"' + '\\"' * quotes
        spent = []
        for _ in range(3):
            started = time.thread_time()
            assert parse_json(body) is ABSENT
            spent.append(time.thread_time() - started)
        return min(spent)

    assert cost(6_000) < 9 * cost(1_500)
