"""Injected faults: what can go wrong with a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tools.emulator.errors import SqsError


class Cut(Enum):
    """When the connection breaks, instead of a response."""

    BEFORE_EFFECT = auto()
    AFTER_EFFECT = auto()


class Mangling(Enum):
    """How a response is damaged."""

    CUT_JSON = auto()  # the length is right, but the JSON is cut
    CUT_BODY = auto()  # the connection closes before content-length bytes
    GARBAGE = auto()  # status 200, not JSON


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: an error without any effect, failed entries of a batch, a late response.

    `failed_entries` has errors by entry id; ids that the request does not have are ignored. With
    `silent` a cut connection stays open without a response. `again` (0..1) chooses a leased message
    that a receive returns once more. A fault with a `kind` is counted under it, and recorded in the
    history of each message that it affects.
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

    def blame(self, request: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        """Return the result with the entries that failed."""
        ids = [entry["Id"] for entry in request.get("Entries", ())]
        failed = [self.failed_entries[i].entry(i) for i in ids if i in self.failed_entries]
        return {**result, "Failed": [*result.get("Failed", ()), *failed]} if failed else result


NONE: Final = Fault()

Intercept = Callable[[str, Mapping[str, Any]], "Fault | None"]
"""Called with operation and members of each request, before it has any effect."""


def no_faults(operation: str, request: Mapping[str, Any]) -> Fault | None:
    """Inject nothing."""
    return None
