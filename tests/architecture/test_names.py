"""Names say what a thing is: words that say nothing are not used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "gateway"
EMPTY_WORDS = {"manager", "handler", "processor", "helper", "util", "data", "info"}
IMPOSED = {
    "data": "asyncio.Protocol.data_received's parameter",
    "data_received": "asyncio.Protocol's",
    "data_type": "SQS's DataType",
    "handler": "aiohttp's: a middleware takes (request, handler)",
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def empty_words(name: str) -> set[str]:
    """Return the words of a name that say nothing, in the singular."""
    words = {word.removesuffix("s") for word in words_of(name)}
    return words & EMPTY_WORDS


def words_of(name: str) -> set[str]:
    """Return the words of a name in lower case: `HTTPData` and `http_data` have two."""
    return {word.lower() for word in _WORD.findall(name)}


def defined_names(source: str) -> list[str]:
    """Return what others see of a module: functions, classes, parameters, fields, constants."""
    tree = ast.parse(source)
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        if isinstance(node, ast.arg):
            names.append(node.arg)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.append(node.attr)
        if isinstance(node, ast.Module | ast.ClassDef):
            names += [name for statement in node.body for name in assigned(statement)]
    return names


def assigned(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [
        name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
    ]


@pytest.mark.parametrize(
    "module",
    sorted(PACKAGE.rglob("*.py")),
    ids=lambda module: str(module.relative_to(PACKAGE)),
)
def test_no_name_has_an_empty_word(module: Path) -> None:
    names = {*defined_names(module.read_text()), *module.relative_to(PACKAGE).with_suffix("").parts}
    assert {name for name in names - set(IMPOSED) if empty_words(name)} == set()


@pytest.mark.parametrize(
    "name",
    ["QueueManager", "on_error_handler", "utils", "parse_info", "HTTPData", "_DATA", "helpers"],
)
def test_an_empty_word_is_found_in_every_spelling(name: str) -> None:
    assert empty_words(name)


@pytest.mark.parametrize(
    "name", ["information", "update", "database", "handle", "process", "Mutil"]
)
def test_a_word_that_only_looks_like_one_is_none(name: str) -> None:
    assert not empty_words(name)


def test_every_kind_of_definition_is_seen() -> None:
    source = """
        A = 1
        class B:
            c: int
            d, e = 1, 2
            async def f(self, g, *, h=1, **i):
                self.j = k = 1
        def l(): ...
    """
    names = defined_names("if 1:\n" + source) + defined_names("A = 1\nb: int = 1")
    assert set(names) >= {"B", "c", "d", "e", "f", "g", "h", "i", "j", "l", "A", "b"}
    assert "k" not in names
