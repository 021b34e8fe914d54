"""Runs the API server in the event loop of a test, and gives what a client needs."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme
from aiohttp import web

from gateway.demo.kubernetes.app import KubeApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "127.0.0.1"
NAMESPACE = "shop"
SHUTDOWN_SECONDS = 0.01
"""How long an open watch holds up the end; aiohttp takes 0 for ever."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running API server, its address, and the folder of a service account for it."""

    api: KubeApi
    port: int
    account: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a kubelet sets."""
        return {"KUBERNETES_SERVICE_HOST": HOST, "KUBERNETES_SERVICE_PORT": str(self.port)}

    def write_token(self, token: str) -> None:
        """Replace the token of the service account, as a kubelet does."""
        (self.account / "token").write_text(token)


@asynccontextmanager
async def served(
    folder: Path, api: KubeApi | None = None, authority: trustme.CA | None = None, port: int = 0
) -> AsyncIterator[Served]:
    """Serve on a free port; the service account's files are in the folder.

    With the API and the authority of before it is the same server, started again.
    """
    api, authority = api or KubeApi(), authority or trustme.CA()
    write_account(folder, authority, min(api.script.tokens))
    context = server_context(authority)
    runner = web.AppRunner(api.app, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port, ssl_context=context, reuse_address=True)
    await site.start()
    try:
        yield Served(api, runner.addresses[0][1], folder)
    finally:
        await runner.cleanup()


def write_account(folder: Path, authority: trustme.CA, token: str) -> None:
    """Write the files of a service account."""
    (folder / "ca.crt").write_bytes(authority.cert_pem.bytes())
    (folder / "namespace").write_text(NAMESPACE)
    (folder / "token").write_text(f"{token}\n")


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS context of a server with a certificate of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    return context
