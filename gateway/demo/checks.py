"""The checks of an audit, and of how the demo ended. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.demo.audit import MEANING, SIGMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.demo.audit import Audit, Defect, Share


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `orders` are the names of those that failed it."""

    good: bool
    name: str
    text: str
    orders: Sequence[str] = ()


def order_checks(
    audit: Audit, expected: int, meaning: Mapping[Defect, str] = MEANING
) -> Iterator[Check]:
    """Check the orders: all accepted, none with a defect, and shares as weighted."""
    text = f"{audit.orders:,} of {expected:,} by A"
    yield Check(audit.orders == expected, "taken", text)
    for defect, orders in audit.defects.items():
        yield Check(not orders, defect, f"{len(orders):<5,} {meaning[defect]}", orders)
    yield from map(_share_check, audit.shares)


def alike_check(messages: Audit, requests: Audit) -> Check:
    """Check whether messages and requests split alike, by the share of the last version."""
    one, other = messages.shares[-1], requests.shares[-1]
    counts = max(one.of, 1), max(other.of, 1)
    sigma = math.sqrt(one.expected * (1 - one.expected) * sum(1 / count for count in counts))
    good = abs(one.observed - other.observed) <= SIGMAS * sigma + 1 / min(counts)
    text = f"{one.observed:.1%} of the messages and {other.observed:.1%} of the requests"
    return Check(good, "alike", f"{text} went to {one.tag}")


def queue_check(left: int) -> Check:
    """Check that the queue is empty at the end."""
    return Check(not left, "queue", f"{left:,} messages left" if left else "empty")


def stop_check(status: int) -> Check:
    """Check how the gateway ended after SIGTERM."""
    return Check(status == 0, "gateway", f"stopped by SIGTERM, exit status {status}")


def _share_check(share: Share) -> Check:
    text = f"{share.observed:.1%} of the split went to {share.tag}, whose weight is"
    return Check(share.plausible, "share", f"{text} {share.expected:.1%}")
