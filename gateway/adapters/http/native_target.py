"""A target over HTTP/1.1: the gateway's own client, with as little work for a message as can be."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway import __version__
from gateway.adapters.http.header_files import ignore
from gateway.adapters.http.request import HttpSender, RequestHead, sender_of
from gateway.adapters.http.status_reader import StatusReader
from gateway.adapters.http.tls import usual_context
from gateway.adapters.http.unreachable import unreachable, unreachable_again
from gateway.adapters.http1.client import Client
from gateway.adapters.http1.connector import Connector
from gateway.adapters.http1.exchange import SMALL_BODY_BYTES, Exchange
from gateway.adapters.http1.keepalive import KEEPALIVE
from gateway.adapters.http1.pool import Pool

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from gateway.adapters.http1.keepalive import Keepalive
    from gateway.aiokit.descriptors import Descriptors
    from gateway.aiokit.write_batch import WriteBatch
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.routing.version import HeaderFile

USER_AGENT: Final = f"sqs-version-gateway/{__version__}"

LIFETIME_SECONDS: Final = 20.0
"""How long a connection is used: a Service that moved, or has new pods, is found by then, and a
server that waits for its busy connections when it stops stops within its grace period."""


class NativeTarget:
    """A Target that POSTs to one URL over connections it keeps (docs/reference/delivery.md).

    `headers` go out with every delivery. `max_idle` connections stay open between deliveries.
    `tls` gives the context of a new connection to an https URL in place of the default one.
    Targets that share a `write_batch` write together. A delivery that finds no descriptor waits for
    `descriptors` to have one; an `expendable` one fails, and is cut off for another's sake.
    Raises ValueError for a URL or header that cannot be sent.
    """

    def __init__(  # noqa: PLR0913 - what a target is made of
        self,
        url: str,
        headers: Sequence[tuple[str, str | HeaderFile]] = (),
        *,
        max_idle: int = 100,
        user_agent: str = USER_AGENT,
        tls: Callable[[], ssl.SSLContext] | None = None,
        lifetime_seconds: float = LIFETIME_SECONDS,
        report: Callable[[str, str, str], None] = ignore,
        write_batch: WriteBatch | None = None,
        keepalive: Keepalive | None = KEEPALIVE,
        descriptors: Descriptors | None = None,
        expendable: bool = False,
    ) -> None:
        self._head = RequestHead(url, headers, user_agent, report)
        self._pool = Pool(max_idle, write_batch=write_batch, expendable=expendable)
        connector = Connector(
            self._head.host,
            self._head.port,
            self._pool,
            partial(StatusReader, time.time),
            tls=(tls or usual_context) if self._head.tls else None,
            lifetime_seconds=lifetime_seconds,
            keepalive=keepalive,
            admit=None if descriptors is None else descriptors.admission(expendable=expendable),
        )
        waits_for = None if expendable else descriptors
        self._client = Client(
            self._pool, connector, self._no_connection, ramps=True, descriptors=waits_for
        )
        self._descriptors = descriptors
        if descriptors is not None:
            self._pool.descriptors = descriptors
            descriptors.watch(self._pool, first=expendable)
        self._again = self._client.send_again  # bound once

    def bind(self, plan: DeliveryPlan) -> HttpSender:
        """Render once what the messages of a plan share."""
        return sender_of(self.post, plan, self._head)

    def post(
        self,
        lines: str,
        body: bytes,
        timeout_seconds: float,
        done: Callable[[DeliveryResult], None],
    ) -> Exchange:
        """POST once; `timeout_seconds` covers connecting, sending and the complete response.

        A kept connection that closes before any byte of a response may just have been idle for too
        long, so the request goes out once more, on a new connection.
        """
        head = self._head.render(lines, len(body))
        if len(body) <= SMALL_BODY_BYTES:
            head, body = head + body, b""
        exchange = Exchange(head, body, timeout_seconds, done, self._again)
        self._client.send(exchange)
        return exchange

    async def close(self) -> None:
        """Close the idle connections; a delivery under way closes its own when it is done."""
        await self._pool.close()
        if self._descriptors is not None:
            self._descriptors.unwatch(self._pool)

    def open_connections(self) -> int:
        """Return the number of connections, in use and idle."""
        return len(self._pool)

    def _no_connection(
        self, exchange: Exchange, error: Exception, before: DeliveryResult | None
    ) -> DeliveryResult:
        place = f"{self._head.host}:{self._head.port}"
        result = unreachable(place, error, exchange.timeout_seconds)
        return result if before is None else unreachable_again(result)
