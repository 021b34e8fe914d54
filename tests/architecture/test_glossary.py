"""Code uses the words of docs/glossary.md: names, docstrings and comments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING, Final

import pytest

from tests.architecture.rooms import label, modules
from tests.architecture.test_names import defined_names, words_of
from tests.docs.glossary import words_to_avoid
from tests.docs.test_words import unplain

if TYPE_CHECKING:
    from pathlib import Path

AVOIDED: Final = words_to_avoid("names")
IMPOSED: Final = {
    "children": "what a YAML node has below it; jmespath's nodes have them too",
    "PAUSE": "the verb of a rollout, as Flagger and Argo Rollouts have it",
    "pause": "the key of a step of a rollout, for the same verb",
    "Refusal": "of a request to the admin port, with 401 or 403",
    "refusal": "of a request to the admin port, with 401 or 403",
}
WITH_DOCSTRING: Final = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
MARKUP: Final = re.compile(r"``.+?``|:\w+:`.+?`")


def avoided_words(name: str) -> set[str]:
    """Return the words of a name that are to be avoided, each with ours."""
    found = {form for word in words_of(name) for form in (word, word.removesuffix("s"))}
    return {f"{word}: {AVOIDED[word]}" for word in found & AVOIDED.keys()}


def texts(source: str) -> list[str]:
    """Return the comments and docstrings of a module, those of attributes included."""
    lines = io.StringIO(source).readline
    found = [
        token.string for token in tokenize.generate_tokens(lines) if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found += [node.value.value] if isinstance(node.value.value, str) else []
    return found


def avoided_text(source: str) -> list[str]:
    """Return the words of comments and docstrings that have a plain one."""
    found = []
    for text in texts(source):
        on_one_line = " ".join(MARKUP.sub("", text).replace("\n#", " ").split())
        found += unplain(on_one_line)
    return found


@pytest.mark.parametrize("module", modules(), ids=label)
def test_names_use_the_words_of_the_glossary(module: Path) -> None:
    names = {
        *defined_names(module.read_text("utf-8")),
        *label(module).removesuffix(".py").split("/"),
    }
    found = {name: words for name in names - IMPOSED.keys() if (words := avoided_words(name))}
    assert found == {}


@pytest.mark.parametrize("module", modules(), ids=label)
def test_docstrings_and_comments_are_plain(module: Path) -> None:
    assert avoided_text(module.read_text("utf-8")) == []


def test_there_are_modules_to_read_and_words_to_avoid() -> None:
    assert len(modules()) > 60
    assert len(AVOIDED) > 35


@pytest.mark.parametrize("word", AVOIDED)
def test_each_of_the_words_is_found_in_a_name(word: str) -> None:
    for name in (word, f"{word}s", f"_{word}_of", f"By{word.capitalize()}", word.upper()):
        assert avoided_words(name) == {f"{word}: {AVOIDED[word]}"}


@pytest.mark.parametrize(
    "source",
    [
        "def tell(): ...",
        "def f(lane): ...",
        "class InHand: ...",
        "class A:\n    def f(self):\n        self.outbox = 1",
        "class A:\n    legs: int",
        "CHANCE = 0.5",
    ],
)
def test_a_planted_name_is_found(source: str) -> None:
    assert any(avoided_words(name) for name in defined_names(source))


@pytest.mark.parametrize("name", ["handle", "leading", "planes", "elegant", "showcase", "factor"])
def test_a_name_that_only_looks_like_one_is_not(name: str) -> None:
    assert avoided_words(name) == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""Told to whoever asks."""', ["whoever"]),
        ("x = 1  # nobody reads it", ["nobody"]),
        ("# read by so\n# many of them", []),  # each comment is by itself
        ('class A:\n    """A message in\n    hand."""', ["in hand"]),
        ('x = 1\n"""What it comes to."""', ["comes to"]),
        ('def f():\n    """Return `nobody`."""', []),
        ("x = 'somebody'", []),
    ],
)
def test_a_planted_text_is_found(source: str, found: list[str]) -> None:
    assert [each.partition(":")[0] for each in avoided_text(source)] == found


def test_the_glossary_says_where_a_word_is_avoided() -> None:
    page = "| `a`, `b c` | d | names, text |\n| `e` | f | text |\n| **g** | h |\n"
    assert words_to_avoid("names", page) == {"a": "d", "b c": "d"}
    assert words_to_avoid("text", page) == {"a": "d", "b c": "d", "e": "f"}
