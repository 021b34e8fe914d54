"""What follows from the attribute names of a message alone, computed once for each set of names.

The messages of a queue have few different sets of names. The names decide which attribute a name
of any case refers to, and how the header of each begins.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "x-aws-sqsd-attr-"
"""The beginning of an attribute's header name; the attribute's own name follows."""

OTEL_BAGGAGE: Final = "otel.baggage"
"""How opentelemetry-instrumentation-boto3sqs up to 0.33b0 calls the attribute `baggage`."""

_MOST_SETS: Final = 512  # senders choose the names, so the cache is bounded
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class AttributeNames:
    """The attribute names of a message, in the order of the message."""

    __slots__ = ("all_sent", "baggage", "first", "in_order", "trace_context")

    def __init__(self, names: tuple[str, ...]) -> None:
        ordered = sorted(names)
        first: dict[str, str] = {}
        for name in ordered:
            first.setdefault(name.lower(), name)
        self.first: Mapping[str, str] = first
        """Names by their lower case; of names that differ only in case, the first in sort order."""
        self.baggage: str | None = first.get("baggage") or first.get(OTEL_BAGGAGE)
        """The name of the attribute that is read as the message's baggage, if there is one."""
        self.in_order: tuple[tuple[str, str | None], ...] = tuple(
            (name, f"{PREFIX}{name}: " if self._has_header(name) else None) for name in ordered
        )
        """Sorted names, each with the beginning of its header line; None where it has no header."""
        self.all_sent = all(start is not None for _, start in self.in_order)
        """Whether every name has a header."""
        self.trace_context: tuple[tuple[str, str], ...] = tuple(
            (first[name], f"{name}: ") for name in ("traceparent", "tracestate") if name in first
        )
        """Names of trace context attributes, each with the beginning of its header line."""

    def _has_header(self, name: str) -> bool:
        return bool(_TOKEN.match(name)) and self.first[name.lower()] == name


names_of = lru_cache(maxsize=_MOST_SETS)(AttributeNames)
