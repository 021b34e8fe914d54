"""The composition root: builds everything, listens to signals, starts and stops.

Task tree, all of it under one TaskGroup:

    gateway -> route NAME (its own tree: gateway/runtime/running_route.py), one for each route,
               also for one that a reload removed, until it has drained
            -> queue of VERSION of ROUTE (its own tree: gateway/adapters/sqs/queue_target.py), one
               for each version that is a queue, until its route has no message for it any more
            -> topic of VERSION of ROUTE (its own tree: gateway/adapters/kafka/topic_target.py),
               likewise
            -> one watcher for each giver of weights (the routing file), until the gateway stops
            -> rollouts (its own tree: gateway/runtime/rollouts/driver.py), until the gateway stops
            -> follower (its own tree: gateway/runtime/following/follower.py), likewise
            -> reload, one for each SIGHUP
            -> freeze, until every route has begun to poll

Signals come from gateway/aiokit/signals.py, which remembers those that came before the loop; after
a stop nothing is started. The admin server is started before the tree and stopped after it. A crash
of any task ends the process with that error: it would look healthy and move nothing. Messages in
flight become visible again when their leases end.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.adapters.admin.policy import Protection
from gateway.adapters.admin.server import AdminServer
from gateway.adapters.http.targets import make_target
from gateway.adapters.http1.keepalive import KEEPALIVE
from gateway.adapters.kafka.factory import KafkaFactory
from gateway.adapters.kafka.setting_names import SettingNames
from gateway.adapters.kubernetes.objects import KubernetesObjects
from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.queue_calls import QueueCalls
from gateway.adapters.sqs.queue_target import QueueTarget
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.adapters.state.stores import make_store
from gateway.adapters.telemetry.descriptor_log import DescriptorLog
from gateway.adapters.telemetry.log_observer import LogObserver
from gateway.adapters.telemetry.log_throttle import SharedThrottles
from gateway.adapters.telemetry.metrics import Metrics
from gateway.adapters.telemetry.observers import Observers
from gateway.adapters.telemetry.statistics import Statistics
from gateway.adapters.tracing.open import open_spans
from gateway.aiokit.descriptors import Descriptors, raise_limit
from gateway.aiokit.signals import SIGNALS
from gateway.aiokit.write_batch import WriteBatch
from gateway.config.watcher import FileWeights
from gateway.core.events import Listening
from gateway.core.kafka.plan import TopicAddress
from gateway.reloader import Reloader
from gateway.runtime.following.follower import Follower
from gateway.runtime.poll_budget import PollBudget
from gateway.runtime.rollouts.driver import RolloutDriver
from gateway.runtime.rollouts.requests import RolloutRequests
from gateway.runtime.routes import RouteSet
from gateway.runtime.running_route import RunningRoute
from gateway.runtime.tracing.route import RouteTracing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from gateway.config.settings import Settings
    from gateway.core.events import Event
    from gateway.core.routing.route import Route, RoutingTable
    from gateway.core.routing.version import Version
    from gateway.ports import Source, Target, Weights

GARBAGE_THRESHOLD: Final = 20_000
"""New objects before the collector looks for cycles. The path of a message makes none, so that most
of its looks are in vain."""

SPANS_SECONDS: Final = 5.0
"""The longest that a stop waits for the collector of traces, within the drain."""


class Gateway:
    """The running gateway, from its settings and a first routing table that is known to be good.

    Raises StateError where the place of the state cannot be used at all.
    """

    def __init__(self, settings: Settings, file: Path, table: RoutingTable) -> None:
        self._settings = settings
        self._native_sqs = settings.sqs_client == "native"
        self._stopping = asyncio.Event()
        self._hung_up = False
        self._tasks: asyncio.TaskGroup | None = None
        self._halted = False
        self._write_batch = WriteBatch()
        self._poll_budget = PollBudget()
        self._keepalive = KEEPALIVE if settings.tcp_keepalive else None
        limit_log = DescriptorLog()
        self._descriptors = Descriptors(
            raise_limit(), on_short=limit_log.on_short, on_enough=limit_log.on_enough
        )
        self._clients = SqsClients(self._write_batch, self._keepalive, self._descriptors)
        self._kafka = KafkaFactory(settings.drain_seconds)
        store = make_store(settings.state, os.environ)
        self._routes = RouteSet(
            self._running_route,
            lambda route: self._follower.waits(route),  # noqa: PLW0108 - made below
        )
        self._metrics = Metrics(
            read_in_flight=self._routes.in_flight,
            read_deliveries=self._routes.deliveries,
            read_rollouts=lambda: requests.views(),  # noqa: PLW0108 - made below
            read_limits=self._routes.limits,
            read_follows=lambda: self._follower.views(),  # noqa: PLW0108 - made below
            read_routes=self._routes.views,
        )
        self._statistics = Statistics()
        self._throttles = SharedThrottles()
        log = LogObserver(self._throttles)
        self._observer = Observers(self._metrics, self._statistics, log)
        self._rollouts = RolloutDriver(store, self._routes, self._observer, wall=time.time)
        requests = RolloutRequests(self._rollouts, wall=time.time)
        objects = KubernetesObjects(os.environ)
        self._follower = Follower(
            objects, self._routes, self._observer, clock=time.monotonic, wall=time.time
        )
        self._spans = open_spans(os.environ, self._observer.observe)
        self._drained_at = 0.0
        routing_file = FileWeights(file, table.digest, SettingNames)
        self._weights: dict[str, Weights] = {"routing-file watcher": routing_file}  # by task name
        self._reloader = Reloader(routing_file, self._routes, self._observer, table)
        token = settings.admin_token
        self._admin = AdminServer(
            self._routes,
            self._reloader,
            self._statistics,
            self._metrics.render,
            rollouts=requests,
            follows=self._follower.views,
            host=settings.admin_host,
            port=settings.admin_port,
            token=token.get_secret_value() if token else None,
            protection=Protection(settings.admin_protect_reads, settings.admin_protect_metrics),
        )

    async def run(self) -> bool:
        """Run until stopped; return whether the stop was a soft one."""
        SIGNALS.connect(asyncio.get_running_loop(), self._on_signal)
        try:
            if not self._stopping.is_set():
                await self._serve()
        finally:
            SIGNALS.disconnect()
        return not self._halted

    async def _serve(self) -> None:
        await self._admin.start()
        self._observer.observe(Listening(self._admin.host, self._admin.port))
        if self._spans is not None:
            self._spans.start()
        try:
            async with self._clients, asyncio.TaskGroup() as tasks:
                if not self._stopping.is_set():
                    await self._route_messages(tasks)
        finally:
            self._routes.end()
            if self._spans is not None:
                left = self._drained_at - asyncio.get_running_loop().time()
                await self._spans.close(0 if self._halted else min(max(left, 1), SPANS_SECONDS))
            await self._admin.stop()

    async def _route_messages(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._routes.begin(tasks)
        self._reloader.begin()
        if self._hung_up:
            self._start(self._reloader.reload(), "reload")
        helpers = [
            tasks.create_task(self._freeze(), name="freeze"),
            tasks.create_task(self._rollouts.run(), name="rollouts"),
            tasks.create_task(self._follower.run(), name="follower"),
            *(
                tasks.create_task(giver.watch(self._reloader.offer), name=name)
                for name, giver in self._weights.items()
            ),
        ]
        await self._stopping.wait()
        for task in helpers:
            task.cancel()

    def stop(self) -> None:
        """Stop softly; called a second time, stop hard."""
        self._halted = self._stopping.is_set()
        if self._halted:
            self._routes.halt()
            return
        self._stopping.set()
        self._drained_at = asyncio.get_running_loop().time() + self._settings.drain_seconds
        self._routes.stop(self._settings.drain_seconds)

    def _on_signal(self, which: signal.Signals) -> None:
        if which != signal.SIGHUP:
            self.stop()
        elif self._tasks is None:
            self._hung_up = True
        else:
            self._start(self._reloader.reload(), "reload")

    async def _freeze(self) -> None:
        """Once everything is there, have the garbage collector look at later objects only."""
        await self._routes.started()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, 10, 100)

    def _running_route(self, route: Route) -> RunningRoute:
        observer = Observers(self._metrics, self._statistics, LogObserver(self._throttles, route))
        return RunningRoute(
            route,
            self._source(route, observer.observe),
            partial(self._target, route, observer.observe),
            observer,
            poll_budget=self._poll_budget,
            wall=time.time,
            random=random.random,
            short=lambda: self._descriptors.short,
            make_mirror_target=partial(self._url_target, expendable=True),
            weigh=lambda given: self._follower.weigh(self._rollouts.weigh(given)),
            tracing=None if self._spans is None else RouteTracing(route, self._spans),
        )

    def _source(self, route: Route, observe: Callable[[Event], None]) -> Source:
        queue, dead_letter = route.queue, route.dead_letter
        if isinstance(queue, TopicAddress) or isinstance(dead_letter, TopicAddress):
            return self._kafka.source(route, observe)
        source = NativeSqsSource if self._native_sqs else SdkSqsSource
        return source(self._clients, queue, dead_letter)

    def _target(self, route: Route, observe: Callable[[Event], None], version: Version) -> Target:
        if version.topic is not None:
            topic = self._kafka.target(route, version, observe)
            self._start(topic.run(), f"topic of {version.name} of {route.name}")
            return topic
        if version.queue is None:
            return self._url_target(version, observe=self._observer.observe)
        calls = QueueCalls(self._clients, version.queue, native=self._native_sqs)
        found = partial(self._routes.found, version.queue)
        target = QueueTarget(version, calls, route.name, observe, found)
        self._start(target.run(), f"queue of {version.name} of {route.name}")
        return target

    def _url_target(
        self,
        version: Version,
        *,
        observe: Callable[[Event], None] | None = None,
        expendable: bool = False,
    ) -> Target:
        return make_target(
            version,
            write_batch=self._write_batch,
            keepalive=self._keepalive,
            descriptors=self._descriptors,
            observe=observe,
            expendable=expendable,
        )

    def _start(self, running: Coroutine[None, None, object], name: str) -> None:
        """Run it under the gateway's tasks, unless they have ended or a crash is ending them."""
        try:
            if self._tasks is not None:
                self._tasks.create_task(running, name=name)
                return
        except RuntimeError:
            pass
        running.close()
