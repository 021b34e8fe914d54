"""What can go wrong with one call to a source."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.ports import EntryError, SourceError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping


class Operation(StrEnum):
    """The calls of the port."""

    RESOLVE = "resolve"
    RECEIVE = "receive"
    DELETE = "delete"
    CHANGE_VISIBILITY = "change_visibility"
    SEND_DEAD_LETTER = "send_dead_letter"


BUSY: Final = EntryError("InternalError", "InternalError: try again")
LOST: Final = EntryError("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid: too late", True)  # noqa: FBT003


@dataclass(frozen=True, slots=True)
class Fault:
    """`error` is raised, `entries` fail by position; `applied`: the effect happens all the same.

    `before` and `after` hold the call until they are set: ahead of its effect, or after it.
    """

    error: SourceError | None = None
    entries: Mapping[int, EntryError] = field(default_factory=dict)
    applied: bool = False
    before: asyncio.Event | None = None
    after: asyncio.Event | None = None


NONE: Final = Fault()


def refused(why: str = "the queue is down", code: str = "ServiceUnavailable") -> Fault:
    """Make a call fail without any effect."""
    return Fault(error=SourceError(why, code))


def reply_lost() -> Fault:
    """Make a call take effect and fail all the same."""
    return Fault(error=SourceError("the connection broke", "ConnectionError"), applied=True)


def entries_fail(*positions: int, error: EntryError = BUSY, applied: bool = False) -> Fault:
    """Make some entries of a batch fail; `applied`: they take effect all the same."""
    return Fault(entries=dict.fromkeys(positions, error), applied=applied)


class Faults:
    """The faults of the next calls: those scripted for an operation, then those of `choose`."""

    def __init__(self) -> None:
        self._scripted: dict[Operation, deque[Fault]] = defaultdict(deque)
        self.choose: Callable[[Operation, int], Fault] = lambda _operation, _entries: NONE

    def script(self, operation: Operation, *faults: Fault) -> None:
        """Give the next calls of an operation these faults, one each."""
        self._scripted[operation].extend(faults)

    def next(self, operation: Operation, entries: int) -> Fault:
        """Return the fault of the call that begins now."""
        scripted = self._scripted[operation]
        return scripted.popleft() if scripted else self.choose(operation, entries)
