"""Sizes: a module fits into a few screens, a function into a part of one."""

from __future__ import annotations

import ast
from statistics import median
from typing import TYPE_CHECKING

import pytest

from tests.architecture.rooms import PACKAGE, label, modules

if TYPE_CHECKING:
    from pathlib import Path

MOST_LINES = 300
MEDIAN_MODULE = 120  # 109 in the first version, 102 after the rooms were laid out
MEDIAN_FUNCTION = 6
MOST_ADAPTERS = 10


def lines_of(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


@pytest.mark.parametrize("module", modules(), ids=label)
def test_no_module_is_longer_than_300_lines(module: Path) -> None:
    assert lines_of(module) <= MOST_LINES


def test_half_of_the_modules_and_functions_are_short() -> None:
    assert median(lines_of(each) for each in modules() if each.name != "__init__.py") <= (
        MEDIAN_MODULE
    )
    functions = [
        node.end_lineno - node.lineno + 1
        for each in modules()
        for node in ast.walk(ast.parse(each.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert median(functions) <= MEDIAN_FUNCTION


def test_adapters_are_sorted_into_few_rooms() -> None:
    rooms = [each for each in (PACKAGE / "adapters").iterdir() if each.name != "__pycache__"]
    assert len(rooms) <= MOST_ADAPTERS
