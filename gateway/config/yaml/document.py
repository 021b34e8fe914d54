"""A routing file as a tree of plain values, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.config.problems.findings import Finding, Path


@dataclass(frozen=True, slots=True)
class Node:
    """A value. `written` is the text of a plain scalar in the file, None for any other value.

    `size` is the number of values and `depth` the number of levels, aliases expanded.
    """

    line: int
    value: Any
    children: Mapping[str | int, Child] = field(default_factory=dict)
    written: str | None = None
    size: int = 1
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Child:
    """A value below another, and its line: that of its key, or its own in a list."""

    line: int
    node: Node


@dataclass(frozen=True, slots=True)
class Document:
    """The document of a file, and the findings of composing it."""

    root: Node
    findings: tuple[Finding, ...]

    def existing(self, path: Path) -> Path:
        """Return the part of a path that the file has."""
        return path[: len(self._steps(path))]

    def line(self, path: Path) -> int:
        """Return the line of the value at a path, or of its last existing step."""
        found = self._steps(path)
        return found[-1].line if found else self.root.line

    def value(self, path: Path) -> Any:
        """Return the plain value at a path, or None where the file has none."""
        node = self._node(path)
        return None if node is None else node.value

    def written(self, path: Path) -> str | None:
        """Return the text of the plain scalar at a path as it is in the file."""
        node = self._node(path)
        return None if node is None else node.written

    def _node(self, path: Path) -> Node | None:
        found = self._steps(path)
        return found[-1].node if found and len(found) == len(path) else None

    def _steps(self, path: Path) -> list[Child]:
        found: list[Child] = []
        node = self.root
        for step in path:
            child = node.children.get(step)
            if child is None:
                break
            found.append(child)
            node = child.node
        return found
