"""JMESPath with a bound: a body cannot make a configured path take long, or make much of it.

A path walks the body once for each of its steps, which is fine; but some make a value larger than
what they were given: `join` with a separator out of the body, lists of a value with itself.
Source of the grammar: https://jmespath.org/specification.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jmespath
from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

if TYPE_CHECKING:
    from collections.abc import Callable

    from jmespath.parser import ParsedResult

MAX_STEPS: Final = 100_000
"""What one search may take, about a tenth of a second: beyond it there is no such value."""

UNITS_IN_A_STEP: Final = 20
"""So many characters or items that a step moves at once cost as much as one step."""

_UNITS_OF_A_LOOK: Final = 5  # what it takes to look at one value when a tree is counted


class SearchLimitExceeded(Exception):  # noqa: N818 - a verdict on a body, not a defect
    """The search would take more than :data:`MAX_STEPS`."""


class Search:
    """A compiled path. Raises jmespath's JMESPathError where the text is none."""

    __slots__ = ("_parsed", "_walk")

    def __init__(self, path: str) -> None:
        self._parsed: ParsedResult = jmespath.compile(path)
        self._walk = _Walk()  # kept: to make one takes as long as a short search

    def within(self, value: Any) -> Any:
        """Return what the path finds; raises TooMuch, and whatever the library lets through."""
        self._walk.units_left = MAX_STEPS * UNITS_IN_A_STEP
        return self._walk.visit(self._parsed.parsed, value)


class _Walk(TreeInterpreter):
    """The library's interpreter, which pays for each step before it takes it."""

    def __init__(self) -> None:
        self._library = Functions()
        super().__init__(Options(custom_functions=self._library))
        self.units_left = 0
        self._steps: dict[str, Callable[[Any, Any], Any]] = {}

    def visit(self, node: Any, *args: Any, **_: Any) -> Any:
        """Take a step; the library's own way to look it up is half again as slow."""
        self.units_left -= UNITS_IN_A_STEP
        if self.units_left < 0:
            raise SearchLimitExceeded
        kind = node["type"]
        step = self._steps.get(kind)
        if step is None:
            step = self._steps[kind] = getattr(self, f"visit_{kind}")
        return step(node, *args)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Flatten as the library does, the length of the result paid for before there is one."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        self._pay(sum(len(each) if isinstance(each, list) else 1 for each in base))
        flat: list[Any] = []
        for each in base:
            flat += each if isinstance(each, list) else [each]
        return flat

    def visit_slice(self, node: Any, value: Any) -> Any:
        self._pay(_length(value))
        return super().visit_slice(node, value)

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        return self._paid(super().visit_multi_select_list(node, value))

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        return self._paid(super().visit_multi_select_dict(node, value))

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """Call as the library does, the arguments paid for, and what `join` would make of them."""
        arguments = [self.visit(child, value) for child in node["children"]]
        self._pay(sum(map(_length, arguments)))
        if node["value"] == "join" and len(arguments) > 1:
            self._pay(_length(arguments[0]) * _length(arguments[1]))
        return self._library.call_function(node["value"], arguments)

    def _paid(self, made: Any) -> Any:
        """Pay for what may hold a value twice, and twice that the next time: each copy counts."""
        self._pay(_units(made, self.units_left))
        return made

    def _pay(self, units: int) -> None:
        self.units_left -= units
        if self.units_left < 0:
            raise SearchLimitExceeded


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


def _units(value: Any, most: int) -> int:
    """Count values and characters, what is there twice twice; stop when they are too many."""
    units, pending = 0, [value]
    while pending and units <= most:
        each = pending.pop()
        units += _UNITS_OF_A_LOOK + (len(each) if isinstance(each, str) else 0)
        if isinstance(each, list):
            pending += each
        elif isinstance(each, dict):
            units += sum(map(len, each))
            pending += each.values()
    return units
