"""Calls to the Kubernetes API."""

from __future__ import annotations

import json
import socket
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from gateway import __version__
from gateway.adapters.http1.keepalive import Keepalive
from gateway.adapters.kubernetes.errors import KubernetesError, UnreachableError, error_of_response
from gateway.adapters.kubernetes.lines import MAX_LINE, LineSplitter
from gateway.adapters.kubernetes.resource import Verb, version_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from types import TracebackType

    from gateway.adapters.kubernetes.access import Access
    from gateway.adapters.kubernetes.resource import Object, Resource

CALL_SECONDS: Final = 5.0
LIST_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 4.0
MAX_BODY: Final = 64 * 1024 * 1024
"""Of a list of many objects."""

KEEPALIVE: Final = Keepalive(idle_seconds=5, interval_seconds=3, probes=3)
"""A vanished API server is noticed within 14 s."""

_JSON: Final = "application/json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_WATCHING: Final = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)


class KubernetesClient:
    """Calls one API server; use as an async context manager. Methods raise KubernetesError.

    `call_seconds` bounds a call about one object, `list_seconds` a list.
    """

    def __init__(
        self,
        access: Access,
        *,
        call_seconds: float = CALL_SECONDS,
        list_seconds: float = LIST_SECONDS,
    ) -> None:
        self._access = access
        self._call_timeout = _timeout(call_seconds)
        self._list_timeout = _timeout(list_seconds)
        self._session: aiohttp.ClientSession | None = None

    @property
    def namespace(self) -> str:
        """The namespace of the service account or of the kubeconfig's context."""
        return self._access.namespace

    async def __aenter__(self) -> Self:
        # No cache of names: an API server may return with another address.
        connector = aiohttp.TCPConnector(socket_factory=open_socket, limit=0, use_dns_cache=False)
        agent = {"user-agent": f"sqs-version-gateway/{__version__}", "accept": _JSON}
        self._session = aiohttp.ClientSession(connector=connector, headers=agent)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def get(self, resource: Resource) -> Object | None:
        """Return the object, or None where there is none of this name."""
        return await self._call(Verb.GET, resource, missing=HTTPStatus.NOT_FOUND)

    async def list(self, resource: Resource) -> tuple[str, list[Object]]:
        """Return the resourceVersion of the list and its objects."""
        found = await self._call(Verb.LIST, resource, query=resource.selector)
        try:
            return version_of(found or {}), list((found or {}).get("items") or ())
        except (KeyError, TypeError):
            raise KubernetesError(f"list {resource}: the response is no list") from None

    async def merge_patch(self, resource: Resource, patch: Object) -> Object | None:
        """Merge a patch (RFC 7386) into the object; None where it does not exist.

        With a resourceVersion in it, None also where the object has another one by now, as
        controller-runtime has it (`MergeFromWithOptimisticLock`).
        """
        missing = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
        return await self._call(Verb.PATCH, resource, patch, missing=missing)

    async def put(self, resource: Resource, content: Object) -> Object | None:
        """Replace the object that has the content's resourceVersion; None where it is another."""
        missing = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
        return await self._call(Verb.UPDATE, resource, content, missing=missing)

    async def create(self, resource: Resource, content: Object) -> Object | None:
        """Create the object; None where there is one of its name."""
        return await self._call(Verb.CREATE, resource, content, missing=HTTPStatus.CONFLICT)

    async def watch(
        self, resource: Resource, version: str, seconds: int, opened: Callable[[], None]
    ) -> AsyncGenerator[dict[str, Any]]:
        """Yield the events since a resourceVersion, until the server ends the watch.

        `seconds` is how long the server shall keep it; the caller bounds the waiting. `opened` is
        called once the server has begun it.
        Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
        """
        query = {
            **resource.selector,
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        lines = LineSplitter()
        async with self._opened(Verb.WATCH, resource, query, None, _WATCHING) as response:
            if response.status != HTTPStatus.OK:
                raise await _error(Verb.WATCH, resource, response)
            opened()
            async for chunk in response.content.iter_any():
                for line in lines.add(chunk):
                    yield _event(line, resource)

    async def _call(
        self,
        verb: Verb,
        resource: Resource,
        content: Object | None = None,
        *,
        query: Mapping[str, str] | None = None,
        missing: HTTPStatus | tuple[HTTPStatus, ...] = (),
    ) -> Object | None:
        limits = self._list_timeout if verb is Verb.LIST else self._call_timeout
        expected = missing if isinstance(missing, tuple) else (missing,)
        async with self._opened(verb, resource, query or {}, content, limits) as response:
            if response.status < HTTPStatus.MULTIPLE_CHOICES:  # a redirect is not followed
                return await _object(verb, resource, response)
            error = await _error(verb, resource, response)
        if error.status in expected and error.reason in {"NotFound", "Conflict", "AlreadyExists"}:
            return None
        raise error

    @asynccontextmanager
    async def _opened(
        self,
        verb: Verb,
        resource: Resource,
        query: Mapping[str, str],
        content: Object | None,
        limits: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, once more with the token read anew where it was refused."""
        try:
            response = await self._send(verb, resource, query, content, limits)
            if response.status == HTTPStatus.UNAUTHORIZED:
                response.close()
                response = await self._send(verb, resource, query, content, limits)
            async with response:
                yield response
        except TimeoutError:
            raise UnreachableError(f"{verb} {resource}: no response in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(f"{verb} {resource}: {_reason(error)}") from error

    async def _send(
        self,
        verb: Verb,
        resource: Resource,
        query: Mapping[str, str],
        content: Object | None,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the client is not open")
        self._access.refresh()
        token, tls = self._access.read_token(), self._access.read_context()
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        if content is not None:
            headers["content-type"] = _MERGE_PATCH if verb is Verb.PATCH else _JSON
        return await self._session.request(
            _METHODS[verb],
            self._access.server + _path(verb, resource),
            params=query,
            data=None if content is None else json.dumps(content).encode(),
            headers=headers,
            ssl=True if tls is None else tls,
            server_hostname=self._access.host,
            timeout=limits,
            allow_redirects=False,
        )


_METHODS: Final = {
    Verb.GET: "GET",
    Verb.LIST: "GET",
    Verb.WATCH: "GET",
    Verb.CREATE: "POST",
    Verb.PATCH: "PATCH",
    Verb.UPDATE: "PUT",
}


def _path(verb: Verb, resource: Resource) -> str:
    """Return the path: lists, watches and new objects are about the collection."""
    of_collection = verb in {Verb.LIST, Verb.WATCH, Verb.CREATE}
    return resource.collection if of_collection else resource.path


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, connect=min(seconds, CONNECT_SECONDS))


def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Return a socket for a connection to the API server, probed while it is silent."""
    family, kind, protocol, _, _ = address
    plug = socket.socket(family, kind, protocol)
    plug.setblocking(False)  # noqa: FBT003 - as socket has it
    KEEPALIVE.set_on(plug)
    return plug


async def _object(verb: Verb, resource: Resource, response: aiohttp.ClientResponse) -> Object:
    body = await _read(response, MAX_LINE if resource.name else MAX_BODY)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise KubernetesError(f"{verb} {resource}: the response is no JSON object")
    if verb is not Verb.LIST and not _has_version(found):  # a proxy may have responded
        raise KubernetesError(f"{verb} {resource}: the response is no object of the API")
    return found


def _reason(error: Exception) -> str:
    """Return what went wrong, without aiohttp's words for a TLS context: these name an object."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why, where = str(error.certificate_error), f"{error.host}:{error.port}"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            why, where = "connection refused", f"{error.host}:{error.port}"
        case aiohttp.ClientConnectorError():
            why, where = error.os_error.strerror or "", f"{error.host}:{error.port}"
        case _:
            return str(error) or type(error).__name__
    return f"cannot connect to {where}: {why.lower() or 'the connection broke'}"


def _has_version(found: Object) -> bool:
    metadata = found.get("metadata")
    return isinstance(metadata, dict) and isinstance(metadata.get("resourceVersion"), str)


async def _error(
    verb: Verb, resource: Resource, response: aiohttp.ClientResponse
) -> KubernetesError:
    return error_of_response(verb, resource, response.status, await _read(response, MAX_LINE))


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise KubernetesError(f"a response of more than {most:,} bytes is not read")
    return bytes(body)


def _event(line: bytes, resource: Resource) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise KubernetesError(f"watch {resource}: an event is no JSON object")
    return event
