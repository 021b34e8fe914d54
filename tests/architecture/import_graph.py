"""Who imports whom, read from syntax trees, and the circles in that."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Graph = dict[str, set[str]]
Circle = tuple[str, ...]
"""The names of all that import each other in turn, sorted."""


def sources(package: Path) -> dict[str, str]:
    """Return the text of every module of a package by its dotted name, `a.__init__` for `a`'s."""
    root = package.parent
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path.read_text("utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def graph(texts: Mapping[str, str]) -> Graph:
    """Return what each module imports of the others, also in functions and for types only."""
    return {
        name: {target for wanted in _imported(text) if (target := _module(wanted, texts))} - {name}
        for name, text in texts.items()
    }


def circles(edges: Graph) -> set[Circle]:
    """Return the strongly connected parts of more than one node."""
    reach = {node: _reachable(node, edges) for node in edges}
    found = set()
    for node in edges:
        part = {other for other in reach[node] if node in reach.get(other, ())}
        if len(part | {node}) > 1:
            found.add(tuple(sorted(part | {node})))
    return found


def package_circles(edges: Graph) -> set[Circle]:
    """Return the circles between the children, packages and modules, of each package."""
    return {circle for parent in _packages(edges) for circle in circles(_within(parent, edges))}


def _imported(text: str) -> Iterator[str]:
    """Yield every dotted name that may be a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(name: str, known: Iterable[str]) -> str | None:
    """Return the module that an import loads: a package's is its `__init__`, a name's its own."""
    for candidate in (name, name.rpartition(".")[0]):
        for module in (candidate, f"{candidate}.__init__"):
            if module in known:
                return module
    return None


def _reachable(start: str, edges: Graph) -> set[str]:
    found: set[str] = set()
    todo = list(edges[start])
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += edges.get(node, ())
    return found


def _packages(edges: Graph) -> set[str]:
    parts = [name.split(".") for name in edges]
    return {".".join(each[:depth]) for each in parts for depth in range(1, len(each))}


def _within(parent: str, edges: Graph) -> Graph:
    """Return the graph of a package's children, from what the modules below them import."""
    depth = parent.count(".") + 2

    def child(module: str) -> str | None:
        inside = module.startswith(f"{parent}.")
        return ".".join(module.split(".")[:depth]) if inside else None

    found: defaultdict[str, set[str]] = defaultdict(set)
    for module, targets in edges.items():
        if (source := child(module)) is not None:
            found[source] |= {to for target in targets if (to := child(target))} - {source}
    return dict(found)
