"""What a route follows, in memory: a test sets what there is to see."""

from __future__ import annotations

from dataclasses import replace

from gateway.follow_port import FollowView
from tests.fakes.rollouts import NOW

OBJECT = "VirtualService shop/b"
CANARY_HOST = "b-canary.shop.svc.cluster.local"
STABLE_HOST = "b-primary.shop.svc.cluster.local"
UNREAD = FollowView("orders", OBJECT, "b")


def follow_view(**rest: object) -> FollowView:
    """Make the view of an object that has been in force for a minute."""
    usual = FollowView(
        "orders",
        OBJECT,
        "b",
        read=True,
        found=True,
        valid=True,
        since=NOW - 60,
        synced_at=NOW,
        destinations={STABLE_HOST: "stable", CANARY_HOST: "canary"},
    )
    return replace(usual, **rest)  # type: ignore[arg-type]
