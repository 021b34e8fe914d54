"""What `GET /api/routes` says, member by member."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.admin.routes_view import MAX_ERROR_CHARS, bare_url, routes_view
from gateway.adapters.telemetry.statistics import Statistics
from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Broken, Unreachable
from gateway.core.events import Outcome, Phase, Received, ReceiveFailed, ReloadFailed
from gateway.core.routing.version import Version
from gateway.ports import Redrive
from tests.builders import CANARY, STABLE, THIRD, mirror, route, version
from tests.fakes.follows import CANARY_HOST, STABLE_HOST, follow_view
from tests.fakes.rollouts import rollout_view, unjudged_view
from tests.unit.adapters.fakes import Clock, decided, delivered, table, view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.follow_port import FollowView
    from gateway.ports import RouteView
    from gateway.rollout_port import RolloutView

ORDERS = table().routes[0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> Statistics:
    return Statistics(clock=clock, now=lambda: 1_800_000_000.25)


def said(
    statistics: Statistics,
    *views: RouteView,
    rollouts: Sequence[RolloutView] = (),
    follows: Sequence[FollowView] = (),
) -> dict[str, Any]:
    """Return the response as a client reads it."""
    shown = routes_view(views or (view(ORDERS),), 3, statistics, rollouts, follows)
    read: dict[str, Any] = json.loads(json.dumps(shown, allow_nan=False))
    return read


def test_an_idle_route_has_every_member(statistics: Statistics) -> None:
    assert said(statistics) == {
        "generation": 3,
        "config": {"last_reload_successful": True, "problems": []},
        "state": {"problems": []},
        "routes": [
            {
                "name": "orders",
                "queue": "orders",
                "phase": "polling",
                "why": "",
                "redrive": None,
                "kafka": None,
                "in_flight": 0,
                "waiting": 0,
                "max_in_flight": 200,
                "messages_received": 0,
                "rates": {
                    "received_per_second": 0,
                    "ack_per_second": 0,
                    "retry_per_second": 0,
                    "reject_per_second": 0,
                    "fallback_per_second": 0,
                },
                "last_error": None,
                "mirror": None,
                "rollout": None,
                "override": None,
                "follow": None,
                "versions": [
                    idle("stable", "v1", stable=True, weight=90),
                    idle("canary", "v2", stable=False, weight=10),
                ],
            }
        ],
    }


def idle(name: str, tag: str, *, stable: bool, weight: int) -> dict[str, Any]:
    return {
        "name": name,
        "tag": tag,
        "stable": stable,
        "url": f"http://{name}.test/",
        "weight": weight,
        "share_configured": weight / 100,
        "share_observed": None,
        "decisions": 0,
        "in_flight": 0,
        "max_in_flight": 200,
        "deliveries": {"ack": 0, "retry": 0, "reject": 0, "fallback": 0},
        "rate_per_second": 0,
        "last_error": None,
    }


def test_a_busy_route_shows_counts_rates_and_shares(statistics: Statistics, clock: Clock) -> None:
    statistics.observe(Received("orders", 4))
    for each in (STABLE, STABLE, STABLE, CANARY):
        statistics.observe(decided(each))
        statistics.observe(delivered(version=each.name))
    statistics.observe(delivered(Outcome.FALLBACK, Unreachable("no route to host")))
    clock.now += 2
    busy = view(ORDERS, in_flight=5, by_version={"canary": 2}, waiting=1)
    (shown,) = said(statistics, busy)["routes"]
    assert (shown["in_flight"], shown["waiting"], shown["messages_received"]) == (5, 1, 4)
    assert shown["rates"] == {
        "received_per_second": 2.0,
        "ack_per_second": 2.0,
        "retry_per_second": 0.0,
        "reject_per_second": 0.0,
        "fallback_per_second": 0.5,
    }
    stable, canary = shown["versions"]
    assert (stable["share_observed"], canary["share_observed"]) == (0.75, 0.25)
    assert (stable["decisions"], canary["decisions"]) == (3, 1)
    assert (stable["in_flight"], canary["in_flight"]) == (0, 2)
    assert canary["deliveries"] == {"ack": 1, "retry": 0, "reject": 0, "fallback": 1}
    assert canary["rate_per_second"] == 1.0
    assert canary["last_error"] == {
        "text": "unreachable: no route to host",
        "time": "2027-01-15T08:00:00.250Z",
    }
    assert stable["last_error"] is None


def test_observed_shares_leave_out_a_version_that_the_route_has_no_more(
    statistics: Statistics,
) -> None:
    statistics.observe(decided(THIRD))
    statistics.observe(decided(STABLE))
    stable, canary = said(statistics)["routes"][0]["versions"]
    assert (stable["share_observed"], canary["share_observed"]) == (1.0, 0.0)


def test_without_a_split_stable_has_the_whole_share(statistics: Statistics) -> None:
    plain = route(versions=(CANARY, STABLE), stable=STABLE)
    canary, stable = said(statistics, view(plain))["routes"][0]["versions"]
    assert (canary["weight"], canary["share_configured"], canary["stable"]) == (0, 0.0, False)
    assert (stable["weight"], stable["share_configured"], stable["stable"]) == (1, 1.0, True)


def test_a_failed_route_says_why_and_when(statistics: Statistics) -> None:
    statistics.observe(ReceiveFailed("orders", "AccessDenied"))
    (shown,) = said(statistics, view(ORDERS, Phase.FAILED, "no such queue"))["routes"]
    assert (shown["phase"], shown["why"]) == ("failed", "no such queue")
    assert shown["last_error"]["text"] == "receive: AccessDenied"


def test_the_redrive_policy_of_the_queue_is_shown(statistics: Statistics) -> None:
    moved = view(ORDERS, redrive=Redrive("orders-dead", 5))
    (shown,) = said(statistics, moved)["routes"]
    assert shown["redrive"] == {"queue": "orders-dead", "max_receives": 5}


def test_a_mirror_is_shown(statistics: Statistics) -> None:
    (shown,) = said(statistics, view(replace(ORDERS, mirror=mirror(0.5))))["routes"]
    assert shown["mirror"] == {"to": "canary", "percent": 0.5, "max_in_flight": 20}


def test_a_refused_routing_file_shows_every_problem(statistics: Statistics) -> None:
    statistics.observe(ReloadFailed(3, ("routes.yaml:1: a", "routes.yaml:2: b")))
    assert said(statistics)["config"] == {
        "last_reload_successful": False,
        "problems": ["routes.yaml:1: a", "routes.yaml:2: b"],
    }


def test_secrets_of_a_version_are_not_shown(statistics: Statistics) -> None:
    secret = version(
        "stable",
        url="https://user:hunter2@b.shop:8443/events?key=hunter2#hunter2",
        headers=(("authorization", "Bearer hunter2"),),
    )
    response = said(statistics, view(route(versions=(secret,))))
    assert "hunter2" not in json.dumps(response)
    assert response["routes"][0]["versions"][0]["url"] == "https://b.shop:8443/events"


def test_an_error_text_is_cut(statistics: Statistics) -> None:
    statistics.observe(delivered(Outcome.RETRY, Broken("x" * 100_000)))
    error = said(statistics)["routes"][0]["versions"][1]["last_error"]
    assert len(error["text"]) == MAX_ERROR_CHARS


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://b.shop:8080/events", "http://b.shop:8080/events"),
        ("http://u@[::1]:80/", "http://[::1]:80/"),
        ("http://u:p@x@b.shop/a?b=c#d", "http://b.shop/a"),
        ("http://b.shop", "http://b.shop"),
    ],
)
def test_a_bare_url_has_no_userinfo_query_or_fragment(url: str, shown: str) -> None:
    assert bare_url(url) == shown


def test_a_version_that_is_a_queue_shows_it_in_place_of_a_url(statistics: Statistics) -> None:
    arn = "arn:aws:sqs:eu-west-1:123456789012:b1"
    pull = Version("pull", "v2", queue=parse_queue(arn))
    shown = said(statistics, view(route(versions=[STABLE, pull])))
    stable, canary = shown["routes"][0]["versions"]
    assert canary["queue"] == arn
    assert "url" not in canary
    assert "queue" not in stable


def test_a_route_shows_its_rollout_and_what_is_set_by_hand(statistics: Statistics) -> None:
    seen = rollout_view(override={"canary": 20, "stable": 80}, problems=("the state is torn",))
    shown = said(statistics, view(ORDERS), rollouts=[seen, replace(seen, route="other")])
    assert shown["state"] == {"problems": ["the state is torn"]}
    (orders,) = shown["routes"]
    assert orders["override"] == {"canary": 20, "stable": 80}
    assert orders["rollout"] == {
        "phase": "progressing",
        "step": 1,
        "verdict": "wait",
        "reason": "132 of 200 messages",
    }


def test_a_route_that_nothing_judges_has_no_rollout(statistics: Statistics) -> None:
    (orders,) = said(statistics, view(ORDERS), rollouts=[unjudged_view()])["routes"]
    assert orders["rollout"] is None


def test_a_route_shows_what_it_follows_and_what_of_it_could_not_be_taken(
    statistics: Statistics,
) -> None:
    destinations = {STABLE_HOST: "stable", CANARY_HOST: "canary", "b-experiment": None}
    seen = follow_view(
        valid=False,
        problem="no response in time",
        unmapped=3,
        unmapped_share=1 / 3,
        unroutable=4,
        destinations=destinations,
        destinations_left_out=5,
        notes=["timeout is not obeyed"],
    )
    follows = [replace(seen, route="other"), seen]
    (orders,) = said(statistics, follows=follows)["routes"]
    assert orders["follow"] == {
        "object": "VirtualService shop/b",
        "host": "b",
        "read": True,
        "found": True,
        "valid": False,
        "problem": "no response in time",
        "not_applied": "",
        "since": "2027-01-15T07:59:00.000Z",
        "synced": "2027-01-15T08:00:00.000Z",
        "unmapped": 3,
        "unmapped_share": 0.3333,
        "unroutable": 4,
        "destinations": destinations,
        "destinations_left_out": 5,
        "not_obeyed": ["timeout is not obeyed"],
    }
