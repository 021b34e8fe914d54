"""Notes what came of a route's deliveries: a message's only contact with the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.messages.message import Message
    from gateway.core.rollout.outcomes import Outcomes


class Recorder:
    """Notes the deliveries of messages that the route's split decided for one version.

    Only the first receive of a message counts; where the source does not count receives, each one
    is taken for the first. `key_of` gives the sticky key, None on a route that splits by message.
    `on_outcome` is called at each failure, and at an ack while `calls` is set. A delivery that hung
    was counted already: it counts once more if it fails.
    """

    __slots__ = ("_on_outcome", "_outcomes", "calls", "key_of")

    def __init__(self, outcomes: Outcomes, on_outcome: Callable[[], None]) -> None:
        self._outcomes = outcomes
        self._on_outcome = on_outcome
        self.calls = True
        self.key_of: Callable[[Message], str | None] | None = None

    def acked(self, message: Message, began_at: float, seconds: float, *, hung: bool) -> None:
        """Note an ack."""
        if hung or message.receive_count > 1:
            return
        key = None if self.key_of is None else self.key_of(message)
        self._outcomes.acked(began_at, seconds, key)
        if self.calls:
            self._on_outcome()

    def failed(self, message: Message, began_at: float, seconds: float, *, hung: bool) -> None:
        """Note a failure."""
        if message.receive_count > 1:
            return
        key = None if self.key_of is None else self.key_of(message)
        if hung:
            self._outcomes.failed_late(began_at + seconds, key)
        else:
            self._outcomes.failed(began_at, seconds, key)
        self._on_outcome()

    def awaits(self, message: Message) -> bool:
        """Whether the outcome of a delivery of this message will count."""
        return message.receive_count <= 1

    def hung(self, message: Message, began_at: float) -> None:
        """Note that a delivery has no outcome within the grace time."""
        self._outcomes.hung(began_at, None if self.key_of is None else self.key_of(message))
