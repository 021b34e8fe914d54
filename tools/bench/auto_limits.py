"""`max_in_flight: auto` beside numbers: with quick services, and with one that slows down.

The rates are those of a backlog, from the first receive to the last delete, so what the limit needs
to find itself counts. The service that slows down has so many workers; what finds none free waits
inside it, as with a pool of threads, while the timeout runs.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final, cast

import httptools

from tools.bench import throughput
from tools.bench.arena import body
from tools.bench.channel import Channel
from tools.bench.names import QUEUE
from tools.bench.peers import running
from tools.bench.report import table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.peers import Peer
    from tools.bench.throughput import Run

MESSAGES: Final = 40_000
AUTO: Final = "auto"
SERVICES: Final = {"at once": "", "after 10 ms": "/after-10"}
"""How quick a service is, and its path."""

LIMITS: Final = ("200", "400", AUTO)
"""The best of the numbers counts as tuned by hand."""

SLOWED_LIMITS: Final = ("400", AUTO)
WORKERS: Final = 30
QUICK_SECONDS: Final = 0.005
SLOW_SECONDS: Final = 0.5
SLOWS_AFTER: Final = 3_000
SLOWED_MESSAGES: Final = 3_500
TIMEOUT_SECONDS: Final = 5
NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"

_ROUTE: Final = """\
routes:
  - name: bench
    queue: {queue}
    wait: 1s
    visibility: 60s
    max_in_flight: {limit}
    versions:
      stable: {{url: "{url}", tag: v1, timeout: {timeout}s}}
"""


@dataclass(frozen=True, slots=True)
class Slowed:
    """What became of the messages of a service that slows down; nothing but a timeout is retried.

    `most` is the most that it had at once after that, what waited for a worker included.
    """

    retried: int
    most: int


async def measure(
    peer: Peer, arena: Arena, folder: Path, of: tuple[str, str], messages: int
) -> Run:
    """Move a backlog once, to a service and by a limit."""
    service, limit = of
    url = f"{arena.services.http}{SERVICES[service]}/stable"
    routing = _ROUTE.format(queue=QUEUE, limit=limit, url=url, timeout=30)
    return await throughput.measure(peer, arena, folder, messages, routing=routing)


async def slow_down(peer: Peer, arena: Arena, folder: Path, limit: str) -> Slowed:
    """Move a backlog to a service that gets slow on the way."""
    await arena.clear(QUEUE)
    async with _pool() as (pool, url):
        routing = _ROUTE.format(queue=QUEUE, limit=limit, url=url, timeout=TIMEOUT_SECONDS)
        with running(peer, arena, folder, routing) as it:
            await throughput.until_it_polls(it, arena, QUEUE)
            await arena.fill(SLOWED_MESSAGES, body(), 0.0, QUEUE)
            await throughput.until_deleted(it, arena, QUEUE, SLOWED_MESSAGES)
            retried = await _retried(it.admin_port)
    return Slowed(retried, pool.most)


def ratios(runs: Mapping[tuple[str, str], Sequence[Run]]) -> dict[str, float]:
    """Return the rate by `auto` in units of the best number's in the same turn: medians."""
    found = {}
    for service in SERVICES:
        turns = zip(*(runs[service, limit] for limit in LIMITS), strict=False)
        rates = [
            {limit: run.rate for limit, run in zip(LIMITS, turn, strict=True)} for turn in turns
        ]
        found[service] = median(
            each[AUTO] / max(rate for limit, rate in each.items() if limit != AUTO)
            for each in rates
        )
    return found


def text(
    runs: Mapping[tuple[str, str], Sequence[Run]], slowed: Mapping[str, Sequence[Slowed]]
) -> str:
    """Return the figures."""
    best = ratios(runs)
    rows = [
        [
            f"{service}, {limit}",
            f"{median(run.rate for run in found):,.0f}",
            f"{best[service]:.2f}" if limit == AUTO else "",
            f"{median(run.cpu_us_per_message for run in found):.0f}",
            str(sum(run.lost for run in found)),
            str(sum(run.doubled for run in found)),
        ]
        for (service, limit), found in runs.items()
    ]
    head = ["service, limit", "msg/s", "auto / best", "CPU us/msg", "lost", "doubled"]
    slow = [
        [limit, str(sum(each.retried for each in found)), str(max(each.most for each in found))]
        for limit, found in slowed.items()
    ]
    title = (
        f"a service of {WORKERS} workers that goes from {QUICK_SECONDS * 1000:g} ms to "
        f"{SLOW_SECONDS * 1000:g} ms, timeout {TIMEOUT_SECONDS} s"
    )
    ended = table(["limit", "timed out", "most at once"], slow)
    return f"{table(head, rows)}\n\n{title}\n{ended}"


async def _retried(admin_port: int) -> int:
    channel = await Channel.open(admin_port)
    _, answered = await channel.request("GET", "/metrics")
    channel.close()
    found = re.findall(
        rb'gateway_deliveries_total\{[^}]*outcome="retry"[^}]*\} ([0-9.]+)', answered
    )
    return round(sum(map(float, found)))


class _Pool:
    """Workers, and what waits for one."""

    def __init__(self) -> None:
        self.most = 0
        self._served = 0
        self._free = WORKERS
        self._waiting: deque[asyncio.Transport] = deque()

    def take(self, transport: asyncio.Transport) -> None:
        self._waiting.append(transport)
        if self._served > SLOWS_AFTER:
            self.most = max(self.most, WORKERS - self._free + len(self._waiting))
        self._begin()

    def _begin(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._served += 1
            seconds = QUICK_SECONDS if self._served <= SLOWS_AFTER else SLOW_SECONDS
            asyncio.get_running_loop().call_later(seconds, self._end, self._waiting.popleft())

    def _end(self, transport: asyncio.Transport) -> None:
        self._free += 1
        if not transport.is_closing():
            transport.write(NO_CONTENT)
        self._begin()


class _Service(asyncio.Protocol):
    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._pool.take(self._transport)


@asynccontextmanager
async def _pool() -> AsyncIterator[tuple[_Pool, str]]:
    pool = _Pool()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Service(pool), "127.0.0.1", 0, backlog=1_000
    )
    try:
        yield pool, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
