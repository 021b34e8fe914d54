"""The core decides and does nothing else: its syntax trees are held to that."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "gateway" / "core"
MODULES = sorted(CORE.rglob("*.py"))
ALLOWED_MODULES = {
    "__future__", "base64", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib",
    "heapq", "ipaddress", "json", "math", "re", "typing", "jmespath", "orjson", "re2",
}  # fmt: skip
FORBIDDEN_CALLS = {
    "__import__", "breakpoint", "compile", "eval", "exec", "globals", "input", "open", "print",
    "vars",
    "hash", "id",  # another value in every process
}  # fmt: skip
ASYNC = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await, ast.Yield, ast.YieldFrom)
STATE = (ast.Global, ast.Nonlocal)


def impurities(source: str) -> list[str]:
    """Return what a module of the core may not have, in words."""
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [f"imports {name}" for name in imported(node) if not allowed(name)]
        if isinstance(node, ASYNC + STATE):
            found.append(f"has {type(node).__name__}")
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_CALLS:
            found.append(f"uses {node.id}()")
    return found


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "")]
    return []


def allowed(name: str) -> bool:
    within_core = name == "gateway.core" or name.startswith("gateway.core.")
    return within_core or name.partition(".")[0] in ALLOWED_MODULES


def test_there_is_a_core() -> None:
    assert {"decision.py", "split.py", "headers.py"} <= {module.name for module in MODULES}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_module_of_the_core_is_pure(module: Path) -> None:
    """No asyncio, no input or output, no clock, no chance, no logging, no state."""
    assert impurities(module.read_text()) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("import time", "imports time"),
        ("import asyncio as a", "imports asyncio"),
        ("from random import random", "imports random"),
        ("from datetime import datetime", "imports datetime"),
        ("import json, os.path", "imports os.path"),
        ("import logging.handlers", "imports logging.handlers"),
        ("from gateway import ports", "imports gateway"),
        ("from gateway.ports import Queue", "imports gateway.ports"),
        ("from gateway.core_of_evil import x", "imports gateway.core_of_evil"),
        ("from . import split", "imports ."),
        ("if 1:\n    def f():\n        import socket", "imports socket"),
        ("async def f(): ...", "has AsyncFunctionDef"),
        ("def f():\n    yield 1", "has Yield"),
        ("def f():\n    global seen\n    seen = 1", "has Global"),
        ("text = open('x')", "uses open()"),
        ("do = print", "uses print()"),
        ("x = [eval(y) for y in z]", "uses eval()"),
        ("bucket = hash(key) % 10", "uses hash()"),
        ("__import__('time')", "uses __import__()"),
    ],
)
def test_a_planted_impurity_is_found(planted: str, found: str) -> None:
    """A check that finds nothing anywhere would let everything pass."""
    assert impurities(planted) == [found]


def test_what_the_core_needs_is_no_impurity() -> None:
    fine = "from collections.abc import Mapping\nfrom gateway.core import baggage\nimport re2, json"
    assert impurities(fine) == []
