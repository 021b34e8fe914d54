"""FIFO: whether a group was delivered in order and one message at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.chaos.deliveries import Delivery
    from tools.chaos.evidence import Evidence, History

Pair = tuple["Delivery", "Delivery"]

TOLERANCE_SECONDS: Final = 0.1
"""A service may learn of the end of a connection after the next delivery began."""


def groups(evidence: Evidence) -> dict[str, list[History]]:
    """Return the histories of each message group, in order of sending."""
    found: defaultdict[str, list[History]] = defaultdict(list)
    for history in evidence.histories:
        if history.group is not None:
            found[history.group].append(history)
    return found


def overlaps(deliveries: Sequence[Delivery]) -> Iterator[Pair]:
    """Yield pairs of deliveries that ran at the same time."""
    running: Delivery | None = None
    for each in sorted(deliveries, key=lambda delivery: delivery.begun_at):
        if running is not None and each.begun_at < running.ended_at - TOLERANCE_SECONDS:
            yield running, each
        if running is None or each.ended_at > running.ended_at:
            running = each


def out_of_order(
    group: Sequence[History], evidence: Evidence
) -> Iterator[tuple[History, Delivery]]:
    """Yield deliveries that began before an earlier message was done, or after a later one began.

    Each with the message that it should have waited for, or come before.
    """
    not_before, earlier = -math.inf, None
    for history in group:
        for delivery in evidence.deliveries.get(history.message_id, ()):
            if earlier is not None and delivery.begun_at < not_before:
                yield earlier, delivery
        done = done_at(history, evidence)
        if done > not_before:
            not_before, earlier = done, history
    yield from _went_back(group, evidence)


def done_at(history: History, evidence: Evidence) -> float:
    """Return when the next message of the group could be delivered; infinity for never.

    That is its first 2xx, its confirmed dead letter, or when SQS moved it.
    """
    deliveries = evidence.deliveries.get(history.message_id, ())
    times = [each.acked_at for each in deliveries if each.acked_at is not None]
    copied_at = evidence.copies.get((history.queue, history.body))
    known = [*times, *(at for at in (copied_at, history.settled_at) if at is not None)]
    return min(known, default=math.inf)


def _went_back(group: Sequence[History], evidence: Evidence) -> Iterator[tuple[History, Delivery]]:
    later, later_began = None, math.inf
    for history in reversed(group):
        deliveries = evidence.deliveries.get(history.message_id, ())
        for delivery in deliveries:
            if later is not None and delivery.begun_at > later_began:
                yield later, delivery
        first = min((each.begun_at for each in deliveries), default=math.inf)
        if first < later_began:
            later, later_began = history, first
