"""What `follow` and `subset` become: the plan of core, with the defaults of stable's URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.file import read
from gateway.config.problems.problem import ProblemsFound
from gateway.core.rollout.route_state import RouteState
from gateway.core.routing.in_force import NOTHING_KNOWN, InForce, weigh, weights_in_force
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.plan import FollowPlan, ObjectKind, ObjectName
from gateway.core.routing.sources import FromAttribute
from tests.unit.config.test_rollout_objects import route_of

EXAMPLE = Path(__file__).parents[3] / "config/examples/follow.yaml"
URLS = "{stable: http://b-primary.shop:8080/events?x=1, canary: http://b-canary.shop:8080/events}"


def plan_of(keys: str = "virtualService: b", **rest: str) -> FollowPlan:
    plan = route_of(f"follow: {{{keys}}}", **({"versions": URLS} | rest)).follow
    assert plan is not None
    return plan


def test_what_is_left_out_is_that_of_stables_url() -> None:
    plan = plan_of()
    assert plan.object == ObjectName(ObjectKind.VIRTUAL_SERVICE, "", "b")
    assert plan.follow == Follow(port=8080, path="/events?x=1", namespace="")
    assert plan.waits
    assert not plan_of("virtualService: b, start: stable").waits


@pytest.mark.parametrize(
    ("url", "port", "path"),
    [("http://b", 80, "/"), ("https://b/x", 443, "/x"), ("http://b:81", 81, "/")],
)
def test_ports_and_paths_of_urls(url: str, port: int, path: str) -> None:
    follow = plan_of(versions=f"{{stable: '{url}'}}").follow
    assert (follow.port, follow.path) == (port, path)


def test_the_gateways_own_namespace_is_filled_in_where_none_is_said() -> None:
    own, said = plan_of().within("gw"), plan_of("httpRoute: shop/b, namespace: a").within("gw")
    assert (own.object.namespace, own.follow.namespace, own.versions.namespace) == ("gw",) * 3
    assert (said.object.namespace, said.follow.namespace) == ("shop", "a")
    assert said.object.kind is ObjectKind.HTTP_ROUTE


def test_messages_are_pinned_only_where_it_is_written() -> None:
    """Else a message would get another version than a request with the same header."""
    follow = "follow: {virtualService: b}"
    assert route_of(follow).version_from == ()
    written = route_of(f"{follow}\nversion_from: [attribute:release]")
    assert written.version_from == (FromAttribute("release"),)
    assert written.follow is not None
    assert written.follow.follow.version_from == (FromAttribute("release"),)


def test_a_route_with_one_version_on_trial_is_judged_for_controllers() -> None:
    plan = route_of("follow: {virtualService: b}").plan
    assert plan is not None
    assert (plan.canary, plan.rollout, plan.rollback) == ("canary", None, None)
    assert route_of("follow: {virtualService: b}", versions="{stable: http://b/}").plan is None


def test_weights_by_hand_take_the_objects_place_and_an_unread_state_does_not() -> None:
    """What follows needs no state; a canary that may have been rolled back gets nothing."""
    route = route_of("follow: {virtualService: b}")
    assert weigh(route, InForce()) == route
    by_hand = weigh(route, InForce(override={"stable": 1, "canary": 1})).split
    assert by_hand is not None
    assert by_hand.edges == (5000, 10000)
    unknown = weigh(route, NOTHING_KNOWN).split
    assert unknown is not None
    assert unknown.edges == (0, 10000)


def test_an_object_decides_for_as_long_as_the_state_is_out_of_reach() -> None:
    """The API server has both: to take the canary away then would stop every rollout."""
    known = RouteState()
    for rollback in ("", "\nrollback: {max_failure_ratio: 10%}"):
        route = route_of(f"follow: {{virtualService: b}}{rollback}")
        assert weigh(route, weights_in_force(route, known, 3600.0, was_read=True)) == route


@pytest.mark.parametrize("other", ["B.shop.svc:81", "b.shop.svc.cluster.local./x", "b.shop"])
def test_one_host_in_two_spellings_is_one_host(other: str) -> None:
    """Else the second version would never be a destination."""
    versions = f"{{stable: http://b.shop/, canary: 'http://{other}'}}"
    with pytest.raises(ProblemsFound, match="has the host of version stable"):
        plan_of(versions=versions)
    assert plan_of(versions="{stable: http://b/, canary: http://b.shop/}"), "it may be another"


def test_the_example_loads() -> None:
    routes = read(EXAMPLE).routes
    assert [each.follow.object.name for each in routes if each.follow] == ["b", "payments"]
    second = routes[1].follow
    assert second is not None
    assert second.versions.subsets == {"stable": "stable", "canary": "canary"}
