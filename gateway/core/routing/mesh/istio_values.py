"""Checks values of a VirtualService that are of one kind wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.durations import MILLISECOND, nanoseconds

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.string_match import Patterns

_LEAST_PERCENT: Final = 0.0001
_STATUS: Final = range(200, 601)
_MOST_NUMBER: Final = 2**31 - 1


def check_duration(reader: Reader, raw: Any, place: str) -> int | None:
    """Check a duration: whole milliseconds, and one at least; return its nanoseconds."""
    if raw is None or not isinstance(raw, str):
        reader.text(raw, place)  # which is a problem where it is no text
        return None
    found = nanoseconds(raw)
    if found is None:
        reader.invalid(place, "is no duration: write one such as 15s or 1m30s")
    elif found < MILLISECOND:
        reader.invalid(place, "must be 1ms at least: leave it out for none")
    elif found % MILLISECOND:
        reader.invalid(place, "is finer than a millisecond: write whole ones")
    return found


def check_percentage(reader: Reader, raw: Any, place: str) -> None:
    """Check the share of requests that a fault is for."""
    value = reader.fraction(reader.mapping(raw, place).get("value"), f"{place}.value", 100)
    if value is not None and 0 < value < _LEAST_PERCENT:
        reader.invalid(f"{place}.value", "must be 0, or in 0.0001..100")


def check_status(reader: Reader, raw: Any, place: str) -> None:
    """Check a status of HTTP; a missing one is 0, which is none."""
    found = reader.number(raw, place, _MOST_NUMBER)
    if (found or 0) not in _STATUS:
        reader.invalid(place, "must be a status in 200..599")


def check_pattern(reader: Reader, raw: Any, place: str, patterns: Patterns) -> None:
    """Check a regex that is not matched against messages; `patterns` are the object's."""
    problem = patterns.problem(reader.text(raw, place))
    if problem:
        reader.invalid(place, problem)
