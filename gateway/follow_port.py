"""The port to what routes follow: objects of a mesh, which others write and the gateway reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Never, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.routing.mesh.plan import ObjectName


class FollowError(Exception):
    """An object cannot be read; `str()` is a sentence that says why and what to do."""


class ObjectListener(Protocol):
    """Is called with what becomes of one object; it must be quick and must not raise."""

    def changed(self, found: dict[str, Any] | None, /) -> None:
        """Take the object, as JSON has it, that is new or has changed; None: it is gone."""

    def synced(self) -> None:
        """Record that all there is has been seen by now."""

    def reached(self) -> None:
        """Record that changes arrive again: what has failed before is over."""

    def failed(self, why: str, /) -> None:
        """Record that the object cannot be read now; it is tried again."""


class ObjectSource(Protocol):
    """Where followed objects are."""

    async def open(self) -> str:
        """Return the gateway's own namespace; raises FollowError."""

    async def follow(self, name: ObjectName, listener: ObjectListener) -> Never:
        """Tell of an object and its changes until cancelled."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class FollowView:
    """What a route follows, as it stands on this replica.

    `host` is what producers call; None: the first one of an object that is not known yet. `read`:
    the source has said once what there is. `found`: there is such an object. `valid`: it could be
    taken, and its source is in reach. `problem` says what is wrong, else `not_applied` why it does
    not exist for producers. `since` and `synced_at` are Unix times: of the object in force, and of
    the last word from the source. `destinations` are hosts with their subset after a slash, and the
    version each of them is, some left out where there are many; `unmapped_share` is the part of the
    object's weights, 0..1, that belongs to those that are none, `unmapped` the number of messages.
    """

    route: str
    object: str
    host: str | None = None
    read: bool = False
    found: bool = False
    valid: bool = False
    problem: str = ""
    not_applied: str = ""
    since: float | None = None
    synced_at: float | None = None
    unmapped: int = 0
    unmapped_share: float = 0.0
    unroutable: int = 0
    destinations: Mapping[str, str | None] = field(default_factory=dict)
    destinations_left_out: int = 0
    notes: Sequence[str] = ()
