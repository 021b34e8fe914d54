"""One followed object: what is known of it, and since when nothing is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.plan import ObjectKind
from gateway.core.routing.mesh.reader import InvalidObject
from gateway.core.routing.mesh.virtual_service import read_virtual_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.mesh.plan import ObjectName
    from gateway.core.routing.mesh.values import FollowedObject

T = TypeVar("T")

MOST_VALUES_AT_ONCE: Final = 500
"""Of an object that is read and compiled in the event loop, which takes some milliseconds; a larger
one is read beside it."""

CHARACTERS_OF_A_VALUE: Final = 100
"""A longer text counts as several values: some are read character by character."""

OUT_OF_REACH_SECONDS: Final = 10.0
"""How long an object may be out of reach before it is told as not valid."""


class Aside(Protocol):
    """Calls a function beside the event loop, as :func:`asyncio.to_thread` does."""

    async def __call__(self, act: Callable[[], T], /) -> T:
        """Return what the function returns."""


class WatchedObject:
    """An ObjectListener. `on_change` is called where there is something to put in force.

    `clock` gives seconds on any clock, `wall` Unix time.
    """

    def __init__(
        self,
        name: ObjectName,
        on_change: Callable[[], None],
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.name = name
        self.answered = False
        """Whether the API has ever said what there is."""
        self.values = 0
        """How many values its spec has, long texts as several, counted up to the most at once."""
        self.read_from: float | None = None
        """When the change came that was read last."""
        self.why = ""
        """Why it is out of reach now; empty where it is not."""
        self.synced_at: float | None = None
        self._document: dict[str, Any] | None = None
        self._changes = 0
        self._read_number = -1
        self._changed_at: float | None = None
        self._read: FollowedObject | InvalidObject | None = None
        self._on_change = on_change
        self._clock = clock
        self._wall = wall
        self._failing_since: float | None = None

    def changed(self, found: dict[str, Any] | None, /) -> None:
        """Take another object; what differs in its status or metadata alone is none."""
        if _same(self._document, found):
            return
        self._document = found
        self._changes += 1
        self._changed_at = self._wall()
        self.values = 0 if found is None else _count(found.get("spec"))
        self._on_change()

    def synced(self) -> None:
        """Record that all there is has been seen by now."""
        self.synced_at = self._wall()
        if not self.answered:
            self.answered = True
            self._on_change()

    def reached(self) -> None:
        """Record that changes arrive again; a list alone does not say that."""
        self._failing_since = None
        if self.why:
            self.why = ""
            self._on_change()

    def failed(self, why: str, /) -> None:
        """Record that the object cannot be read now."""
        if self._failing_since is None:
            self._failing_since = self._clock()
        if why != self.why:
            self.why = why
            self._on_change()

    @property
    def out_of_reach(self) -> bool:
        """Whether it has been out of reach for too long to be taken for well."""
        since = self._failing_since
        return since is not None and self._clock() - since >= OUT_OF_REACH_SECONDS

    @property
    def found(self) -> bool:
        """Whether there is such an object."""
        return self._document is not None

    @property
    def is_known(self) -> bool:
        """Whether the API has said what there is, and it has been read or can be at once."""
        return self.answered and (self._is_small or self._read_number >= 0)

    @property
    def number(self) -> int:
        """Which change :meth:`read` is of."""
        return self._changes if self._is_small else self._read_number

    @property
    def _is_small(self) -> bool:
        return self.values <= MOST_VALUES_AT_ONCE

    async def prepare(self, aside: Aside) -> bool:
        """Read a large object beside the event loop; return whether it was.

        Others may come meanwhile: what was read counts until the next one is.
        """
        number, came, document = self._changes, self._changed_at, self._document
        if self._is_small or number == self._read_number:
            return False
        self._read = await aside(partial(_read, self.name, document))
        self._read_number, self.read_from = number, came
        return True

    def read(self) -> FollowedObject | None:
        """Return what the object says, None where there is none; raises InvalidObject.

        Of a large one it is what was read last; call it where the object is known.
        """
        if self._is_small and self._read_number != self._changes:
            self._read = _read(self.name, self._document)
            self._read_number, self.read_from = self._changes, self._changed_at
        if isinstance(self._read, InvalidObject):
            raise self._read
        return self._read


def _count(value: Any) -> int:
    """Count the values in a JSON value and its long texts, to one more than the most at once."""
    values, of_texts = [value], 0
    for each in values:
        inner = each if isinstance(each, dict | list) else ()
        texts = inner if isinstance(each, dict) else (each,) if isinstance(each, str) else ()
        of_texts += sum(len(text) // CHARACTERS_OF_A_VALUE for text in texts)
        if len(values) + len(inner) + of_texts > MOST_VALUES_AT_ONCE:
            return MOST_VALUES_AT_ONCE + 1
        values += inner.values() if isinstance(inner, dict) else inner
    return len(values) + of_texts


def _same(before: dict[str, Any] | None, found: dict[str, Any] | None) -> bool:
    if before is None or found is None:
        return False
    try:
        return bool(before.get("spec") == found.get("spec"))
    except RecursionError:  # nested as deep as JSON can be read
        return False


def _read(
    name: ObjectName, document: dict[str, Any] | None
) -> FollowedObject | InvalidObject | None:
    if document is None:
        return None
    read = read_virtual_service if name.kind is ObjectKind.VIRTUAL_SERVICE else read_http_route
    try:
        return read(document)
    except InvalidObject as error:
        return error
