"""aiobotocore clients, made once for each region and endpoint and shared by all routes.

Receives have a client of their own: long polls would otherwise hold every connection of the pool
while deletes wait behind them. A client for each call would leak memory. All sign with the same
credentials.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Self

import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from gateway import __version__
from gateway.adapters.http1.keepalive import KEEPALIVE
from gateway.adapters.sqs.credentials import SharedCredentials, make_error_hook
from gateway.adapters.sqs.endpoint import Endpoint
from gateway.adapters.sqs.endpoint_choice import needs_sdk, tls_for
from gateway.adapters.sqs.environment import (
    clean_environment,
    has_own_authorities,
    load_authorities,
    region_from,
)
from gateway.adapters.sqs.responses import keep_raw_receive
from gateway.adapters.sqs.signing import SIGNATURE_VERSION
from gateway.aiokit.write_batch import WriteBatch

if TYPE_CHECKING:
    from types import TracebackType

    import aiohttp

    from gateway.adapters.http1.keepalive import Keepalive
    from gateway.aiokit.descriptors import Descriptors
    from gateway.core.addresses import QueueAddress

RECEIVE_READ_SECONDS: Final = 30  # the longest long poll is 20 s
SETTLE_READ_SECONDS: Final = 10
CONNECT_SECONDS: Final = 5
MAX_CONNECTIONS: Final = 2_000  # routes x polls must never wait for a connection


class SqsClients:
    """Clients by (region, endpoint, receiving). Use as an async context manager."""

    def __init__(
        self,
        write_batch: WriteBatch | None = None,
        keepalive: Keepalive | None = KEEPALIVE,
        descriptors: Descriptors | None = None,
    ) -> None:
        self._descriptors = descriptors
        self._keepalive = keepalive
        self._write_batch = write_batch or WriteBatch()
        self._credentials = SharedCredentials()
        self._session = get_session()
        self._session.register_component("credential_provider", self._credentials)
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str | None, str | None, bool], Any] = {}
        self._by_queue: dict[tuple[QueueAddress, bool], Any] = {}  # endpoints are known by then
        self._endpoints: dict[tuple[str, str], Endpoint | None] = {}
        self._creating = asyncio.Lock()
        self._warned: set[str] = set()
        self._log = structlog.stdlib.get_logger("gateway.sqs")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def client(self, address: QueueAddress, *, receiving: bool) -> Any:
        """Return the client for a queue; raises botocore's NoRegionError where none is known."""
        client = self._by_queue.get((address, receiving))
        if client is None:
            client = await self._shared_client(address, receiving=receiving)
            self._by_queue[address, receiving] = client
        return client

    async def endpoint(self, address: QueueAddress) -> Endpoint | None:
        """Return a queue's endpoint for the native client; None where only the SDK can call it.

        It is the SDK's: AWS_ENDPOINT_URL_SQS, FIPS and dual-stack settings are applied.
        """
        meta = (await self.client(address, receiving=False)).meta
        key = meta.endpoint_url, meta.region_name
        async with self._creating:
            if key not in self._endpoints:
                self._endpoints[key] = await self._endpoint(*key)
        return self._endpoints[key]

    async def _endpoint(self, url: str, region: str) -> Endpoint | None:
        why = needs_sdk(url)
        if why:
            self._log.info("SQS is called by way of aiobotocore", endpoint=url, why=why)
            return None
        tls = await tls_for(url, self._session)
        endpoint = Endpoint(
            url,
            region,
            self._credentials,
            tls,
            self._write_batch,
            self._keepalive,
            self._descriptors,
        )
        self._stack.push_async_callback(endpoint.close)
        return endpoint

    async def _shared_client(self, address: QueueAddress, *, receiving: bool) -> Any:
        for unclean in clean_environment(os.environ):
            self._warn_once(unclean)
        region = address.region or region_from(os.environ)
        key = (region, endpoint_of(address), receiving)
        client = self._clients.get(key)
        if client is None:
            async with self._creating:
                client = self._clients.get(key) or await self._create(*key)
                self._clients[key] = client
        return client

    def _warn_once(self, unclean: str) -> None:
        if unclean not in self._warned:
            self._warned.add(unclean)
            self._log.warning(unclean)

    async def _create(self, region: str | None, endpoint: str | None, receiving: bool) -> Any:  # noqa: FBT001
        self._credentials.region = self._credentials.region or region
        if has_own_authorities(self._session, os.environ):
            # The SDK would raise an error without a name, in the middle of a call.
            await asyncio.to_thread(load_authorities, self._session, os.environ)
        read_seconds = RECEIVE_READ_SECONDS if receiving else SETTLE_READ_SECONDS
        context = self._session.create_client(
            "sqs",
            region_name=region,
            endpoint_url=endpoint,
            config=AioConfig(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=read_seconds,
                max_pool_connections=MAX_CONNECTIONS,
                # The runtime repeats calls itself, with the newest receipts and its own backoff.
                retries={"total_max_attempts": 1},
                connector_args={"socket_factory": self._socket},
                # The SDK makes both for each call otherwise, at a good part of its cost.
                user_agent=f"sqs-version-gateway/{__version__}",
                parameter_validation=False,
                signature_version=SIGNATURE_VERSION,
            ),
        )
        client = await self._stack.enter_async_context(context)
        client.meta.events.register("before-parse.sqs.ReceiveMessage", keep_raw_receive)
        client.meta.events.register("after-call.sqs", make_error_hook(self._credentials))
        return client

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Return a socket for aiohttp to connect: a family, type, protocol and address are known.

        The SDK's own `tcp_keepalive` leaves it to the system when to probe: after two hours.
        """
        family, kind, protocol, *_ = address
        plug = socket.socket(family, kind, protocol)
        if self._keepalive is not None:
            self._keepalive.set_on(plug)
        return plug


def endpoint_of(address: QueueAddress) -> str | None:
    """Return a queue URL's own endpoint; None where the SDK knows better (AWS_ENDPOINT_URL_SQS)."""
    if os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL"):
        return None
    return address.endpoint
