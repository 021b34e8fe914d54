"""The composition root: builds everything, owns the task tree, starts, reloads and stops.

Task tree:

    gateway -> routing-file watcher
            -> admin server
            -> route NAME (its own tree: gateway/runtime/running_route.py), one for each route

A crash of any of them ends the process with that error: no zombie that looks healthy and moves
nothing. Messages in hand come back when their leases run out.
"""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.adapters.admin.server import AdminServer
from gateway.adapters.http.native_target import HttpTarget
from gateway.adapters.http.tls import TlsFiles
from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.adapters.telemetry.logs import LogObserver
from gateway.adapters.telemetry.metrics import Metrics
from gateway.adapters.telemetry.statistics import Statistics
from gateway.aiokit.write_batch import WriteBatch
from gateway.config.file import read_again
from gateway.config.watcher import watch
from gateway.core.events import Listening, Reloaded, ReloadFailed
from gateway.core.routing.version import Client
from gateway.runtime.poll_budget import ExtraPolls
from gateway.runtime.routes import plan
from gateway.runtime.running_route import RunningRoute

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.config.file import Reading
    from gateway.config.settings import Settings
    from gateway.core.events import Event
    from gateway.core.routing.route import Route, RoutingTable
    from gateway.core.routing.version import Version
    from gateway.ports import Observer, RouteView, Target

EXIT_CLEAN: Final = 0
EXIT_HALTED: Final = 1

GARBAGE_THRESHOLD: Final = 20_000
"""Objects more than were let go, before the collector looks for cycles: the road of a message has
none, and each look took 0.4 us a message."""

LEAVING_SECONDS: Final = 12 * 3600.0
"""How long a route that a reload took away may go on with what it has in hand: until it is done."""


class Observers:
    """Tells every observer."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def observe(self, event: Event) -> None:
        """Pass the fact on."""
        for observer in self._observers:
            observer.observe(event)


class Gateway:
    """The running gateway, from its settings and a first routing table that is known to be good."""

    def __init__(self, settings: Settings, file: Path, table: RoutingTable) -> None:
        self._settings, self._file, self._table = settings, file, table
        self._generation = 0
        self._judged = table.digest  # of the content that was read last, good or bad
        self._reloading = asyncio.Lock()  # one at a time, so that the file has the last word
        self._write_batch, self._extra_polls = WriteBatch(), ExtraPolls()
        self._clients = SqsClients(self._write_batch)
        self._queue_kind: type[NativeSqsSource | SdkSqsSource] = (
            NativeSqsSource if settings.sqs_client == "native" else SdkSqsSource
        )
        self._metrics, self._statistics, self._log = Metrics(), Statistics(), LogObserver()
        self._observer = Observers(self._metrics, self._statistics, self._log)
        self._running: dict[str, RunningRoute] = {}
        self._leaving: set[RunningRoute] = set()  # removed or replaced by a reload, still draining
        self._stopping = asyncio.Event()
        self._halted = False
        self._tasks: asyncio.TaskGroup | None = None
        token = settings.admin_token
        self._admin = AdminServer(
            self,
            self._metrics,
            self._statistics,
            host=settings.admin_host,
            port=settings.admin_port,
            token=token.get_secret_value() if token else None,
        )

    async def run(self) -> int:
        """Run until stopped; return the exit status."""
        await self._admin.start()
        self._observer.observe(Listening(self._settings.admin_host, self._admin.port))
        try:
            async with self._clients, asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._listen_to_signals()
                self._metrics.watch_in_flight(self._in_flight)
                self._swap(self._table)
                watching = tasks.create_task(self._watch(), name="routing-file watcher")
                freezing = tasks.create_task(self._freeze(), name="freeze")
                await self._stopping.wait()
                freezing.cancel()
                watching.cancel()
        finally:
            self._tasks = None
            await self._admin.stop()
        return EXIT_HALTED if self._halted else EXIT_CLEAN

    async def _freeze(self) -> None:
        """Once everything is there, let the garbage collector look at what comes after it alone."""
        for route in tuple(self._running.values()):
            await route.started.wait()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, 10, 100)

    # ---- stopping -------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)

    def stop(self) -> None:
        """Stop softly; called a second time, stop hard."""
        self._halted = self._stopping.is_set()
        if self._halted:
            for route in (*self._running.values(), *self._leaving):
                route.halt()
            return
        self._stopping.set()
        drain_seconds = self._settings.drain_seconds
        for route in self._running.values():
            route.stop(drain_seconds)
        for route in self._leaving:  # from now on it has no more time than the others
            longest = max(drain_seconds, route.route.wait_seconds)
            asyncio.get_running_loop().call_later(longest, route.halt)

    # ---- the routing table ----------------------------------------------------------------

    @property
    def generation(self) -> int:
        """How many routing tables have been in force so far, this one included."""
        return self._generation

    async def reload(self) -> Reloaded | ReloadFailed:
        """Re-read the routing file now; the last good one stays in force on any problem."""
        async with self._reloading:
            return await self._judge(await asyncio.to_thread(read_again, self._file))

    async def _watch(self) -> None:
        await watch(self._file, lambda: self._judged, self._offer)

    async def _offer(self, digest: str) -> None:
        """Take what the watcher saw, unless a reload was there first, or the file moved on."""
        async with self._reloading:
            if digest != self._judged:
                reading = await asyncio.to_thread(read_again, self._file)
                if reading.digest == digest:
                    await self._judge(reading)

    def _reload_soon(self) -> None:
        if self._tasks is None:
            return
        reloading = self.reload()
        try:
            self._tasks.create_task(reloading, name="reload")
        except RuntimeError:  # the task tree has ended, or is coming down by a crash
            reloading.close()

    async def _judge(self, reading: Reading) -> Reloaded | ReloadFailed:
        self._judged = reading.digest
        table = reading.table
        if table is None:
            return self._refused(reading.problems)
        if table.digest == self._table.digest:
            event = Reloaded(self._generation)
            self._observer.observe(event)
            return event
        if self._stopping.is_set():
            return self._refused((f"{self._file}: comes too late, the gateway is stopping",))
        event = self._swap(table)
        for route in tuple(self._running.values()):
            await route.close_retired()
        return event

    def _refused(self, problems: tuple[str, ...]) -> ReloadFailed:
        event = ReloadFailed(self._generation, problems)
        self._observer.observe(event)
        return event

    def _swap(self, table: RoutingTable) -> Reloaded:
        """Put a table in force. Nothing in here may fail or wait: it is the commit."""
        change = plan({name: running.route for name, running in self._running.items()}, table)
        for name in (*change.stop, *(route.name for route in change.replace)):
            leaving = self._running.pop(name)
            leaving.stop(LEAVING_SECONDS)
            self._leaving.add(leaving)
        for route in change.swap:
            self._running[route.name].adopt(route)
        for route in (*change.start, *change.replace):
            self._start(route)
        self._table = table
        self._generation += 1
        for named in (self._metrics, self._statistics):
            named.in_force(table, self._generation)
        names = tuple(route.name for route in change.start)
        event = Reloaded(self._generation, names, change.changed, change.stop)
        self._observer.observe(event)
        return event

    def _start(self, route: Route) -> None:
        if self._tasks is None:
            return
        running = RunningRoute(
            route,
            self._queue_kind(self._clients, route.queue, route.dead_letter),
            partial(_target, write_batch=self._write_batch),
            Observers(self._metrics, self._statistics, self._log.of(route)),
            extra_polls=self._extra_polls,
            wall=time.time,
            random=random.random,
        )
        self._running[route.name] = running
        task = self._tasks.create_task(running.run(), name=f"route {route.name}")
        task.add_done_callback(lambda _: self._leaving.discard(running))

    # ---- what the admin port asks -----------------------------------------------------------

    def stuck(self) -> Sequence[str]:
        """Name what has not moved for too long."""
        now = asyncio.get_running_loop().time()
        return [said for route in self._running.values() if (said := route.stuck(now))]

    def unready(self) -> Sequence[str]:
        """Say what is not yet, or no longer, ready."""
        if self._stopping.is_set():
            return ["the gateway is stopping"]
        return [
            f"route {name}: {why}"
            for name, route in self._running.items()
            if (why := route.unready)
        ]

    def routes(self) -> Sequence[RouteView]:
        """Describe the routes in force, in file order."""
        running = (self._running.get(route.name) for route in self._table.routes)
        return [route.view() for route in running if route is not None]

    def _in_flight(self) -> dict[str, int]:
        count = {name: route.view().in_flight for name, route in self._running.items()}
        for leaving in self._leaving:
            if leaving.route.name in count:
                count[leaving.route.name] += leaving.view().in_flight
        return count


def _target(version: Version, write_batch: WriteBatch | None = None) -> Target:
    tls = TlsFiles(version.tls) if version.tls else None
    url, headers, max_idle = version.url, version.headers, version.max_in_flight
    if version.client is Client.NATIVE:
        return HttpTarget(url, headers, max_idle=max_idle, tls=tls, write_batch=write_batch)
    # Only where it is asked for: it takes 50 ms to import.
    from gateway.adapters.http.httpx_target import HttpxTarget  # noqa: PLC0415

    return HttpxTarget(url, headers, max_idle=max_idle, tls=tls)
