"""What the names of a message's attributes come to, worked out once for all messages alike in them.

The messages of a queue have few sets of names, and names alone say which attribute is meant by a
name of any case, and how the header of each begins: 5 us a message where it is worked out anew.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "x-aws-sqsd-attr-"
"""What the header of an attribute is called, before the attribute's own name."""

_MOST_SETS: Final = 512  # senders choose the names: what is kept of them must have a bound
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class AttributeNames:
    """A set of names, as several messages have it."""

    __slots__ = ("all_sent", "first", "in_order", "trace_context")

    def __init__(self, names: tuple[str, ...]) -> None:
        ordered = sorted(names)
        first: dict[str, str] = {}
        for name in ordered:
            first.setdefault(name.lower(), name)
        self.first: Mapping[str, str] = first
        """Names by their lower case; of names alike but for case, the first."""
        self.in_order: tuple[tuple[str, str | None], ...] = tuple(
            (name, f"{PREFIX}{name}: " if self._has_header(name) else None) for name in ordered
        )
        """Sorted names, each with what its header begins with, or None where it can have none."""
        self.all_sent = all(start is not None for _, start in self.in_order)
        """Whether each name has a header."""
        self.trace_context: tuple[tuple[str, str], ...] = tuple(
            (first[name], f"{name}: ") for name in ("traceparent", "tracestate") if name in first
        )
        """The names of the trace context that are there, each with what its header begins with."""

    def _has_header(self, name: str) -> bool:
        return bool(_TOKEN.match(name)) and self.first[name.lower()] == name


names_of = lru_cache(maxsize=_MOST_SETS)(AttributeNames)
