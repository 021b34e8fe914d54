"""Puts one routing table after another in force: an offer comes in, is loaded, and swapped in.

Offers come from the givers of weights (the routing file's watcher is one), from SIGHUP and from
`POST /-/reload`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.core.events import Reloaded, ReloadFailed, TableInForce

if TYPE_CHECKING:
    from gateway.config.watcher import FileWeights
    from gateway.core.routing.route import RoutingTable
    from gateway.ports import Loaded, Observer, WeightOffer
    from gateway.runtime.routes import RouteSet


class Reloader:
    """The only one that swaps routing tables.

    Invariant: the table in force has loaded without a problem, and `generation` counts the tables
    that have been in force. Everything that can fail or wait (opening, parsing, checking) is done
    before the swap, which does neither. If it fails, the last good table stays in force.
    Offers are loaded one at a time, so the file as it was read last is what stays in force.
    """

    def __init__(
        self, file: FileWeights, routes: RouteSet, observer: Observer, table: RoutingTable
    ) -> None:
        self._file = file
        self._routes = routes
        self._observer = observer
        self._table = table
        self._generation = 0
        self._loading = asyncio.Lock()

    @property
    def generation(self) -> int:
        """The number of routing tables that have been in force so far, this one included."""
        return self._generation

    def begin(self) -> None:
        """Put the first table in force."""
        self._swap(self._table)

    async def reload(self) -> Reloaded | ReloadFailed:
        """Read the routing file again now; the last good one stays in force on any problem."""
        async with self._loading:
            return await self._judge(await self._file.load())

    async def offer(self, load: WeightOffer) -> None:
        """Load what a giver of weights offers, and put it in force unless it is outdated."""
        async with self._loading:
            loaded = await load()
            if loaded is not None:
                await self._judge(loaded)

    async def _judge(self, loaded: Loaded) -> Reloaded | ReloadFailed:
        table = loaded.table
        if table is None:
            return self._fail(loaded.problems)
        if table.digest == self._table.digest:
            event = Reloaded(self._generation)
            self._observer.observe(event)
            return event
        if self._routes.stopping:
            return self._fail((f"{self._file.path}: is too late, the gateway is stopping",))
        event = self._swap(table)
        await self._routes.close_retired()
        return event

    def _fail(self, problems: tuple[str, ...]) -> ReloadFailed:
        event = ReloadFailed(self._generation, problems)
        self._observer.observe(event)
        return event

    def _swap(self, table: RoutingTable) -> Reloaded:
        """Put a table in force. Nothing in here may fail or wait: it is the commit."""
        change = self._routes.swap(table)
        self._table = table
        self._generation += 1
        self._observer.observe(TableInForce(table, self._generation))
        names = tuple(route.name for route in change.start)
        event = Reloaded(self._generation, names, change.changed, change.stop)
        self._observer.observe(event)
        return event
