"""Another routing table for a route that runs: from the next message on, and without a gap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Responded
from gateway.core.events import Decided
from gateway.core.routing.route import Fallback, Route, RoutingTable
from gateway.core.routing.rules import Present
from gateway.core.routing.sources import FromBody
from gateway.core.routing.version import Client, Tls
from gateway.runtime.routes import plan
from tests.builders import CANARY, STABLE, route, rule, version, where
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation
from tests.fakes.rig import at_work

pytestmark = VIRTUAL_TIME

ALL_STABLE = {"stable": 100, "canary": 0}
ALL_CANARY = {"stable": 0, "canary": 100}


async def test_weights_change_in_the_very_next_decision() -> None:
    async with at_work(route(ALL_STABLE)) as rig:
        rig.queue.send_many(10)
        await rig.empty()
        rig.running.adopt(route(ALL_CANARY))
        rig.queue.send_many(10)
        await rig.empty()
        assert len(rig.stable.sent) == len(rig.canary.sent) == 10


async def test_a_poll_under_way_brings_messages_for_the_new_table() -> None:
    async with at_work(route(ALL_STABLE)) as rig:
        rig.running.adopt(route(ALL_CANARY))
        rig.queue.send()
        await rig.empty()
        assert len(rig.queue.calls_of(Operation.RECEIVE)) <= 2
        assert rig.canary.ids == ["m-1"]


async def test_a_message_in_flight_keeps_the_table_it_was_decided_by() -> None:
    """Its fallback, too, is that of its own table."""
    async with at_work(route(ALL_CANARY, fallback=Fallback())) as rig:
        rig.canary.default = Responded(404)
        rig.canary.hold()
        rig.queue.send()
        await rig.until(lambda: rig.canary.running)
        rig.running.adopt(route(ALL_CANARY, fallback=None))
        rig.canary.release()
        await rig.empty()
        assert rig.stable.ids == ["m-1"]
        assert len(rig.observer.of(Decided)) == 1


async def test_a_changed_url_gets_a_new_target_and_the_old_one_is_closed() -> None:
    moved = version("canary", "v2", url="http://elsewhere.test/")
    async with at_work(route(ALL_CANARY)) as rig:
        old = rig.canary
        rig.running.adopt(route(ALL_CANARY, versions=[STABLE, moved]))
        await rig.running.close_retired()
        assert old.closed
        assert rig.canary is not old
        rig.queue.send()
        await rig.empty()
        assert rig.canary.ids == ["m-1"]


async def test_changed_headers_get_a_new_target_too() -> None:
    named = version("canary", "v2", headers=(("x-team", "shop"),))
    async with at_work(route(ALL_CANARY)) as rig:
        rig.running.adopt(route(ALL_CANARY, versions=[STABLE, named]))
        await rig.running.close_retired()
        assert len(rig.targets) == 3


async def test_an_unchanged_version_keeps_its_target() -> None:
    async with at_work(route(ALL_STABLE)) as rig:
        rig.running.adopt(route(ALL_CANARY))
        await rig.running.close_retired()
        assert len(rig.targets) == 2
        assert not rig.stable.closed


@pytest.mark.parametrize(
    "changed",
    [
        {"client": Client.HTTPX},
        {"tls": Tls(ca="/etc/other.pem")},
        {"connection_lifetime_seconds": 5.0},
    ],
    ids=["client", "tls", "connection_lifetime"],
)
async def test_another_client_or_other_tls_files_make_another_target(changed: Any) -> None:
    async with at_work(route(ALL_STABLE)) as rig:
        made, before = len(rig.targets), rig.stable
        rig.running.adopt(route(ALL_STABLE, versions=[replace(STABLE, **changed), CANARY]))
        await rig.running.close_retired()
        assert len(rig.targets) == made + 1
        assert before.closed


async def test_a_delivery_in_flight_ends_on_the_old_target() -> None:
    moved = version("canary", "v2", url="http://elsewhere.test/")
    async with at_work(route(ALL_CANARY)) as rig:
        old = rig.canary
        old.hold()
        rig.queue.send()
        await rig.until(lambda: old.running)
        rig.running.adopt(route(ALL_CANARY, versions=[STABLE, moved]))
        await rig.running.close_retired()
        old.release()
        await rig.empty()
        assert len(old.sent) == 1
        assert rig.canary.sent == []


async def test_deliveries_to_an_old_target_still_count_against_the_version_s_limit() -> None:
    narrow = version("canary", "v2", max_in_flight=2)
    moved = replace(narrow, url="http://elsewhere.test/")
    async with at_work(route(ALL_CANARY, versions=[STABLE, narrow])) as rig:
        old = rig.canary
        old.hold()
        rig.queue.send_many(2)
        await rig.until(lambda: old.running == 2)
        rig.running.adopt(route(ALL_CANARY, versions=[STABLE, moved]))
        rig.queue.send()
        await rig.rest(5)
        assert rig.canary.sent == []
        old.release()
        await rig.empty()
        assert rig.canary.ids == ["m-3"]


async def test_a_removed_version_s_deliveries_end_and_its_target_is_closed() -> None:
    async with at_work(route(ALL_CANARY)) as rig:
        gone = rig.canary
        gone.hold()
        rig.queue.send()
        await rig.until(lambda: gone.running)
        rig.running.adopt(route(versions=[STABLE]))
        await rig.running.close_retired()
        assert gone.closed
        gone.release()
        await rig.empty()
        assert len(gone.sent) == 1
        assert set(rig.running.view().in_flight_by_version) == {"stable"}


async def test_messages_that_wait_for_a_removed_version_are_decided_anew() -> None:
    """Nobody lets them in any more, so they go back after retry.min."""
    one = version("canary", "v2", max_in_flight=1, timeout_seconds=3600)
    async with at_work(route(ALL_CANARY, versions=[STABLE, one])) as rig:
        gone = rig.canary
        gone.hold()
        rig.queue.send_many(3)
        await rig.until(lambda: rig.running.view().waiting == 2)
        rig.running.adopt(route(versions=[STABLE]))
        await rig.until(lambda: len(rig.stable.sent) == 2)
        assert rig.now < 10, "long before the one in flight has ended"
        assert rig.running.view().waiting == 0
        assert gone.running == 1
        gone.release()


async def test_a_higher_limit_lets_waiting_messages_in() -> None:
    narrow, wide = (version("canary", "v2", max_in_flight=n) for n in (1, 3))
    async with at_work(route(ALL_CANARY, versions=[STABLE, narrow])) as rig:
        rig.canary.hold()
        rig.queue.send_many(3)
        await rig.until(lambda: rig.running.view().waiting == 2)
        rig.running.adopt(route(ALL_CANARY, versions=[STABLE, wide]))
        await rig.until(lambda: rig.canary.running == 3)
        assert rig.now < 1, "nobody waits for the one in flight to end"
        rig.canary.release()


async def test_more_and_fewer_permits_take_effect_at_once() -> None:
    async with at_work(route(max_in_flight=10)) as rig:
        rig.stable.hold()
        rig.queue.send_many(60)
        await rig.until(lambda: rig.stable.running == 10)
        rig.running.adopt(route(max_in_flight=30))
        await rig.until(lambda: rig.stable.running == 30)
        rig.running.adopt(route(max_in_flight=5))
        rig.stable.release()
        rig.stable.takes_seconds = 1
        await rig.until(lambda: len(rig.stable.sent) == 45)
        assert rig.stable.running <= 5


async def test_another_stable_version_is_stable_from_the_next_message_on() -> None:
    async with at_work(route()) as rig:
        rig.running.adopt(route(stable=CANARY))
        rig.queue.send()
        await rig.empty()
        assert rig.canary.ids == ["m-1"]


async def test_an_adopted_table_is_what_the_view_shows() -> None:
    async with at_work(route(ALL_STABLE)) as rig:
        rig.running.adopt(route(ALL_CANARY))
        assert rig.running.view().route.weights == tuple(ALL_CANARY.items())


# ---- what a new table changes --------------------------------------------------------------


def table(*routes: Route) -> RoutingTable:
    return RoutingTable(routes)


def test_routes_that_are_alike_are_left_alone() -> None:
    """Two loads of one file never share objects, compiled JMESPaths among them."""
    first, second = (
        route(rules=(rule(CANARY, where(FromBody("customer.tier"), Present())),)) for _ in range(2)
    )
    change = plan({"orders": first}, table(second))
    assert change.start == change.swap == change.replace == ()
    assert change.stop == ()


def test_new_routes_start_and_missing_ones_stop() -> None:
    change = plan({"old": route(name="old")}, table(route(name="new")))
    assert [each.name for each in change.start] == ["new"]
    assert change.stop == ("old",)


@pytest.mark.parametrize(
    "changed",
    [
        route(ALL_CANARY),
        route(max_in_flight=7),
        route(versions=[STABLE]),
        route(stable=CANARY),
    ],
    ids=["weights", "permits", "versions", "stable"],
)
def test_what_decides_is_swapped_in_place(changed: Route) -> None:
    change = plan({"orders": route()}, table(changed))
    assert change.swap == (changed,)
    assert change.changed == ("orders",)


@pytest.mark.parametrize(
    "changed",
    [
        route(queue="other"),
        route(wait_seconds=5),
        route(visibility_seconds=5),
        route(dead_letter=parse_queue("dead")),
    ],
    ids=["queue", "wait", "visibility", "dead letter"],
)
def test_what_a_receive_was_begun_with_needs_the_route_replaced(changed: Route) -> None:
    change = plan({"orders": route()}, table(changed))
    assert change.replace == (changed,)
    assert change.changed == ("orders",)
