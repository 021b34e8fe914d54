"""The verdict: what had to hold and whether it did. Pure, as the ledger is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.demo.audit import MEANING, SIGMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.demo.audit import Audit, Share


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to hold; `orders` are those for which it did not."""

    good: bool
    name: str
    text: str
    orders: Sequence[str] = ()


def order_checks(account: Audit, asked: int) -> Iterator[Check]:
    """Judge the orders: all taken, none lost, doubled, crossed or misrouted, shares as weighted."""
    yield Check(account.orders == asked, "taken", f"{account.orders:,} of {asked:,} by A")
    for defect, orders in account.defects.items():
        yield Check(not orders, defect, f"{len(orders):<5,} {MEANING[defect]}", orders)
    yield from map(_share_check, account.shares)


def alike_check(messages: Audit, requests: Audit) -> Check:
    """Judge whether both ways split alike, by the share of the last version."""
    one, other = messages.shares[-1], requests.shares[-1]
    counts = max(one.of, 1), max(other.of, 1)
    sigma = math.sqrt(one.expected * (1 - one.expected) * sum(1 / count for count in counts))
    good = abs(one.observed - other.observed) <= SIGMAS * sigma + 1 / min(counts)
    text = f"{one.observed:.1%} of the messages and {other.observed:.1%} of the requests"
    return Check(good, "alike", f"{text} went to {one.tag}")


def queue_check(left: int) -> Check:
    """Judge what the queue holds after all has arrived."""
    return Check(not left, "queue", f"{left:,} messages left" if left else "empty")


def stop_check(status: int) -> Check:
    """Judge how the gateway ended after SIGTERM."""
    return Check(status == 0, "gateway", f"stopped by SIGTERM, exit status {status}")


def _share_check(share: Share) -> Check:
    text = f"{share.observed:.1%} of the split went to {share.tag}, whose weight is"
    return Check(share.plausible, "share", f"{text} {share.expected:.1%}")
