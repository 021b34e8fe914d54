"""What can be seen of a gateway at work: what each version did, and decisions as they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Decision

Point = tuple[float, int, int, float, float]
"""A span of time: its begin (Unix time), deliveries acked and not, p50 and p99 in seconds."""

Watch = Callable[[str, "Message", "Decision"], None]
"""Gets the name of a route, a message, and the decision on it. It must be quick, and not raise."""


@dataclass(frozen=True, slots=True)
class History:
    """Spans of 5 s over 5 minutes, and of a minute over an hour.

    In the order of time; spans without a delivery are left out, and the last one goes on.
    """

    fine: Sequence[Point] = ()
    coarse: Sequence[Point] = ()


class Histories(Protocol):
    """The past of all routes."""

    def history(self, route: str, since: float = 0.0) -> Mapping[str, History]:
        """Return what each version did in the spans that ended after `since` (Unix time)."""


class Watchable(Protocol):
    """What makes decisions."""

    def watch(self, watch: Watch | None) -> None:
        """Give every decision to `watch`, also those of later routes; None: to nothing."""
