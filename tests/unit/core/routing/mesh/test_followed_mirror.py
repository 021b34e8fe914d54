"""`follow.mirror`: copies where the object mirrors requests, of what it decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from gateway.core.routing.weights import following
from tests.builders import follow_plan, message, route
from tests.unit.core.routing.mesh.test_virtual_service_decisions import (
    CANARY,
    FOLLOWING,
    STABLE,
    TO_STABLE,
    spec_of,
)

if TYPE_CHECKING:
    from gateway.core.routing.mirror import Mirror

MIRRORED = {**TO_STABLE, "mirror": {"host": "b-canary"}, "mirrorPercentage": {"value": 25}}


def mirror_of(*http: Any, obeyed: bool = True) -> Mirror | None:
    follow = Follow(8080, "/events", namespace="shop", mirror=obeyed)
    followed = Followed(read_virtual_service(spec_of(*http)), follow, FOLLOWING)
    versions = (STABLE, CANARY)
    given = route(versions=versions, follow=follow_plan(versions=versions))
    return following(given, followed).mirror


def test_the_share_of_the_object_is_copied() -> None:
    mirror = mirror_of(MIRRORED)
    assert mirror is not None
    assert (mirror.to, mirror.percent) == (CANARY, 25)
    copied = sum(mirror.copies(message(message_id=str(at)), STABLE) for at in range(2000))
    assert 420 < copied < 580


def test_a_route_without_a_mirror_and_another_version_are_not_copied() -> None:
    always = {**MIRRORED, "match": [{"headers": {"x": {}}}], "mirrorPercentage": {"value": 100}}
    mirror = mirror_of(always, TO_STABLE)
    assert mirror is not None
    assert mirror.copies(message(attributes={"x": "1"}), STABLE)
    assert not mirror.copies(message(), STABLE)
    assert not mirror.copies(message(attributes={"x": "1"}), replace(STABLE, name="third"))
    assert not mirror.copies(message(attributes={"x": "1"}, receive_count=2), STABLE)


def test_mirrors_are_obeyed_only_where_it_is_asked_for() -> None:
    assert mirror_of(MIRRORED, obeyed=False) is None
    assert mirror_of(TO_STABLE) is None
    assert mirror_of({**MIRRORED, "mirror": {"host": "b-primary"}}) is None


def notes_of(*http: Any) -> tuple[str, ...]:
    follow = Follow(8080, "/events", namespace="shop", mirror=True)
    return Followed(read_virtual_service(spec_of(*http)), follow, FOLLOWING).notes


def test_a_mirror_that_gets_no_copies_is_named() -> None:
    other = {**TO_STABLE, "mirror": {"host": "elsewhere"}}
    (note,) = notes_of({**MIRRORED, "match": [{"port": 8080}]}, other)
    assert note.startswith("the mirror to elsewhere.shop.svc.cluster.local is not obeyed")
    (note,) = notes_of({**MIRRORED, "mirror": {"host": "b-primary"}})
    assert "b-primary" in note
    assert notes_of(MIRRORED) == notes_of({**other, "mirrorPercentage": {"value": 0}}) == ()
