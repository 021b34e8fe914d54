"""What a route of a followed object does with the requests that it matches, as decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.core.routing.decision import Decision
from gateway.core.routing.split import BUCKETS

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Reason
    from gateway.core.routing.mesh.destinations import Shares
    from gateway.core.routing.split import Split
    from gateway.core.routing.version import Version


class Copy(NamedTuple):
    """A version that a route mirrors to, and how many of 100 requests."""

    to: Version
    percent: float


class FollowedDecision(NamedTuple):
    """A decision by an object.

    `unmapped`: the message belongs to the share of a destination that is no version. `unroutable`:
    a redirect, a direct response or no destination, or its regexes would take too long; stable gets
    it in all cases. `copies` are for routes that obey mirrors.
    """

    decision: Decision
    unmapped: bool = False
    unroutable: bool = False
    copies: tuple[Copy, ...] = ()


class Outcome:
    """What one route does with the requests that it matches."""

    __slots__ = ("_decided", "_rule", "_split", "_unmapped_from", "copies", "reason", "share")

    def __init__(
        self,
        found: Shares,
        share: Split,
        reason: Reason,
        rule: str | None,
        copies: tuple[Copy, ...],
        end: str,
    ) -> None:
        self.reason = reason
        self.share = share
        self.copies = copies
        self._rule = rule
        self._split = found.split
        self._unmapped_from = found.unmapped_from
        decision = Decision(found.only, reason, rule)
        self._decided = FollowedDecision(
            decision, found.unmapped_from < BUCKETS and not end, bool(end), copies
        )

    @property
    def unmapped_share(self) -> float:
        """The part of its messages that belongs to destinations that are no version, 0..1."""
        return 1 - self._unmapped_from / BUCKETS

    def decide(self, message: Message) -> FollowedDecision:
        """Return the decision for a message that the route matches."""
        split = self._split
        if split is None:
            return self._decided
        bucket = split.bucket(message)
        decision = Decision(split.pick(bucket), self.reason, self._rule, bucket)
        return FollowedDecision(decision, bucket >= self._unmapped_from, copies=self.copies)
