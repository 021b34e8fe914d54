"""One SQS endpoint as the lean client calls it, over as many connections as calls are under way.

Long polls and settlements take connections from one pool without a limit, so none ever waits for
another's. Failures are raised as botocore's errors, so that both clients say the same of them.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    SSLError,
)

from gateway.adapters.sqs.connection import Connection, Resting, Stale
from gateway.adapters.sqs.error_parsing import code_and_words
from gateway.adapters.sqs.signed_requests import SignedRequests
from gateway.adapters.sqs.signing import host_of

if TYPE_CHECKING:
    from gateway.adapters.sqs.credentials import SharedCredentials
    from gateway.adapters.sqs.response_reader import Answer
    from gateway.aiokit.write_batch import WriteBatch

CONNECT_SECONDS: Final = 5
LEAST_SECONDS: Final = 1.0
"""What each of a host's addresses gets of that, at least."""

_OK: Final = 200


class Refused(Exception):  # noqa: N818 - SQS's word, not a defect
    """SQS, or something before it, answered with an error."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class Endpoint:
    """Calls to one endpoint, signed for one region. `tls` is needed for an https URL."""

    def __init__(
        self,
        url: str,
        region: str,
        credentials: SharedCredentials,
        tls: ssl.SSLContext | None,
        write_batch: WriteBatch | None = None,
    ) -> None:
        parts = urlsplit(url)
        host = host_of(url)
        if host is None or not parts.hostname or (parts.scheme == "https") != (tls is not None):
            raise ValueError(f"{url} is not where the lean client can call")
        self.url = url
        self._host, self._port = parts.hostname, parts.port or (443 if tls else 80)
        self._posts = SignedRequests(host, region)
        self._credentials, self._tls = credentials, tls
        self._pool = Resting(f"{url.rstrip('/')}/", write_batch)  # as the SDK writes it in an error

    async def call(self, target: str, body: bytes, seconds: float, *, again: bool = False) -> bytes:
        """POST once and return the body of a 200; raises Refused or botocore's errors.

        `target` is `AmazonSQS.Operation`; `seconds` may pass without a byte of the answer; `again`:
        the same body is likely to be sent again soon.
        """
        credentials = self._credentials
        keys = credentials.at_hand() or await credentials.get_frozen_credentials()
        if keys is None:
            raise NoCredentialsError
        render = self._posts.render_again if again else self._posts.render
        request = render(target, body, keys)
        # All in one coroutine: each one more inside of it took 1 us a call.
        connection = self._pool.take() or await self._connect()
        waiter = connection.exchange(request, seconds)
        try:
            answer = await waiter
        except Stale:
            answer = await self._once_more(request, seconds)
        except asyncio.CancelledError:
            connection.give_up(waiter)
            raise
        if answer.status == _OK:
            return answer.body
        code, words = code_and_words(answer)
        self._credentials.refused(keys.access_key, code)
        raise Refused(code, words)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    def connections(self) -> tuple[int, int]:
        """Count those that are open, and those of them that are at rest."""
        return len(self._pool.open), len(self._pool.idle)

    async def _once_more(self, request: bytes, seconds: float) -> Answer:
        """Send it once more, on a fresh connection, where one was closed before an answer.

        That is safe for each call: a delete or a visibility that is set twice is set once; a FIFO
        receive is the same attempt; and what a standard one may have leased comes back with its
        lease, as it would after an error.
        """
        fresh = await self._connect()
        waiter = fresh.exchange(request, seconds)
        try:
            return await waiter
        except asyncio.CancelledError:
            fresh.give_up(waiter)
            raise

    async def _connect(self) -> Connection:
        """Open a connection to the first of the host's addresses that takes one."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._opened()
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=self._pool.url, error=error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._pool.url, error=error) from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot have
            raise EndpointConnectionError(endpoint_url=self._pool.url, error=error) from error

    async def _opened(self) -> Connection:
        loop = asyncio.get_running_loop()
        found: list[Any] = await loop.getaddrinfo(self._host, self._port, type=1)  # SOCK_STREAM
        addresses = list(dict.fromkeys(each[4][0] for each in found))
        share = max(LEAST_SECONDS, CONNECT_SECONDS / len(addresses))
        for address in addresses[:-1]:
            try:  # one that swallows packets must not use up the time of the others
                async with asyncio.timeout(share):
                    return await self._opened_at(loop, address)
            except OSError:  # TimeoutError is one
                continue
        return await self._opened_at(loop, addresses[-1])

    async def _opened_at(self, loop: asyncio.AbstractEventLoop, address: str) -> Connection:
        _, connection = await loop.create_connection(
            lambda: Connection(self._pool, loop),
            address,
            self._port,
            ssl=self._tls,
            server_hostname=self._host if self._tls else None,
        )
        return connection
