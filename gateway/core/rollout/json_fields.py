"""Reads JSON strictly: every key known and there, every value of its kind, every error with its
place. Pure.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import StrEnum

    Choice = TypeVar("Choice", bound=StrEnum)
    Item = TypeVar("Item")


class TornStateError(Exception):
    """A stored state cannot be used; `str()` says what is the matter with it, and where."""


class Field:
    """A JSON value and its place. Each method returns the value as one kind.

    Raises TornStateError.
    """

    def __init__(self, value: Any, place: str = "") -> None:
        self._value = value
        self._place = place

    def fail(self, what: str) -> NoReturn:
        """Raise TornStateError for this place."""
        raise TornStateError(f"{self._place}: {what}" if self._place else what)

    @property
    def is_null(self) -> bool:
        """Whether it is null."""
        return self._value is None

    def text(self) -> str:
        """Return a string."""
        return self._value if isinstance(self._value, str) else self.fail("is no text")

    def flag(self) -> bool:
        """Return true or false."""
        value = self._value
        return value if isinstance(value, bool) else self.fail("is not true or false")

    def whole(self, low: int, high: int = 2**53) -> int:
        """Return a whole number within limits."""
        value = self._value
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(f"is no whole number from {low} to {high}")
        return value

    def number(self) -> float:
        """Return a finite number."""
        value = self._value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            number = float(value) if is_number else math.nan
        except OverflowError:
            number = math.inf
        return number if math.isfinite(number) else self.fail("is no finite number")

    def choice(self, members: Iterable[Choice]) -> Choice:
        """Return one of these members of an enumeration."""
        named = {str(member): member for member in members}
        found = named.get(self.text())
        if found is None:
            self.fail(f"is not one of {', '.join(named)}")
        return found

    def items(self, read: Callable[[Field], Item], low: int, high: int) -> tuple[Item, ...]:
        """Return the items of a list of `low` to `high` of them."""
        value = self._value
        if not isinstance(value, list) or not low <= len(value) <= high:
            self.fail(f"is no list of {low} to {high} items")
        return tuple(read(Field(each, f"{self._place}[{at}]")) for at, each in enumerate(value))

    def mapping(self, read: Callable[[Field], Item]) -> dict[str, Item]:
        """Return an object whose keys are names of any kind."""
        if not isinstance(self._value, dict):
            self.fail("is no object")
        return {key: read(self._below(key, each)) for key, each in self._value.items()}

    def keys(self, *names: str) -> tuple[Field, ...]:
        """Return the values of an object that has exactly these keys."""
        if not isinstance(self._value, dict):
            self.fail("is no object")
        for name in names:
            if name not in self._value:
                self.fail(f"{name} is missing")
        for name in self._value:
            if name not in names:
                self._below(name, None).fail("is not known")
        return tuple(self._below(name, self._value[name]) for name in names)

    def version(self) -> int:
        """Return the `version` of an object, of any content."""
        if not isinstance(self._value, dict) or "version" not in self._value:
            self.fail("has no version")
        return self._below("version", self._value["version"]).whole(0)

    def _below(self, key: str, value: Any) -> Field:
        shown = ascii(key[:40])[1:-1]
        return Field(value, f"{self._place}.{shown}" if self._place else shown)


def read_json(text: str) -> Field:
    """Parse JSON in which no key comes twice; raises TornStateError."""
    if not text.strip():
        raise TornStateError("is empty")
    try:
        return Field(json.loads(text, object_pairs_hook=_once, parse_constant=_refuse))
    except TornStateError:
        raise
    except (ValueError, RecursionError):
        raise TornStateError("is no JSON") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise TornStateError("a key comes twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise TornStateError(f"{name} is no finite number")
