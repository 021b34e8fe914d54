"""An admin port on loopback whose rollouts are fakes and whose events a test emits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.adapters.admin.policy import Protection
from gateway.adapters.admin.server import AdminServer
from gateway.adapters.telemetry.metrics import Metrics
from gateway.adapters.telemetry.statistics import Statistics
from gateway.core.events import Acked, Decided, Delivered, Outcome, Phase, Received, TableInForce
from gateway.core.routing.decision import Decision, Reason
from tests.builders import CANARY, STABLE, message, route
from tests.fakes.rollouts import FakeRollouts, rollout_view
from tests.unit.adapters.fakes import FakeControl, table, topic_view, view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.kafka.partition_view import PartitionView
    from gateway.follow_port import FollowView
    from gateway.ports import RouteView
    from gateway.rollout_port import RolloutView
    from tests.integration.loop_thread import LoopThread


class Stage:
    """A gateway without a queue; its one route is `orders` unless `names` says otherwise."""

    def __init__(
        self,
        thread: LoopThread,
        names: Sequence[str] = ("orders",),
        *,
        token: str | None = None,
        protection: Protection = Protection(),  # noqa: B008 - a frozen value
    ) -> None:
        self._thread = thread
        self.control = FakeControl([_view(name) for name in names], generation=7)
        self.rollouts = FakeRollouts(*(rollout_view(name) for name in names))
        self.follows: Sequence[FollowView] = ()
        self.statistics = Statistics()
        self.statistics.observe(TableInForce(table(*(each.route for each in self.views)), 1))
        self._server = AdminServer(
            self.control,
            self.control,
            self.statistics,
            Metrics().render,
            rollouts=self.rollouts,
            follows=lambda: self.follows,
            host="127.0.0.1",
            port=0,
            token=token,
            protection=protection,
        )
        thread.run(self._server.start())
        self.url = f"http://127.0.0.1:{self._server.port}/"

    @property
    def views(self) -> Sequence[RouteView]:
        """What the routes are."""
        return self.control.of_routes

    def show(self, of: RolloutView) -> None:
        """Have a rollout be so from now on."""
        self._do(lambda: self.rollouts.seen.__setitem__(of.route, of))

    def follow(self, of: FollowView, phase: Phase = Phase.POLLING, why: str = "") -> None:
        """Have `orders` follow an object, in this phase, from now on."""
        self._do(lambda: self._follow(of, phase, why))

    def _follow(self, of: FollowView, phase: Phase, why: str) -> None:
        self.follows = (of,)
        self.control.of_routes = [_view(of.route, phase, why)]

    def read(self, *partitions: PartitionView) -> None:
        """Have `orders` read these partitions of a topic from now on."""
        of = route({"stable": 95, "canary": 5})
        self._do(lambda: setattr(self.control, "of_routes", [topic_view(of, *partitions)]))

    def deliver(
        self, version: str, count: int, result: DeliveryResult | None = None, seconds: float = 0.02
    ) -> None:
        """Have a version of `orders` get this many messages; with a result they fail by it."""
        self._do(lambda: self._observe(version, count, result, seconds))

    def close(self) -> None:
        """Stop it."""
        self._thread.run(self._server.stop())

    def _observe(
        self, version: str, count: int, result: DeliveryResult | None, seconds: float
    ) -> None:
        observe = self.statistics.observe
        observe(Received("orders", count))
        observe(Decided("orders", version, Reason.SPLIT, count))
        if result is None:
            observe(Acked("orders", version, [seconds] * count, []))
        else:
            for _ in range(count):
                observe(Delivered("orders", version, "m-1", Outcome.RETRY, result, seconds))
        if self.control.watched is not None:
            of = CANARY if version == CANARY.name else STABLE
            for number in range(count):
                told = message(message_id=f"{version}-{number}")
                self.control.watched("orders", told, Decision(of, Reason.SPLIT, None, number))

    def _do(self, act: Callable[[], Any]) -> None:
        async def acting() -> None:
            act()

        self._thread.run(acting())


def _view(name: str, phase: Phase = Phase.POLLING, why: str = "") -> RouteView:
    weights = {"stable": 95, "canary": 5}
    return view(route(weights, name=name, queue=f"{name}-queue"), phase, why, in_flight=3)
