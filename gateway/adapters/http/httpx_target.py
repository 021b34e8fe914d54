"""A target over httpx's transport, for what only that does: HTTP/2, and proxies.

That transport is httpcore. What httpx adds to it (cookies, redirects, decompression) is of no use
here, and hides what the result depends on: whether anything was sent, and whether any byte of a
response arrived.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import httpcore

from gateway.adapters.http.header_files import ignore
from gateway.adapters.http.httpx_network import CURRENT, Attempt, Network, first_cause
from gateway.adapters.http.httpx_pool import RetirablePool
from gateway.adapters.http.httpx_proxies import proxy_for
from gateway.adapters.http.native_target import LIFETIME_SECONDS, USER_AGENT
from gateway.adapters.http.request import HttpSender, RequestHead, sender_of
from gateway.adapters.http.retry_after import retry_after_seconds
from gateway.adapters.http.status_reader import MAX_RESPONSE_BYTES
from gateway.adapters.http.unreachable import reason, unreachable, unreachable_again
from gateway.adapters.http1.connector import GOLDEN, ConnectDeadlineError
from gateway.adapters.http1.keepalive import KEEPALIVE
from gateway.core.delivery.disposition import (
    Broken,
    DeliveryResult,
    Responded,
    TimedOut,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.adapters.http1.keepalive import Keepalive
    from gateway.aiokit.descriptors import Descriptors
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.routing.version import HeaderFile

_FIRST_FINAL_STATUS: Final = 200

POOL_SIZE: Final = 20
"""Deliveries under way in one pool of httpcore's."""


class _NoDescriptor(Exception):  # noqa: N818 - not an error of the delivery
    """This process has no descriptor or port for a connection: the delivery waits."""


class HttpxSending:
    """One delivery under way, as a `Sending`."""

    def __init__(
        self, task: asyncio.Task[DeliveryResult], done: Callable[[DeliveryResult], None]
    ) -> None:
        self._task = task
        self._done = done
        self._cancelled = False
        self.begun = True
        task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Cancel its task; `done` is not called."""
        self._cancelled = True
        self._task.cancel()

    def _end(self, task: asyncio.Task[DeliveryResult]) -> None:
        if not self._cancelled and not task.cancelled():
            self._done(task.result())


class HttpxTarget:
    """A Target that POSTs to one URL, over HTTP/2 where the service offers it by TLS.

    `tls` gives the TLS context in place of the default one; it must not be shared, since httpcore
    changes it. An `expendable` delivery fails where it finds no descriptor. Raises ValueError for
    a URL or header that cannot be sent.
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
        keepalive: Keepalive | None = KEEPALIVE,
        descriptors: Descriptors | None = None,
        report: Callable[[str, str, str], None] = ignore,
        expendable: bool = False,
    ) -> None:
        self._head = RequestHead(url, headers, user_agent, report)
        self._url = httpcore.URL(
            scheme="https" if self._head.tls else "http",
            host=self._head.host,
            port=self._head.port,
            target=self._head.path,
        )
        self._proxy = _proxy(proxy_for(self._head))
        self._max_idle = max_idle
        self._lifetime_seconds = lifetime_seconds
        self._tls = tls or ssl.create_default_context  # not shared: httpcore sets ALPN on it
        self._socket_options = [] if keepalive is None else list(keepalive.options)
        self._descriptors = None if expendable else descriptors
        self._network = Network(
            None if descriptors is None else descriptors.admission(expendable=expendable)
        )
        self._pools: list[RetirablePool] = []
        self._made = 0
        self._closing: set[asyncio.Task[None]] = set()
        if descriptors is not None:
            descriptors.watch(self)
        self._tasks: set[asyncio.Task[DeliveryResult]] = set()

    def bind(self, plan: DeliveryPlan) -> HttpSender:
        """Render once what the messages of a plan share."""
        return sender_of(self.post, plan, self._head)

    def post(
        self,
        lines: str,
        body: bytes,
        timeout_seconds: float,
        done: Callable[[DeliveryResult], None],
    ) -> HttpxSending:
        """POST once; `timeout_seconds` covers connecting, sending and the complete response."""
        task = asyncio.get_running_loop().create_task(
            self._deliver(self._request_headers(lines, body), body, timeout_seconds),
            name=f"delivery to {self._head.host}",
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return HttpxSending(task, done)

    async def close(self) -> None:
        """Close the idle connections; a delivery under way closes its own when it is done."""
        self._max_idle = 0
        await self._renew()
        if self._descriptors is not None:
            self._descriptors.unwatch(self)

    def close_oldest_idle(self) -> bool:
        """Close the oldest pool that no delivery uses; return whether there was one."""
        idle = next((each for each in self._pools if each.idle), None)
        if idle is None:
            return False
        self._pools.remove(idle)
        closing = asyncio.get_running_loop().create_task(
            idle.retire(), name=f"close connections to {self._head.host}"
        )
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return True

    def _request_headers(self, lines: str, body: bytes) -> list[tuple[bytes, bytes]]:
        raw = (line.partition(b": ") for line in lines.encode("ascii").split(b"\r\n")[:-1])
        length = (b"content-length", b"%d" % len(body))
        fixed = ((name.encode(), value.encode()) for name, value in self._head.fixed)
        return [*fixed, length, *((name, value) for name, _, value in raw)]

    async def _deliver(
        self, headers: list[tuple[bytes, bytes]], body: bytes, timeout_seconds: float
    ) -> DeliveryResult:
        """Send once more, on a new connection, where a kept one closed without a response."""
        while True:
            try:
                result = await self._deliver_once(headers, body, timeout_seconds)
            except _NoDescriptor as error:
                assert self._descriptors is not None, "else it is not raised"  # noqa: S101
                await self._descriptors.free(error.__cause__)
            else:
                if self._descriptors is not None:
                    self._descriptors.freed()  # its connection is idle, or closed
                return result

    async def _deliver_once(
        self, headers: list[tuple[bytes, bytes]], body: bytes, timeout_seconds: float
    ) -> DeliveryResult:
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        first = Attempt()
        result = await self._attempt(first, headers, body, deadline, timeout_seconds)
        stale = isinstance(result, Broken) and not first.new_connection and not first.begun
        if not stale:
            return result
        await self._renew()  # other idle ones may have been closed with it
        result = await self._attempt(Attempt(), headers, body, deadline, timeout_seconds)
        if isinstance(result, Unreachable):  # something was sent before
            return unreachable_again(result)
        return result

    async def _attempt(
        self,
        attempt: Attempt,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        deadline: float,
        timeout_seconds: float,
    ) -> DeliveryResult:
        CURRENT.set(attempt)
        try:
            async with asyncio.timeout_at(deadline) as limit:
                return await self._exchange(attempt, headers, body, deadline)
        except Exception as error:  # noqa: BLE001 - of httpcore, anyio, h11, h2, ssl
            place = f"{self._head.host}:{self._head.port}"
            if attempt.sent:
                return TimedOut(timeout_seconds) if limit.expired() else Broken(_reason(error))
            found = ConnectDeadlineError() if limit.expired() else first_cause(error)
            if self._descriptors is not None and self._network.at_limit(found):
                raise _NoDescriptor from found
            return unreachable(place, found, timeout_seconds)

    async def _exchange(
        self,
        attempt: Attempt,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        deadline: float,
    ) -> DeliveryResult:
        left = max(0.001, deadline - asyncio.get_running_loop().time())
        extensions = {"trace": attempt.trace, "timeout": {"connect": left}}
        connections = await self._current()
        async with (
            connections.in_use() as pool,
            pool.stream(
                "POST", self._url, headers=headers, content=body, extensions=extensions
            ) as response,
        ):
            if response.status < _FIRST_FINAL_STATUS:
                return Broken(f"response has status {response.status}, which completes no request")
            received = 0
            async for piece in response.aiter_stream():
                received += len(piece)
                if received > MAX_RESPONSE_BYTES:
                    break
            return Responded(response.status, _retry_after(response))

    async def _current(self) -> RetirablePool:
        """Return the first pool with room; new ones replace it after a while.

        Several small pools: one of httpcore's looks at all its connections and requests at each
        request and response, so a large one costs ever more.
        """
        now = asyncio.get_running_loop().time()
        expired = [each for each in self._pools if now >= each.until]
        self._pools = [each for each in self._pools if now < each.until]
        found = next((each for each in self._pools if each.users < POOL_SIZE), None)
        if found is None:
            found = self._new_pool(now)
            self._pools.append(found)
        for each in expired:
            await each.retire()
        return found

    async def _renew(self) -> None:
        """Use new connections from now on."""
        old, self._pools = self._pools, []
        for each in old:
            await each.retire()

    def _new_pool(self, now: float) -> RetirablePool:
        self._made += 1
        lifetime = self._lifetime_seconds * (0.75 + self._made * GOLDEN % 1 / 2)
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls() if self._head.tls else None,
            proxy=self._proxy,
            max_connections=None,
            max_keepalive_connections=min(self._max_idle, POOL_SIZE),
            keepalive_expiry=self._lifetime_seconds,
            http2=True,
            network_backend=self._network,
            socket_options=self._socket_options,
        )
        return RetirablePool(pool, now + lifetime)


def _proxy(url: str | None) -> httpcore.Proxy | None:
    if url is None:
        return None
    parts = urlsplit(url)
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return httpcore.Proxy(bare, auth=user)


def _retry_after(response: httpcore.Response) -> float | None:
    for name, value in response.headers:
        if name.lower() == b"retry-after":
            return retry_after_seconds(value, time.time())
    return None


def _reason(error: BaseException) -> str:
    return reason(first_cause(error))
