"""Faults on purpose: what may go wrong with a request, for tests to ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tools.emulator.errors import SqsError


class Cut(Enum):
    """When the connection breaks instead of an answer."""

    BEFORE_EFFECT = auto()
    AFTER_EFFECT = auto()


class Mangling(Enum):
    """How an answer is spoilt on its way back."""

    CUT_JSON = auto()  # the length is honest, but the JSON breaks off
    CUT_BODY = auto()  # the connection closes before all that was promised is out
    GARBAGE = auto()  # status 200, and no JSON at all


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: an error without any effect, entries of a batch that fail, a late answer.

    `failed_entries` has errors by entry id; such an entry has no effect, whether it is there or not
    in the request at hand. With `silent` a cut connection stays open and nothing comes. `again`
    (0..1) chooses a leased message that a receive brings once more. A fault with a `kind` is
    counted under it, and written down for each message that it touched.
    """

    error: SqsError | None = None
    failed_entries: Mapping[str, SqsError] = field(default_factory=dict)
    cut: Cut | None = None
    delay_seconds: float = 0.0
    silent: bool = False
    mangling: Mangling | None = None
    again: float | None = None
    kind: str = ""

    def spare(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the request without the entries that fail."""
        if not self.failed_entries or "Entries" not in request:
            return request
        kept = [entry for entry in request["Entries"] if entry["Id"] not in self.failed_entries]
        return {**request, "Entries": kept}

    def blame(self, request: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer with the entries that failed."""
        ids = [entry["Id"] for entry in request.get("Entries", ())]
        failed = [self.failed_entries[i].entry(i) for i in ids if i in self.failed_entries]
        return {**answer, "Failed": [*answer.get("Failed", ()), *failed]} if failed else answer


NONE: Final = Fault()

Intercept = Callable[[str, Mapping[str, Any]], "Fault | None"]
"""Asked about each request, by operation and members, before it has any effect."""


def no_faults(operation: str, request: Mapping[str, Any]) -> Fault | None:
    """Let everything go right."""
    return None
