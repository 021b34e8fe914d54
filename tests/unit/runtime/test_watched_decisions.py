"""Every decision is given to whoever watches, as it was made, and to nothing once they stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.core.events import Decided
from gateway.core.routing.decision import Reason
from gateway.core.routing.route import RoutingTable, UnknownVersion
from tests.builders import attribute, route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.rig import at_work
from tests.unit.runtime.test_route_set import on_queue, world

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Decision

pytestmark = VIRTUAL_TIME


class Watcher:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Decision]] = []

    def __call__(self, route: str, message: Message, decision: Decision) -> None:
        self.seen.append((route, message.message_id, decision))


async def test_a_watcher_gets_each_decision_with_reason_and_bucket_until_it_stops() -> None:
    watcher = Watcher()
    async with at_work(route({"stable": 1})) as rig:
        rig.queue.send()
        await rig.empty()
        rig.running.watch(watcher)
        sent = [rig.queue.send(), rig.queue.send(attributes={"version": attribute("v2")})]
        await rig.empty()
        rig.running.watch(None)
        rig.queue.send()
        await rig.empty()
    by_id = {message_id: decision for _, message_id, decision in watcher.seen}
    assert set(by_id) == set(sent)
    split, pinned = by_id[sent[0]], by_id[sent[1]]
    assert (split.reason, split.bucket is not None) == (Reason.SPLIT, True)
    assert pinned.version is not None
    assert (pinned.reason, pinned.version.name) == (Reason.PINNED, "canary")


async def test_a_message_that_waits_for_its_version_is_seen_too() -> None:
    watcher = Watcher()
    async with at_work(route(unknown_version=UnknownVersion.RETRY)) as rig:
        rig.running.watch(watcher)
        rig.queue.send(attributes={"version": attribute("v9")})
        await rig.until(lambda: rig.observer.of(Decided))
    assert watcher.seen[0][2].version is None


async def test_routes_that_start_later_are_watched_as_well_and_reloaded_ones_go_on() -> None:
    watcher = Watcher()
    first = on_queue("orders")
    async with world(first) as made:
        made.routes.watch(watcher)
        later = replace(on_queue("refunds"), name="refunds")
        made.routes.swap(RoutingTable((replace(first, max_in_flight=7), later)))
        await made.routes.started()
        for queue in ("orders", "refunds"):
            made.queues[queue].send()
        await made.bell.until(lambda: len(watcher.seen) == 2)
        assert {seen[0] for seen in watcher.seen} == {"orders", "refunds"}
        made.routes.watch(None)
        made.queues["orders"].send()
        await made.bell.until(lambda: not made.queues["orders"].left)
    assert len(watcher.seen) == 2
