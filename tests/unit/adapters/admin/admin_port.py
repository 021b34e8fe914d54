"""A started admin port on loopback and a client for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from gateway.adapters.admin.policy import Protection
from gateway.adapters.admin.server import AdminServer
from gateway.adapters.telemetry.metrics import Metrics
from gateway.adapters.telemetry.statistics import Statistics
from gateway.core.events import Received, TableInForce
from tests.fakes.rollouts import FakeRollouts, unjudged_view
from tests.unit.adapters.fakes import FakeControl, table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READS = ["/", "/healthz", "/readyz", "/metrics", "/api/routes"]
RELOAD = "/-/reload"


def admin_server(
    control: FakeControl | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    protection: Protection = Protection(),  # noqa: B008 - a frozen value
    rollouts: FakeRollouts | None = None,
) -> AdminServer:
    """Make a server, not started, of a gateway whose route `orders` has received 3 messages."""
    metrics, statistics = Metrics(), Statistics()
    for observer in (metrics, statistics):
        observer.observe(TableInForce(table(), 1))
        observer.observe(Received("orders", 3))
    control = control or FakeControl()
    return AdminServer(
        control,
        control,
        statistics,
        metrics.render,
        rollouts=rollouts or FakeRollouts(unjudged_view()),
        host=host,
        port=port,
        token=token,
        protection=protection,
    )


@asynccontextmanager
async def serving(
    control: FakeControl,
    *,
    token: str | None = None,
    protection: Protection = Protection(),  # noqa: B008 - a frozen value
    rollouts: FakeRollouts | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve on a free port; the session's paths are relative to it."""
    server = admin_server(control, token=token, protection=protection, rollouts=rollouts)
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            yield session
    finally:
        await server.stop()
