"""A regex is RE2's: no text that a message brings makes it take more than linear time."""

from __future__ import annotations

import ast
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
import re2

from gateway.config import loader
from gateway.config.problems.problem import ProblemsFound
from gateway.core.routing.rules import Regex

CORE = Path(__file__).parents[2] / "gateway" / "core"
ROUTING = """\
routes:
  - name: orders
    queue: orders
    versions: {{stable: http://b/, canary: http://b1/}}
    rules: [{{match: [{{attributes: {{tenant: {{regex: '{pattern}'}}}}}}], to: canary}}]
"""


def test_a_condition_is_compiled_by_re2_and_nothing_else() -> None:
    table = loader.load(ROUTING.format(pattern="(a|a)*b").encode(), "routes.yaml")
    (test,) = table.routes[0].rules[0].matchers[0].criteria
    assert isinstance(test.condition, Regex)
    assert isinstance(test.condition._compiled, re2._Regexp)


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)"])
def test_what_only_a_backtracking_engine_can_do_is_a_problem(pattern: str) -> None:
    with pytest.raises(ProblemsFound, match="is not an RE2 expression"):
        loader.load(ROUTING.format(pattern=pattern).encode(), "routes.yaml")


@pytest.mark.parametrize("pattern", ["((a{100}){100}){100}", "a{1001}"])
def test_a_pattern_that_would_take_much_memory_is_a_problem(pattern: str) -> None:
    """RE2 gives a program, and what it keeps while it matches, 8 MiB at most."""
    with pytest.raises(ProblemsFound, match="is not an RE2 expression"):
        loader.load(ROUTING.format(pattern=pattern).encode(), "routes.yaml")


def test_the_core_s_own_patterns_do_not_backtrack_into_a_repetition() -> None:
    """`re` backtracks: a repetition within another one, not possessive, is where that explodes."""
    sources = [
        str(node.args[0].value)
        for module in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "re.compile"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert len(sources) > 5
    assert [source for source in sources if explosive(source)] == []


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("(a+)+b", True),
        ("(?:x|(?:a|b*))*c", True),
        ("(?:a|b)*+", False),
        ("a+b*", False),
        ("(a{2}b)*", False),
    ],
)
def test_a_repetition_within_a_repetition_is_noticed(pattern: str, *, found: bool) -> None:
    assert explosive(pattern) is found


def explosive(pattern: str) -> bool:
    """Whether an endless repetition that may give back has another one inside."""
    return _within(_parser.parse(pattern), endless=False)


def _within(parsed: Any, *, endless: bool) -> bool:
    for operator, argument in parsed:
        repeats = str(operator) in ("MAX_REPEAT", "MIN_REPEAT") and str(argument[1]) == "MAXREPEAT"
        if (repeats and endless) or _within(_parts(argument), endless=endless or repeats):
            return True
    return False


def _parts(argument: Any) -> Any:
    """Yield what is inside an argument of the parser's, however deep."""
    if isinstance(argument, _parser.SubPattern):
        yield from argument
    elif isinstance(argument, tuple | list):
        for each in argument:
            yield from _parts(each)
