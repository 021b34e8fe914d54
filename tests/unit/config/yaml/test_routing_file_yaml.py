"""YAML 1.2 as the routing file reads it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml

from gateway.config.loader import load
from gateway.config.yaml import composer
from gateway.config.yaml.composer import MAX_VALUES, compose
from gateway.config.yaml.scalars import resolve
from gateway.config.yaml.syntax import YamlSyntaxError


def value_of(text: str) -> Any:
    return compose(text.encode()).root.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("nUll", "nUll"),
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("-", "-"),
        ("=", "="),
        ("<<", "<<"),
        ("9" * 200, int("9" * 200)),
        ("9" * 201, "9" * 201),
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_nan_is_a_number_that_equals_none() -> None:
    assert math.isnan(resolve(".nan"))  # type: ignore[arg-type]


def test_quoted_and_tagged_scalars_stay_text() -> None:
    assert value_of("- '1'\n- \"true\"\n- !!str 1\n- ! 1\n- |-\n  1\n") == [
        "1",
        "true",
        "1",
        "1",
        "1",
    ]


def test_the_key_on_is_a_text() -> None:
    assert value_of("{on: [off, yes]}") == {"on": ["off", "yes"]}


def test_json_is_yaml() -> None:
    assert value_of('{\n\t"a": [1, 2.5, true, null, "\\u00e9\\/"]\n}') == {
        "a": [1, 2.5, True, None, "é/"]
    }


def test_windows_line_ends_count_as_one_line() -> None:
    assert compose(b"a: 1\r\nb:\r\n  c: 2\r\n").line(("b", "c")) == 3


def test_an_alias_has_the_value_of_its_anchor() -> None:
    assert value_of("a: &x {b: [1]}\nc: *x\n") == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_an_alias_may_be_a_key() -> None:
    assert value_of("a: &x b\n*x : 1\n") == {"a": "b", "b": 1}


def test_a_later_anchor_of_the_same_name_counts() -> None:
    assert value_of("[&x 1, *x, &x 2, *x]") == [1, 1, 2, 2]


def test_aliases_may_come_to_as_many_values_as_the_limit() -> None:
    """One mapping, one list of 99 items and its anchor's copies: just inside, then just beyond."""
    copies = (MAX_VALUES - 2) // 100 - 1

    def text(number: int) -> bytes:
        return f"a: &a [{','.join('x' * 99)}]\nb: [{','.join(['*a'] * number)}]".encode()

    assert len(compose(text(copies)).root.value["b"]) == copies
    with pytest.raises(YamlSyntaxError, match="holds more than 100,000 values"):
        compose(text(copies + 2))


def test_aliases_count_towards_the_depth() -> None:
    chain = "".join(f"- &a{n} [[[[[[[[[[*a{n - 1}]]]]]]]]]]\n" for n in range(1, 6))
    with pytest.raises(YamlSyntaxError, match="nests deeper than 50 levels"):
        compose(f"- &a0 x\n{chain}".encode())


def test_a_value_introduced_by_a_key_is_on_the_keys_line() -> None:
    document = compose(b"a:\n  b:\n    - x\n    - y:\n        z\n")
    assert [document.line(path) for path in (("a",), ("a", "b"), ("a", "b", 1))] == [1, 2, 4]
    assert document.line(("a", "b", 1, "y")) == 4
    assert document.line(("a", "b", 1, "missing")) == 4
    assert document.line(()) == 1
    assert document.value(("a", "nowhere")) is None
    assert document.value(("a", "b", 0)) == "x"


def test_half_a_surrogate_pair_is_found_by_the_parser_without_libyaml(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(composer, "_PARSER", yaml.SafeLoader)
    (finding,) = compose(b'a: "\\ud83d"').findings
    assert finding.path == ("a",)
    assert finding.what == "has half of a surrogate pair"


def test_the_parser_without_libyaml_reads_the_same(
    monkeypatch: pytest.MonkeyPatch, everything: bytes
) -> None:
    fast = load(everything, "routes.yaml")
    monkeypatch.setattr(composer, "_PARSER", yaml.SafeLoader)
    assert load(everything, "routes.yaml") == fast


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a:\n\tb: 1\n", 2, "a tab cannot indent a line"),
        ("a:\n  - b: 1\n\tc: 2\n", 3, "a tab cannot indent a line"),
        ("a:\n  b: x\n  \ty\n", 3, "a tab cannot indent a line"),
        ("a: [1,\n  2\n", 1, "the bracket that opens here is never closed"),
        ("a: 1\nb: 'x\n", 2, "the quote that opens here is never closed"),
        ("a: b: c\n", 1, "a `key: value` cannot stand here"),
        ('a: "\\q"\n', 1, "a text in double quotes has an escape that YAML does not know"),
        ("a: `x`\n", 1, "a text cannot begin with `"),
        ("- a\nb: 1\n", 2, "does not fit to the lines above"),
        ("a: !<x\n", 1, "is not YAML from here on"),
        ("%YAML 3.0\n--- a\n", 1, "is not YAML from here on"),
    ],
)
@pytest.mark.parametrize("parser", [yaml.SafeLoader, yaml.CSafeLoader])
def test_both_parsers_stumble_in_the_same_words(
    monkeypatch: pytest.MonkeyPatch, parser: object, text: str, line: int, what: str
) -> None:
    monkeypatch.setattr(composer, "_PARSER", parser)
    with pytest.raises(YamlSyntaxError) as caught:
        compose(text.encode())
    (finding,) = caught.value.findings
    assert (finding.line, finding.what) == (line, what)
