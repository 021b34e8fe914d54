"""Follows objects of the Kubernetes API: a list, then a watch, for ever.

A list comes first, after a resourceVersion that has expired (410, in the status or in an event),
after any other error, and after a watch that ends within two seconds without an event: some API
servers close a watch from too old a version without an error. A broken or silent connection is an
error too: the API server may return from a backup, with lower resourceVersions. After any other end
the watch goes on from the last resourceVersion seen, bookmarks included. Source:
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Never, Protocol

from gateway.adapters.kubernetes.errors import KubernetesError, UnreachableError, error_of_status
from gateway.adapters.kubernetes.resource import Verb, version_of
from gateway.adapters.kubernetes.seen import SeenObjects

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from gateway.adapters.kubernetes.resource import Object, Resource
    from gateway.adapters.kubernetes.seen import Change

WATCH_SECONDS: Final = (60, 90)
"""How long the server keeps a watch; random, so that replicas do not reconnect together."""

GRACE_SECONDS: Final = 10.0
"""How much later a watch that the server should have ended is taken for dead."""

OPEN_SECONDS: Final = 15.0
"""How long a server may take to begin a watch."""

SHORT_SECONDS: Final = 2.0
FIRST_BACKOFF_SECONDS: Final = 0.2
LAST_BACKOFF_SECONDS: Final = 4.0


class WatchedApi(Protocol):
    """What the loop needs of the client."""

    async def list(self, resource: Resource) -> tuple[str, list[Object]]:
        """Return the resourceVersion of the list and its objects."""

    def watch(
        self, resource: Resource, version: str, seconds: int, opened: Callable[[], None]
    ) -> AsyncGenerator[dict[str, Any]]:
        """Yield the events since a resourceVersion, until the server ends the watch.

        `opened` is called once the server has begun it.
        """


class Listener(Protocol):
    """Is called by the loop; it must be quick and must not raise."""

    def changed(self, name: str, found: Object | None, /) -> None:
        """Take an object that is new or has changed; None: it is gone."""

    def synced(self) -> None:
        """Record that all there is has been seen by now: a list, an event, a clean end."""

    def reached(self) -> None:
        """Record that a watch has begun: what has failed before is over."""

    def failed(self, error: KubernetesError) -> None:
        """Record that the API is out of reach or refuses; the loop tries again."""


class Watch:
    """Follows one object, or all of a kind in a namespace; `seen` is what was heard of before."""

    def __init__(
        self,
        api: WatchedApi,
        resource: Resource,
        listener: Listener,
        *,
        watch_seconds: tuple[int, int] = WATCH_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
        jitter: Callable[[], float] = random.random,
        seen: SeenObjects | None = None,
    ) -> None:
        self._api = api
        self._resource = resource
        self._listener = listener
        self._watch_seconds = watch_seconds
        self._grace_seconds = grace_seconds
        self._jitter = jitter
        self._seen = SeenObjects() if seen is None else seen
        self._version: str | None = None
        self._failures = 0
        self._opened_at: float | None = None

    async def run(self) -> Never:
        """Follow until cancelled."""
        while True:
            self._opened_at = None
            try:
                if self._version is None:
                    await self._list()
                await self._watch()
            except KubernetesError as error:
                self._fail(error)
            if self._failures:
                await asyncio.sleep(self._backoff_seconds())

    async def _list(self) -> None:
        version, objects = await self._api.list(self._resource)
        try:
            changes = self._seen.replace(objects)
        except (KeyError, TypeError):
            raise KubernetesError(f"list {self._resource}: an item is no object") from None
        self._version = version
        self._take(changes)

    async def _watch(self) -> None:
        """Watch once. A clean end that came early counts as a failure, for a list must follow."""
        loop = asyncio.get_running_loop()
        began, events = loop.time(), 0
        shortest, longest = self._watch_seconds
        seconds = shortest + round((longest - shortest) * self._jitter())
        try:
            async with asyncio.timeout(OPEN_SECONDS) as limit:
                opened = partial(self._open, limit, began + seconds + self._grace_seconds)
                watch = self._api.watch(self._resource, self._version or "", seconds, opened)
                async with aclosing(watch) as watched:
                    async for event in watched:
                        self._observe(event)
                        events += 1
        except TimeoutError:
            why = f"watch {self._resource}: the connection is silent and is given up"
            raise UnreachableError(why) from None
        if not events and loop.time() - began < SHORT_SECONDS:
            self._version = None
            self._failures += 1
        else:
            self._failures = 0
            self._listener.synced()

    def _open(self, limit: asyncio.Timeout, ends_at: float) -> None:
        """Take a watch that the server has begun."""
        self._opened_at = asyncio.get_running_loop().time()
        limit.reschedule(ends_at)
        self._listener.reached()

    def _observe(self, event: dict[str, Any]) -> None:
        kind, found = event.get("type"), event["object"]
        if kind == "ERROR":
            raise error_of_status(found, Verb.WATCH, self._resource)
        try:
            self._version = version_of(found)
            self._take(self._changes(kind, found))
        except (KeyError, TypeError):
            raise KubernetesError(f"watch {self._resource}: an event has no object") from None
        self._failures = 0

    def _changes(self, kind: object, found: Object) -> Sequence[Change]:
        match kind:
            case "ADDED" | "MODIFIED":
                return self._seen.set(found)
            case "DELETED":
                return self._seen.remove(found)
        return ()  # a bookmark, or what a later version of the API has

    def _take(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._listener.changed(change.name, change.found)
        self._listener.synced()

    def _fail(self, error: KubernetesError) -> None:
        """Begin with a list; an expired watch is no trouble.

        A watch that was open for a while has ended the failures before it.
        """
        self._failures = 1 if self._was_open() else self._failures + 1
        self._version = None
        if not error.is_expired:
            self._listener.failed(error)

    def _was_open(self) -> bool:
        now, opened_at = asyncio.get_running_loop().time(), self._opened_at
        return opened_at is not None and now - opened_at >= SHORT_SECONDS

    def _backoff_seconds(self) -> float:
        longest = FIRST_BACKOFF_SECONDS * 2.0 ** min(self._failures - 1, 16)
        return min(LAST_BACKOFF_SECONDS, longest) * (0.5 + self._jitter() / 2)
