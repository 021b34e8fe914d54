"""Sends exchanges to one host: on an idle connection, or on a new one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from gateway.adapters.http1.connection import NEVER
from gateway.adapters.http1.ramp import Ramp

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.http1.connector import Connector
    from gateway.adapters.http1.exchange import Exchange
    from gateway.adapters.http1.pool import Pool
    from gateway.aiokit.descriptors import Descriptors


class Client:
    """Sends exchanges to one host, over as many connections as exchanges are under way.

    Connecting may take `connect_seconds` in addition to an exchange's own timeout; None: it counts
    towards that. `no_connection` makes the result where no connection was opened: of the exchange,
    the error, and the result of a first try (None where nothing had been sent). A kept connection
    counts as stale where it closes within `stale_seconds` of a request. `ramps`: new connections
    are few at first, and requests may wait for one before their timeout begins. They wait too
    where `descriptors` has none.
    """

    def __init__(
        self,
        pool: Pool,
        connector: Connector,
        no_connection: Callable[[Exchange, Exception, Any], Any],
        *,
        connect_seconds: float | None = None,
        stale_seconds: float = NEVER,
        ramps: bool = False,
        descriptors: Descriptors | None = None,
    ) -> None:
        self.pool = pool
        self._connector = connector
        self._no_connection = no_connection
        self._connect_seconds = connect_seconds
        self._stale_seconds = stale_seconds
        self._opening: set[asyncio.Task[None]] = set()
        self._ramp = Ramp(self._open, pool.close_oldest_idle) if ramps else None
        pool.ramp = self._ramp
        pool.descriptors = self._descriptors = descriptors

    def send(self, exchange: Exchange) -> None:
        """Send the request; `exchange.done` is called later than this returns."""
        connection = self.pool.take()
        if connection is None:
            self._connect(exchange, None)
        else:
            connection.send_soon(exchange)

    def send_again(self, exchange: Exchange, before: Any) -> None:
        """Send once more, on a new connection: the kept one was closed for having been idle.

        An `Exchange.again`: `before` is the result of the first try.
        """
        now = asyncio.get_running_loop().time()
        sent_at = exchange.deadline - exchange.timeout_seconds
        if before is not None and now - sent_at >= self._stale_seconds:
            exchange.done(before)
        else:
            self._connect(exchange, before)

    def _connect(self, exchange: Exchange, before: Any) -> None:
        exchange.kept = False
        exchange.connection = None
        if self._ramp is None:
            self._open(exchange, before)
        else:
            self._ramp.connect(exchange, before)

    def _open(self, exchange: Exchange, before: Any) -> None:
        exchange.connection = None
        loop = asyncio.get_running_loop()
        opening = loop.create_task(
            self._send_on_new_connection(exchange, before, self._connect_by(exchange, loop.time())),
            name=f"connect to {self._connector.host}",
        )
        exchange.opening = opening
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    def _connect_by(self, exchange: Exchange, now: float) -> float:
        if self._connect_seconds is not None:
            exchange.deadline = 0.0  # it starts once the connection is open
            return now + self._connect_seconds
        exchange.deadline = exchange.deadline or now + exchange.timeout_seconds
        return exchange.deadline

    async def _send_on_new_connection(
        self, exchange: Exchange, before: Any, deadline: float
    ) -> None:
        try:
            connection = await self._connector.open(deadline)
        except asyncio.CancelledError:
            if self._ramp is not None:
                self._ramp.on_end(exchange)
            raise
        except Exception as error:  # noqa: BLE001 - the exchange must end in any case
            exchange.opening = None
            if (
                self._descriptors is not None
                and isinstance(error, OSError)
                and self._connector.at_limit(error)
            ):
                if self._ramp is not None:
                    self._ramp.hold(exchange, before)
                    self._descriptors.wait(error, self._ramp.go_on)
                    return
                self._descriptors.report(error)
            if self._ramp is not None:
                self._ramp.on_failure(exchange)
            exchange.done(self._no_connection(exchange, error, before))
        else:
            exchange.opening = None
            if self._ramp is not None:
                connection.new_for = exchange
            connection.send(exchange)
