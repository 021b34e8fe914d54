"""One followed object: what is known of it, and since when nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.plan import ObjectKind
from gateway.core.routing.mesh.reader import InvalidObject
from gateway.core.routing.mesh.virtual_service import read_virtual_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.mesh.plan import ObjectName
    from gateway.core.routing.mesh.values import FollowedObject

OUT_OF_REACH_SECONDS: Final = 10.0
"""How long an object may be out of reach before it is told as not valid."""


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
        self.changes = 0
        self.why = ""
        """Why it is out of reach now; empty where it is not."""
        self.synced_at: float | None = None
        self.changed_at: float | None = None
        self._document: dict[str, Any] | None = None
        self._read: FollowedObject | InvalidObject | None = None
        self._on_change = on_change
        self._clock = clock
        self._wall = wall
        self._failing_since: float | None = None

    def changed(self, found: dict[str, Any] | None, /) -> None:
        """Take another object; what differs in its status or metadata alone is none."""
        before = self._document
        if before is not None and found is not None and before.get("spec") == found.get("spec"):
            return
        self._document = found
        self._read = None
        self.changes += 1
        self.changed_at = self._wall()
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

    def read(self) -> FollowedObject | None:
        """Return what the object says, None where there is none; raises InvalidObject."""
        if self._read is None and self._document is not None:
            self._read = _read(self.name, self._document)
        if isinstance(self._read, InvalidObject):
            raise self._read
        return self._read


def _read(name: ObjectName, document: dict[str, Any]) -> FollowedObject | InvalidObject:
    read = read_virtual_service if name.kind is ObjectKind.VIRTUAL_SERVICE else read_http_route
    try:
        return read(document)
    except InvalidObject as error:
        return error
