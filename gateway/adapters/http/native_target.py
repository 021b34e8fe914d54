"""A target over HTTP/1.1: an asyncio protocol on httptools, as lean as the hot path needs it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway import __version__
from gateway.adapters.http.request import RequestHead
from gateway.adapters.http.sender import HttpSender
from gateway.adapters.http.tls import usual_context
from gateway.adapters.http1.connector import LIFETIME_SECONDS, Opener
from gateway.adapters.http1.exchange import SMALL_BODY_BYTES, Exchange
from gateway.adapters.http1.pool import Pool
from gateway.core.delivery.disposition import Broken, Unreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from gateway.aiokit.write_batch import WriteBatch
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan

USER_AGENT: Final = f"sqs-version-gateway/{__version__}"


class HttpTarget:
    """A Target that POSTs to one URL over connections it keeps (docs/reference/delivery.md).

    `headers` go out with every delivery; `max_idle` connections stay open between deliveries;
    `tls` gives the context of a new connection to an https URL in place of the default one;
    targets that share an `outbox` write together.
    Raises ValueError for a URL or header that cannot be sent.
    """

    def __init__(
        self,
        url: str,
        headers: Sequence[tuple[str, str]] = (),
        *,
        max_idle: int = 100,
        user_agent: str = USER_AGENT,
        tls: Callable[[], ssl.SSLContext] | None = None,
        lifetime_seconds: float = LIFETIME_SECONDS,
        write_batch: WriteBatch | None = None,
    ) -> None:
        self._head = RequestHead(url, headers, user_agent)
        self._pool = Pool(max_idle, write_batch)
        self._opener = Opener(
            self._head,
            self._pool,
            (tls or usual_context) if self._head.tls else None,
            lifetime_seconds,
        )
        self._opening: set[asyncio.Task[None]] = set()
        self._again = self._open  # bound once

    def bind(self, plan: DeliveryPlan) -> HttpSender:
        """Render once what the messages of a plan share."""
        return HttpSender(self.post, plan)

    def post(
        self,
        lines: str,
        body: bytes,
        timeout_seconds: float,
        done: Callable[[DeliveryResult], None],
    ) -> Exchange:
        """POST once; `timeout_seconds` is for connecting, sending and the full answer together.

        A kept connection that closes before any byte of an answer may just have been idle for too
        long, so the request goes out once more, on a fresh one.
        """
        head = self._head.render(lines, len(body))
        if len(body) <= SMALL_BODY_BYTES:
            head, body = head + body, b""
        exchange = Exchange(head, body, timeout_seconds, done, self._again)
        idle = self._pool.idle
        if idle:
            kept, _ = idle.popitem()  # the one used last: the others may go
            kept.carry_next(exchange)
        else:
            self._open(exchange)
        return exchange

    async def close(self) -> None:
        """Close the connections at rest; a delivery that runs closes its own when it is done."""
        await self._pool.close()

    def open_connections(self) -> int:
        """Count the connections, in use and at rest."""
        return len(self._pool)

    def _open(self, exchange: Exchange, before: DeliveryResult | None = None) -> None:
        """Send on a fresh connection; `before` is what came of a kept one."""
        exchange.kept = False
        exchange.connection = None
        loop = asyncio.get_running_loop()
        exchange.deadline = exchange.deadline or loop.time() + exchange.timeout_seconds
        opening = loop.create_task(
            self._send_afresh(exchange, before), name=f"connect to {self._head.host}"
        )
        exchange.opening = opening
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _send_afresh(self, exchange: Exchange, before: DeliveryResult | None) -> None:
        fresh = await self._opener.open(exchange.deadline, exchange.timeout_seconds)
        exchange.opening = None
        if not isinstance(fresh, Unreachable):
            fresh.carry(exchange)
        elif before is None:
            exchange.done(fresh)
        else:  # something was sent, so "unreachable" would promise too much
            exchange.done(Broken(f"kept connection closed without an answer, then {fresh.why}"))
