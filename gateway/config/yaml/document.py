"""A routing file as a tree of plain values in which every value knows its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.config.problems.findings import Finding, Path


@dataclass(frozen=True, slots=True)
class Node:
    """A value. `written` is a plain scalar as it stands in the file, None for anything else.

    `size` and `depth` count what the value comes to with its aliases written out.
    """

    line: int
    value: Any
    children: Mapping[str | int, Child] = field(default_factory=dict)
    written: str | None = None
    size: int = 1
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Child:
    """A value below another, and the line that introduces it: its key's, or its own in a list."""

    line: int
    node: Node


@dataclass(frozen=True, slots=True)
class Document:
    """The one document of a file, and what was found while composing it."""

    root: Node
    findings: tuple[Finding, ...]

    def existing(self, path: Path) -> Path:
        """Return as much of a path as the file has."""
        return path[: len(self._way(path))]

    def line(self, path: Path) -> int:
        """Return the line that introduces what the path leads to, or the last step there is."""
        way = self._way(path)
        return way[-1].line if way else self.root.line

    def value(self, path: Path) -> Any:
        """Return the plain value at a path, None where there is none."""
        node = self._node(path)
        return None if node is None else node.value

    def written(self, path: Path) -> str | None:
        """Return the plain scalar at a path as the file spells it."""
        node = self._node(path)
        return None if node is None else node.written

    def _node(self, path: Path) -> Node | None:
        way = self._way(path)
        return way[-1].node if way and len(way) == len(path) else None

    def _way(self, path: Path) -> list[Child]:
        way: list[Child] = []
        node = self.root
        for step in path:
            child = node.children.get(step)
            if child is None:
                break
            way.append(child)
            node = child.node
        return way
