"""What Flagger and Argo Rollouts write, step by step, and what a message gets at each moment.

The objects are made by tests/controllers_write.py.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from gateway.core.routing.decision import Reason
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version
from tests.controllers_write import argo_service, flagger_route, flagger_service

FOLLOW: Final = Follow(8080, "/events", namespace="shop")
META: Final = {"name": "b", "namespace": "shop"}
IDS: Final = [str(at) for at in range(1000)]


def versions(
    of_stable: str, of_canary: str, subsets: dict[str, str] | None = None
) -> FollowingVersions:
    made = [
        version(name, url=f"http://{host}.shop:8080/events")
        for name, host in (("stable", of_stable), ("canary", of_canary))
    ]
    return FollowingVersions(tuple(made), made[0], "orders", subsets=subsets or {})


FLAGGER: Final = versions("b-primary", "b-canary")
ARGO: Final = versions("b-stable", "b-canary")


def by_service(spec: dict[str, Any], of: FollowingVersions = FLAGGER) -> Followed:
    return Followed(read_virtual_service({"metadata": META, "spec": spec}), FOLLOW, of)


def by_route(spec: dict[str, Any]) -> Followed:
    return Followed(read_http_route({"metadata": META, "spec": spec}), FOLLOW, FLAGGER)


def canary(followed: Followed, **attributes: str) -> float:
    """Return the canary's share of messages with these attributes, in per cent."""
    found = [followed.decide(message(message_id=each, attributes=attributes)) for each in IDS]
    names = [each.decision.version.name for each in found if each.decision.version is not None]
    return round(100 * names.count("canary") / len(IDS))


# ---- Flagger -------------------------------------------------------------------------------


def test_flagger_steps_promotes_and_goes_back() -> None:
    """Weights rise, the primary gets the new template at 50/50, then all is the primary's again."""
    shares = [canary(by_service(flagger_service(100 - at, at))) for at in (0, 10, 50, 100, 0)]
    assert (shares[0], shares[-2], shares[-1]) == (0, 100, 0)
    assert 7 < shares[1] < 13
    assert 45 < shares[2] < 55


def test_a_rollback_of_flagger_is_in_force_with_its_one_write() -> None:
    assert canary(by_service(flagger_service(100, 0))) == 0
    decision = by_service(flagger_service(100, 0)).decide(message()).decision
    assert (decision.reason, decision.rule) == (Reason.SPLIT, None)


def test_a_b_of_flagger_gives_the_canary_its_headers_and_nothing_else() -> None:
    """Its last route is a single destination of weight 0, which gets all."""
    spec = flagger_service(0, 100, match=[{"headers": {"x-tester": {"exact": "yes"}}}])
    spec["http"].append({"route": [{"destination": {"host": "b-primary"}, "weight": 0}]})
    followed = by_service(spec)
    assert (canary(followed), canary(followed, **{"X-Tester": "yes"})) == (0, 100)


def test_session_affinity_of_flagger_asks_for_a_cookie_that_messages_have_not() -> None:
    sticky = {
        "match": [{"headers": {"Cookie": {"regex": ".*flagger.*v1.*"}}}],
        "route": flagger_service(0, 100)["http"][0]["route"],
    }
    weighted = flagger_service(70, 30)
    weighted["http"].insert(0, sticky)
    followed = by_service(weighted)
    assert 25 < canary(followed) < 35
    assert canary(followed, cookie="flagger=v1") == 100


def test_a_duplicate_of_the_weighted_route_changes_nothing() -> None:
    """With no cookie before, Flagger puts the weighted route twice."""
    spec = flagger_service(100, 0)
    spec["http"] *= 2
    assert canary(by_service(spec)) == 0


def test_a_mirror_step_of_flagger_leaves_the_weights() -> None:
    spec = flagger_service(100, 0, mirror={"host": "b-canary"}, mirrorPercentage={"value": 20})
    followed = by_service(spec)
    assert canary(followed) == 0
    assert "mirrors are not obeyed without follow.mirror" in followed.notes


def test_a_delegate_or_tcp_of_flagger_has_nothing_for_messages() -> None:
    spec = {"hosts": ["b"], "tcp": [{"route": [{"destination": {"host": "b-primary"}}]}]}
    assert by_service(spec).not_applied == "it has no HTTP routes"
    delegate = {**flagger_service(90, 10), "hosts": [], "gateways": []}
    assert by_service(delegate).not_applied == "it has no hosts: it is a delegate"


def test_flagger_steps_an_http_route() -> None:
    shares = [canary(by_route(flagger_route(100 - at, at))) for at in (0, 30, 100, 0)]
    assert (shares[0], shares[2], shares[3]) == (0, 100, 0)
    assert 25 < shares[1] < 35


def test_a_b_of_flagger_on_an_http_route() -> None:
    primary = {"backendRefs": [{"name": "b-primary", "port": 8080, "weight": 100}]}
    spec = flagger_route(0, 100, primary)
    spec["rules"][0]["matches"] = [{"headers": [{"name": "x-tester", "value": "yes"}]}]
    followed = by_route(spec)
    assert (canary(followed), canary(followed, **{"x-tester": "yes"})) == (0, 100)


# ---- Argo Rollouts -------------------------------------------------------------------------


def test_argo_rollouts_sets_weights_as_floats() -> None:
    shares = [canary(by_service(argo_service(at), ARGO)) for at in (0.0, 20.0, 100.0, 0.0)]
    assert (shares[0], shares[2], shares[3]) == (0, 100, 0)
    assert 15 < shares[1] < 25


def test_a_header_route_of_argo_rollouts_comes_first_and_is_or() -> None:
    managed = {
        "name": "to-canary",
        "match": [{"headers": {"a": {"exact": "1"}}}, {"headers": {"b": {"regex": "x.*"}}}],
        "route": [{"destination": {"host": "b-canary"}, "weight": 100}],
    }
    followed = by_service(argo_service(0, managed), ARGO)
    assert [canary(followed), canary(followed, a="1"), canary(followed, b="xy")] == [0, 100, 100]
    assert followed.decide(message(attributes={"a": "1"})).decision.rule == "to-canary"


def test_a_mirror_route_of_argo_rollouts_has_the_weights_of_the_moment() -> None:
    managed = {
        "name": "mirror-route",
        "match": [{"method": {"exact": "POST"}}],
        "route": argo_service(10)["http"][0]["route"],
        "mirror": {"host": "b-canary"},
        "mirrorPercentage": {"value": 35.0},
    }
    assert 7 < canary(by_service(argo_service(10, managed), ARGO)) < 13


def test_the_share_of_an_experiment_goes_to_stable_and_is_unmapped() -> None:
    others = ({"destination": {"host": "b-experiment"}, "weight": 30},)
    followed = by_service(argo_service(10, others=others), ARGO)
    unmapped = sum(followed.decide(message(message_id=each)).unmapped for each in IDS)
    assert 270 < unmapped < 330
    assert 7 < canary(followed) < 13


@pytest.mark.parametrize("first", ["weights", "managed"])
def test_every_moment_of_an_abort_is_no_more_than_before(first: str) -> None:
    """Managed routes go with one write, weights with another: either alone adds nothing."""
    managed = {
        "name": "to-canary",
        "match": [{"headers": {"a": {"exact": "1"}}}],
        "route": [{"destination": {"host": "b-canary"}}],
    }
    between = argo_service(0, managed) if first == "weights" else argo_service(40)
    moments = [argo_service(40, managed), between, argo_service(0)]
    plain = [canary(by_service(each, ARGO)) for each in moments]
    tested = [canary(by_service(each, ARGO), a="1") for each in moments]
    assert plain == sorted(plain, reverse=True)
    assert tested == sorted(tested, reverse=True)
    assert (plain[-1], tested[-1]) == (0, 0)


def test_subsets_of_argo_rollouts() -> None:
    following = versions("b-stable", "b-canary", {each: each for each in ("stable", "canary")})
    route = [
        {"destination": {"host": "b", "subset": name}, "weight": weight}
        for name, weight in (("stable", 75.0), ("canary", 25.0))
    ]
    followed = by_service({"hosts": ["b"], "http": [{"route": route}]}, following)
    assert 20 < canary(followed) < 30


def test_ping_pong_swaps_the_roles_under_fixed_urls() -> None:
    """So it is in the docs: in the steady state after a release all goes to the other name."""
    assert canary(by_service(argo_service(100), ARGO)) == 100
