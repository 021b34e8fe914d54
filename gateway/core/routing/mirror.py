"""A mirror: a version that gets copies of messages which another version handles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.core.messages.envelopes import unwrapped
from gateway.core.routing.split import BUCKETS

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.mesh.evaluator import Followed
    from gateway.core.routing.split import Split
    from gateway.core.routing.version import Version

BUCKETS_OF_A_PERCENT: Final = BUCKETS // 100


@dataclass(frozen=True, slots=True)
class Mirror:
    """Which messages are copied to the version `to`: its share of `split`, whose seed is its own.

    With `by`, a followed object, it is the object that says of each message which share that is, up
    to that of `split`, and only of those that it decides as the route does.
    At most `max_in_flight` copies are under way, each for at most `timeout_seconds`. `unwraps`: the
    sticky key is read from what a notification of SNS contains, as the route's own split reads it.
    """

    to: Version
    split: Split
    max_in_flight: int = 20
    timeout_seconds: float = 5.0
    unwraps: bool = False
    by: Followed | None = None

    @property
    def percent(self) -> float:
        """The share of the other versions' messages that is copied, 0..100."""
        return self.split.edges[0] / BUCKETS_OF_A_PERCENT

    def copies_from(self, version: Version) -> bool:
        """Whether any message that was decided for this version is copied."""
        return self.split.edges[0] > 0 and version.name != self.to.name

    def copies(self, message: Message, version: Version) -> bool:
        """Whether this one is, which was decided for that version: on its first receive alone.

        Where the source does not count receives, each one is taken for the first. The message drops
        what was derived from it, as after a decision.
        """
        if message.receive_count > 1 or not self.copies_from(version):
            return False
        read = unwrapped(message) if self.unwraps else message
        edge = float(self.split.edges[0])
        if self.by is not None:
            edge = self.by.copied(read, version, self.to) * BUCKETS_OF_A_PERCENT
        bucket = self.split.bucket(read)
        message.forget()
        return bucket < edge
