"""JMESPath with a limit: no body makes a configured path take long, or build a large value.

The interpreter visits the body once for each step of a path, which is linear. Some steps build a
value larger than their input: `join` with a separator out of the body, lists that hold a value
several times. So each step pays in units, and the search ends when its units are used up.
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
"""The most steps of one search; a search that needs more finds nothing."""

UNITS_IN_A_STEP: Final = 20
"""The number of characters or items which cost as much to move as one step."""

_UNITS_OF_A_VALUE: Final = 5  # the cost of counting one value of a tree


class SearchLimitExceeded(Exception):  # noqa: N818 - it says something of a body, and is no defect
    """The search would take more than :data:`MAX_STEPS`."""


class Search:
    """A compiled path. Raises jmespath's JMESPathError where the text is not a path."""

    __slots__ = ("_interpreter", "_parsed")

    def __init__(self, path: str) -> None:
        self._parsed: ParsedResult = jmespath.compile(path)
        self._interpreter = _LimitedInterpreter()  # kept: making one costs as much as a search

    def find(self, value: Any) -> Any:
        """Return what the path finds; raises SearchLimitExceeded, and any error of the library."""
        self._interpreter.units_left = MAX_STEPS * UNITS_IN_A_STEP
        return self._interpreter.visit(self._parsed.parsed, value)


class _LimitedInterpreter(TreeInterpreter):
    """The library's interpreter, which pays for each step before it takes it."""

    def __init__(self) -> None:
        self._library = Functions()
        super().__init__(Options(custom_functions=self._library))
        self.units_left = 0
        self._steps: dict[str, Callable[[Any, Any], Any]] = {}

    def visit(self, node: Any, *args: Any, **_: Any) -> Any:
        """Take a step; its method is cached, which the library does more slowly."""
        self.units_left -= UNITS_IN_A_STEP
        if self.units_left < 0:
            raise SearchLimitExceeded
        kind = node["type"]
        step = self._steps.get(kind)
        if step is None:
            step = self._steps[kind] = getattr(self, f"visit_{kind}")
        return step(node, *args)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Flatten as the library does, but pay for the result before it is built."""
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
        return self._pay_for(super().visit_multi_select_list(node, value))

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        return self._pay_for(super().visit_multi_select_dict(node, value))

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """Call as the library does, but pay for the arguments, and for the result of `join`."""
        arguments = [self.visit(child, value) for child in node["children"]]
        self._pay(sum(map(_length, arguments)))
        if node["value"] == "join" and len(arguments) > 1:
            self._pay(_length(arguments[0]) * _length(arguments[1]))
        return self._library.call_function(node["value"], arguments)

    def _pay_for(self, built: Any) -> Any:
        """Pay for a value that may hold another one several times; each occurrence counts."""
        self._pay(_units(built, self.units_left))
        return built

    def _pay(self, units: int) -> None:
        self.units_left -= units
        if self.units_left < 0:
            raise SearchLimitExceeded


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


def _units(value: Any, most: int) -> int:
    """Count values and characters, each occurrence of a value; stop above `most`."""
    units, pending = 0, [value]
    while pending and units <= most:
        each = pending.pop()
        units += _UNITS_OF_A_VALUE + (len(each) if isinstance(each, str) else 0)
        if isinstance(each, list):
            pending += each
        elif isinstance(each, dict):
            units += sum(map(len, each))
            pending += each.values()
    return units
