"""The weights of a route that follows, after its canary was rolled back."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.routing.decider import decider_of
from gateway.core.routing.decision import Reason
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from gateway.core.routing.weights import following
from tests.builders import follow_plan, message, route
from tests.unit.core.routing.mesh.test_virtual_service_decisions import (
    CANARY,
    FOLLOWING,
    STABLE,
    TO_CANARY,
    spec_of,
    to,
)

VERSIONS = (STABLE, CANARY)
GIVEN = route(versions=VERSIONS, follow=follow_plan(versions=VERSIONS))
HALVES = {"route": [to("b-primary", 50), to("b-canary", 50)]}
BETA = {"name": "beta", "match": [{"headers": {"beta": {"exact": "1"}}}], **TO_CANARY}


def followed(*http: object) -> Followed:
    return Followed(
        read_virtual_service(spec_of(*http)), Follow(8080, "/events", namespace="shop"), FOLLOWING
    )


def test_the_share_of_a_canary_that_is_rolled_back_is_stables() -> None:
    """Under stable's own tag, as by a split: services downstream leave the canary too."""
    back = following(replace(GIVEN, rolled_back="canary"), followed(BETA, HALVES))
    assert back.split_weights() == {"stable": 100, "canary": 0}
    decider = decider_of(back)
    found = [decider.decide(message(message_id=str(at))) for at in range(100)]
    assert {(each.version, each.reason) for each in found} == {(STABLE, Reason.SPLIT)}
    assert any(each.bucket is not None and each.bucket < 5000 for each in found)
    ruled = decider.decide(message(attributes={"beta": "1"}))
    assert (ruled.version, ruled.reason) == (CANARY, Reason.RULE), "its plan falls back"
    alone = following(replace(GIVEN, rolled_back="canary"), followed(TO_CANARY))
    assert alone.split_weights() == {"stable": 100, "canary": 0}
    assert decider_of(alone).decide(message()).version == STABLE
