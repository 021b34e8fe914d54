"""Values with gaps: what is missing, null or empty at many places at once, and which one it was.

A render costs a tenth of a second, and there are hundreds of places. So half of them have a gap in
one render; only where that renders something else, each has its own.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from tests.chart.rendering import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from tests.chart.rendering import Object

    Rendered = Callable[[dict[str, Any]], list[Object]]

Place = tuple[str, ...]
"""The keys that lead to a value."""
MISSING: Final = object()


def halves(places: Iterable[Place]) -> list[list[Place]]:
    """Return halves such that of any two places each has a gap where the other has none.

    They are told apart by the digits of their numbers in base 2.
    """
    numbered = list(enumerate(places))
    digits = range((len(numbered) - 1).bit_length())
    return [
        [place for at, place in numbered if at >> digit & 1 == side]
        for digit in digits
        for side in (0, 1)
    ]


def with_gaps(values: dict[str, Any], places: Iterable[Place], gap: Any) -> dict[str, Any]:
    """Return the values with a gap at each place: MISSING, or what stands there instead."""
    out = copy.deepcopy(values)
    for *path, key in places:
        inner = out
        for step in path:
            inner = inner[step]
        if gap is MISSING:
            del inner[key]
        else:
            inner[key] = gap
    return out


def felt(
    rendered: Rendered, values: dict[str, Any], places: Collection[Place], gap: Any
) -> list[Place]:
    """Return the places whose gap changes what is rendered; all where only their company does."""
    expected = rendered(values)

    def changes(some: Iterable[Place]) -> bool:
        try:
            return rendered(with_gaps(values, some, gap)) != expected
        except RefusedError:
            return True

    if not changes(places):
        return []
    return [each for each in places if changes([each])] or list(places)
