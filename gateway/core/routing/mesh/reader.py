"""Reads the JSON of a Kubernetes object with strict types and collects what is invalid in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_PROBLEMS: Final = 20
"""The most problems of one object that are kept; the rest is a number."""

MOST_CHARACTERS: Final = 200
MOST_PORT: Final = 65_535
_MORE: Final = re.compile(r"and ([0-9]+) more")


class InvalidObject(ValueError):  # noqa: N818 - it is what the object is
    """An object that the API server or the mesh refuses, or that is too large; nothing is taken."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Unsupported(Exception):  # noqa: N818 - it is what a field is
    """A valid field that cannot be obeyed: the route that has it is blocked, never the object."""


class Reader:
    """Returns values of the expected type, or a default, and keeps problems with their places.

    `notes` are sentences on what is valid and not obeyed.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notes: dict[str, None] = {}
        self._left_out = 0
        self._notes_left_out = 0

    def invalid(self, place: str, reason: str) -> None:
        """Keep a problem."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{short(place)}: {short(reason)}")
        else:
            self._left_out += 1

    def note(self, sentence: str) -> None:
        """Keep a note once."""
        kept = short(sentence)
        if len(self.notes) < MOST_PROBLEMS:
            self.notes.setdefault(kept)
        elif kept not in self.notes:
            self._notes_left_out += 1

    def finish(self) -> tuple[str, ...]:
        """Return the notes; raises InvalidObject where there are problems."""
        if self.problems:
            more = (f"and {self._left_out} more",) if self._left_out else ()
            raise InvalidObject((*self.problems, *more))
        more = (f"and {self._notes_left_out} more",) if self._notes_left_out else ()
        return (*self.notes, *more)

    def mapping(self, raw: Any, place: str) -> dict[str, Any]:
        """Return an object; empty where there is none."""
        if raw is None:
            return {}
        if isinstance(raw, dict):
            return raw
        self.invalid(place, "must be an object")
        return {}

    def items(self, raw: Any, place: str) -> list[Any]:
        """Return a list; empty where there is none."""
        if raw is None:
            return []
        if isinstance(raw, list):
            return raw
        self.invalid(place, "must be a list")
        return []

    def text(self, raw: Any, place: str, default: str = "") -> str:
        """Return a text; a lone surrogate, which is no UTF-8, makes it invalid."""
        if raw is None:
            return default
        if not isinstance(raw, str):
            self.invalid(place, "must be a string")
            return default
        if raw.isascii():  # read by the million: quick where it is most texts
            return raw
        try:
            raw.encode()
        except UnicodeEncodeError:
            self.invalid(place, "is no UTF-8")
            return default
        return raw

    def texts(self, raw: Any, place: str) -> tuple[str, ...]:
        """Return a list of texts."""
        items = self.items(raw, place)
        return tuple(self.text(each, f"{place}[{at}]") for at, each in enumerate(items))

    def flag(self, raw: Any, place: str) -> bool:
        """Return a boolean; false where there is none."""
        if raw is None or isinstance(raw, bool):
            return bool(raw)
        self.invalid(place, "must be true or false")
        return False

    def number(self, raw: Any, place: str, most: int, least: int = 0) -> int | None:
        """Return a whole number within bounds, also of 10.0, which Argo Rollouts writes."""
        value = self.fraction(raw, place, most, least)
        if value is None or value == int(value):
            return None if value is None else int(value)
        self.invalid(place, "must be a whole number")
        return None

    def fraction(self, raw: Any, place: str, most: int, least: int = 0) -> float | None:
        """Return a number within bounds; None where there is none, or another value."""
        if raw is None:
            return None
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            self.invalid(place, "must be a number")
        elif not least <= raw <= most:  # NaN too
            self.invalid(place, f"must be in {least}..{most}")
        else:
            return raw
        return None


def first_notes(notes: Iterable[str]) -> tuple[str, ...]:
    """Return as many notes as are kept, once each, and how many more there are of all."""
    every = list(notes)
    left = sum(int(found[1]) for each in every if (found := _MORE.fullmatch(each)))
    kept = list(dict.fromkeys(each for each in every if not _MORE.fullmatch(each)))
    left += max(0, len(kept) - MOST_PROBLEMS)
    return (*kept[:MOST_PROBLEMS], *((f"and {left} more",) if left else ()))


def short(text: str) -> str:
    """Return a text for people; an object may have names of any length and of any characters."""
    return printable(text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}...")
