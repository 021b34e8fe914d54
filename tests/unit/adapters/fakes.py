"""A clock that stands until told, a gateway that responds as told, and events with defaults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gateway.core.delivery.disposition import DeliveryResult, Responded
from gateway.core.events import (
    Acked,
    Decided,
    Delivered,
    Outcome,
    Phase,
    PhaseChanged,
    Reloaded,
    ReloadFailed,
)
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress
from gateway.core.routing.decision import Reason
from gateway.core.routing.route import Route, RoutingTable
from gateway.ports import Redrive, RouteView
from tests.builders import CANARY, STABLE, route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.history import Watch
    from gateway.core.kafka.partition_view import PartitionView
    from gateway.core.routing.version import Version


class Clock:
    """Shows `now`; a test moves it."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def table(*routes: Route) -> RoutingTable:
    """Make a routing table; without routes it has one that splits 90 : 10."""
    return RoutingTable(routes or (route({"stable": 90, "canary": 10}),))


def decided(
    version: Version | None = STABLE, reason: Reason = Reason.SPLIT, **rest: Any
) -> Decided:
    name = None if version is None else version.name
    return Decided(rest.pop("route", "orders"), name, reason)


def delivered(
    outcome: Outcome = Outcome.ACK,
    result: DeliveryResult | None = None,
    *,
    route: str = "orders",
    version: str = CANARY.name,
    message_id: str = "m-1",
    seconds: float = 0.02,
    age_seconds: float = 0.5,
) -> Delivered | Acked:
    if outcome is Outcome.ACK:
        return Acked(route, version, (seconds,), (age_seconds,))
    return Delivered(route, version, message_id, outcome, result or Responded(500), seconds)


def view(
    of: Route,
    phase: Phase = Phase.POLLING,
    why: str = "",
    *,
    in_flight: int = 0,
    by_version: Mapping[str, int] | None = None,
    waiting: int = 0,
    redrive: Redrive | None = None,
) -> RouteView:
    changed = PhaseChanged(of.name, phase, why)
    limits = {each.name: each.max_in_flight for each in of.versions}
    return RouteView(
        of, changed, in_flight, by_version or {}, waiting, of.max_in_flight, limits, redrive
    )


def topic_view(of: Route, *partitions: PartitionView) -> RouteView:
    """Return the view of a route that reads `orders` in the group `orders-b` in place of a queue.

    Its canary is a topic too.
    """
    topic = TopicAddress("orders")
    plan = KafkaPlan(("kafka:9092",), topic, "orders-b", Start.EARLIEST)
    stable, canary = of.versions
    versions = (stable, replace(canary, url="", topic=TopicAddress("orders.b1")))
    reads = replace(of, queue=topic, kafka=plan, versions=versions)
    return replace(view(reads), partitions=partitions, rebalances=1)


@dataclass
class FakeControl:
    """RouteStates and Control that say what the test set; counts the reloads asked for."""

    of_routes: Sequence[RouteView] = ()
    generation: int = 1
    said_stuck: Sequence[str] = ()
    said_unready: Sequence[str] = ()
    answer: Reloaded | ReloadFailed | Exception = field(default_factory=lambda: Reloaded(2))
    reloads: int = 0
    watched: Watch | None = None

    def stuck(self) -> Sequence[str]:
        return self.said_stuck

    def unready(self) -> Sequence[str]:
        return self.said_unready

    def views(self) -> Sequence[RouteView]:
        return self.of_routes

    def watch(self, watch: Watch | None) -> None:
        self.watched = watch

    async def reload(self) -> Reloaded | ReloadFailed:
        self.reloads += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
