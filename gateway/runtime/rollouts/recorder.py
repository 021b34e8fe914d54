"""Notes what came of a route's deliveries: a message's only contact with the evidence."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gateway.runtime.in_flight import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.core.messages.message import Message
    from gateway.core.rollout.outcomes import Outcomes
    from gateway.runtime.in_flight import InFlightMessage


class Recorder:
    """Notes the deliveries of messages that the route's split decided for one version.

    Only the first receive of a message counts; where the source does not count receives, each one
    is taken for the first. `key_of` gives the sticky key, None on a route that splits by message.
    `on_outcome` is called at each failure, and at an ack while `calls` is set.
    """

    __slots__ = ("_on_outcome", "_outcomes", "calls", "key_of")

    def __init__(self, outcomes: Outcomes, on_outcome: Callable[[], None]) -> None:
        self._outcomes = outcomes
        self._on_outcome = on_outcome
        self.calls = True
        self.key_of: Callable[[Message], str | None] | None = None

    def acked(self, entry: InFlightMessage) -> None:
        """Note an ack."""
        message = entry.message
        if message.receive_count > 1 or entry.counted:
            return
        key = None if self.key_of is None else self.key_of(message)
        self._outcomes.acked(entry.began_at, entry.seconds, key)
        if self.calls:
            self._on_outcome()

    def failed(self, entry: InFlightMessage) -> None:
        """Note a failure; of what had hung, one more."""
        if entry.message.receive_count > 1:
            return
        key = None if self.key_of is None else self.key_of(entry.message)
        if entry.counted:
            self._outcomes.failed_late(entry.began_at + entry.seconds, key)
        else:
            self._outcomes.failed(entry.began_at, entry.seconds, key)
            entry.counted = True
        self._on_outcome()

    def hung(self, entry: InFlightMessage) -> None:
        """Note a delivery that has no outcome within the grace time."""
        key = None if self.key_of is None else self.key_of(entry.message)
        self._outcomes.hung(entry.began_at, key)
        entry.counted = True


def find_oldest(
    entries: Iterable[InFlightMessage],
    recorders: Iterable[Recorder],
    has_hung: Callable[[float], bool],
) -> float:
    """Return when the oldest delivery under way began that these recorders are to hear of.

    What has hung is noted, and not waited for.
    """
    oldest, heard = inf, list(recorders)
    for entry in entries:
        recorder = None if entry.plan is None else entry.plan.evidence
        if (
            recorder is None
            or entry.counted
            or entry.state is not State.DELIVERING
            or entry.message.receive_count > 1
            or recorder not in heard
        ):
            continue
        if has_hung(entry.began_at):
            recorder.hung(entry)
        else:
            oldest = min(oldest, entry.began_at)
    return oldest
