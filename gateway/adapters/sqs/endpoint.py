"""One SQS endpoint as the native client calls it, over as many connections as calls are under way.

Long polls and settlements take connections from one pool without a limit, so none ever waits for
another's. Failures are raised as botocore's errors, so that both clients report the same.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    SSLError,
)

from gateway.adapters.http1.client import Client
from gateway.adapters.http1.connector import Connector
from gateway.adapters.http1.exchange import Exchange
from gateway.adapters.http1.keepalive import KEEPALIVE
from gateway.adapters.http1.pool import Pool
from gateway.adapters.sqs.body_reader import BodyReader
from gateway.adapters.sqs.error_parsing import error_code_and_message
from gateway.adapters.sqs.errors import FAILURES, source_error, to_source_error
from gateway.adapters.sqs.signed_requests import SignedRequests
from gateway.adapters.sqs.signing import host_of

if TYPE_CHECKING:
    from gateway.adapters.http1.keepalive import Keepalive
    from gateway.adapters.sqs.body_reader import Response
    from gateway.adapters.sqs.credentials import SharedCredentials
    from gateway.aiokit.descriptors import Descriptors
    from gateway.aiokit.write_batch import WriteBatch

CONNECT_SECONDS: Final = 5.0
MIN_ATTEMPT_SECONDS: Final = 1.0
"""What each of a host's addresses gets of that, at least."""

IDLE_SECONDS: Final = 15.0
"""How long a connection is kept for the next call."""

STALE_SECONDS: Final = 2.0
"""A kept connection that closes within this time of a request was closed before the request came.

One that closes later may be a long poll that was cut: SQS may have leased messages to it. The call
is then an error, and not sent once more here.
"""

_OK: Final = 200


class SqsError(Exception):
    """SQS, or something before it, responded with an error; `code` is without a namespace."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Endpoint:
    """Calls to one endpoint, signed for one region. `tls` is needed for an https URL.

    A call is sent once more where a kept connection was closed before any byte of a response. That
    is safe for each call: a delete, or a visibility timeout, that is set twice is set once; a FIFO
    receive is the same attempt; messages that a standard receive may have leased come back when
    their lease ends, as they would after an error; and messages that a send may have sent would be
    sent again by their retry, only later.
    """

    def __init__(
        self,
        url: str,
        region: str,
        credentials: SharedCredentials,
        tls: ssl.SSLContext | None,
        write_batch: WriteBatch | None = None,
        keepalive: Keepalive | None = KEEPALIVE,
        descriptors: Descriptors | None = None,
    ) -> None:
        parts = urlsplit(url)
        host = host_of(url)
        if host is None or not parts.hostname or (parts.scheme == "https") != (tls is not None):
            raise ValueError(f"the native client cannot call {url}")
        self.url = url
        self._error_url = f"{url.rstrip('/')}/"  # as the SDK writes it in an error
        self._requests = SignedRequests(host, region)
        self._credentials = credentials
        self._pool = Pool(idle_seconds=IDLE_SECONDS, write_batch=write_batch)
        connector = Connector(
            parts.hostname,
            parts.port or (443 if tls else 80),
            self._pool,
            partial(BodyReader, self._error_url),
            tls=None if tls is None else lambda: tls,
            min_attempt_seconds=MIN_ATTEMPT_SECONDS,
            keepalive=keepalive,
            admit=None if descriptors is None else descriptors.admit_queue,
        )
        self._client = Client(
            self._pool,
            connector,
            self._no_connection,
            connect_seconds=CONNECT_SECONDS,
            stale_seconds=STALE_SECONDS,
            descriptors=descriptors,
        )
        self._again = self._client.send_again  # bound once

    async def call(
        self, target: str, body: bytes, seconds: float, *, repeated: bool = False
    ) -> bytes:
        """POST once and return the body of a 200; raises SqsError or botocore's errors.

        `target` is `AmazonSQS.Operation`. `seconds` may pass without a byte of the response.
        `repeated`: the same body is likely to be sent again soon.
        """
        credentials = self._credentials
        keys = credentials.current() or await credentials.get_frozen_credentials()
        if keys is None:
            raise NoCredentialsError
        render = self._requests.render_repeated if repeated else self._requests.render
        waiter: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        exchange = Exchange(
            render(target, body, keys), b"", seconds, partial(_resolve, waiter), self._again, waiter
        )
        self._client.send(exchange)
        try:
            response = await waiter
        except asyncio.CancelledError:
            exchange.cancel()
            raise
        if response.status == _OK:
            return response.body
        code, message = error_code_and_message(response)
        credentials.on_error(keys.access_key, code)
        raise SqsError(code, message)

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        await self._pool.abort()

    def _no_connection(self, _exchange: Exchange, error: Exception, _before: Any) -> Exception:
        found: Exception
        if isinstance(error, ssl.SSLError):
            found = SSLError(endpoint_url=self._error_url, error=error)
        elif isinstance(error, TimeoutError):
            found = ConnectTimeoutError(endpoint_url=self._error_url, error=error)
        elif isinstance(error, OSError | UnicodeError):  # UnicodeError: a name DNS cannot have
            found = EndpointConnectionError(endpoint_url=self._error_url, error=error)
        else:
            return error
        found.__cause__ = error
        return found


async def call_native(
    endpoint: Endpoint, operation: tuple[str, str, float], body: bytes, *, repeated: bool = False
) -> bytes:
    """Call an operation: its name in the SDK, its target in the JSON protocol, its seconds.

    Raises SourceError.
    """
    name, target, seconds = operation
    try:
        return await endpoint.call(target, body, seconds, repeated=repeated)
    except SqsError as error:
        raise source_error(name, error.code, str(error)) from error
    except FAILURES as error:
        raise to_source_error(error, name) from error


def _resolve(waiter: asyncio.Future[Response], result: Response | Exception) -> None:
    if waiter.done():  # cancelled
        return
    if isinstance(result, Exception):
        waiter.set_exception(result)
    else:
        waiter.set_result(result)
