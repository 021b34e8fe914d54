"""A target over HTTP/1.1: an asyncio protocol on httptools, as lean as the hot path needs it."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING, Final

from gateway import __version__
from gateway.adapters.http_connection import Connection
from gateway.adapters.http_pool import Pool
from gateway.adapters.http_request import RequestHead
from gateway.core.disposition import Broken, Unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.disposition import DeliveryResult

USER_AGENT: Final = f"sqs-version-gateway/{__version__}"


class HttpTarget:
    """A Target that POSTs to one URL over connections it keeps (contract, section 4).

    `headers` go out with every delivery; `max_idle` connections stay open between deliveries;
    `tls` replaces the default context of an https URL. Raises ValueError for a URL or header that
    cannot be sent.
    """

    def __init__(
        self,
        url: str,
        headers: Sequence[tuple[str, str]] = (),
        *,
        max_idle: int = 100,
        user_agent: str = USER_AGENT,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._head = RequestHead(url, headers, user_agent)
        self._tls = (tls or ssl.create_default_context()) if self._head.tls else None
        self._pool = Pool(max_idle)

    async def deliver(
        self, headers: Sequence[tuple[str, str]], body: bytes, timeout_seconds: float
    ) -> DeliveryResult:
        """POST once; `timeout_seconds` is for connecting, sending and the full answer together.

        A kept connection that closes before any byte of an answer may just have been idle for too
        long, so the request goes out once more, on a fresh one.
        """
        head = self._head.render(headers, len(body))
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        kept = self._pool.take()
        if kept is not None:
            result = await kept.exchange(head, body, deadline, timeout_seconds)
            if not kept.closed_unanswered:
                return result
        fresh = await self._connect(deadline, timeout_seconds)
        if isinstance(fresh, Unreachable):
            return fresh if kept is None else _broken_before(fresh)
        return await fresh.exchange(head, body, deadline, timeout_seconds)

    async def close(self) -> None:
        """Close the connections at rest; a delivery that runs closes its own when it is done."""
        await self._pool.close()

    def open_connections(self) -> int:
        """Count the connections, in use and at rest."""
        return len(self._pool)

    async def _connect(self, deadline: float, timeout_seconds: float) -> Connection | Unreachable:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline) as limit:
                _, connection = await loop.create_connection(
                    lambda: Connection(self._pool, loop),
                    self._head.host,
                    self._head.port,
                    ssl=self._tls,
                )
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot have
            place = f"{self._head.host}:{self._head.port}"
            if limit.expired():
                return Unreachable(f"no connection to {place} within {timeout_seconds:g} s")
            return Unreachable(f"no connection to {place}: {_words(error)}")
        return connection


def _broken_before(unreachable: Unreachable) -> Broken:
    """Something was sent on the kept connection, so "unreachable" would promise too much."""
    return Broken(f"kept connection closed without an answer, then {unreachable.why}")


def _words(error: OSError | UnicodeError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number and number > 0 and not isinstance(error, ssl.SSLError):  # which numbers its own
        return os.strerror(number)  # asyncio would only say that it failed, and the address again
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
