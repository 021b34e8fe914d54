"""A Kubernetes API that does what a test has written down, one entry for each call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from gateway.adapters.kubernetes.errors import KubernetesError
    from gateway.adapters.kubernetes.resource import Object, Resource

Step = tuple[float, "dict[str, Any] | KubernetesError | None"]
"""After so many seconds, an event, or an error; None: neither."""


def thing(name: str, version: int, **more: Any) -> Object:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **more}


def event(kind: str, found: Object, after: float = 0.0) -> Step:
    return after, {"type": kind, "object": found}


def bookmark(version: int, after: float = 0.0) -> Step:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}}, after)


class ScriptedApi:
    """Lists and watches by script; a watch whose script is over waits for ever, or ends.

    One whose script begins with an error, after 0 seconds, is never opened.
    """

    def __init__(
        self,
        lists: list[tuple[str, list[Object]] | KubernetesError],
        watches: list[list[Step]],
        *,
        ends: bool = True,
    ) -> None:
        self.lists = lists
        self.watches = watches
        self.ends = ends
        self.calls: list[tuple[float, str]] = []
        self.open = 0
        self.finished = asyncio.Event()

    def _call(self, what: str) -> None:
        self.calls.append((asyncio.get_running_loop().time(), what))

    async def list(self, resource: Resource) -> tuple[str, list[Object]]:
        self._call("list")
        if not self.lists:
            self.finished.set()
            await asyncio.Event().wait()
        found = self.lists.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def watch(
        self, resource: Resource, version: str, seconds: int, opened: Callable[[], None]
    ) -> AsyncGenerator[dict[str, Any]]:
        self._call(f"watch {version}")
        self.open += 1
        try:
            if not self.watches:
                self.finished.set()
                await asyncio.Event().wait()
            script = self.watches.pop(0)
            if not (script and script[0][0] == 0 and isinstance(script[0][1], Exception)):
                opened()
            for after, step in script:
                await asyncio.sleep(after)
                if isinstance(step, Exception):
                    raise step
                if step is not None:
                    yield step
            if not self.ends:
                await asyncio.Event().wait()
        finally:
            self.open -= 1


class Heard:
    """A listener that writes all down."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, Object | None]] = []
        self.synced_at: list[float] = []
        self.reached_at: list[float] = []
        self.errors: list[str] = []

    def changed(self, name: str, found: Object | None) -> None:
        self.changes.append((name, found))

    def synced(self) -> None:
        self.synced_at.append(asyncio.get_running_loop().time())

    def reached(self) -> None:
        self.reached_at.append(asyncio.get_running_loop().time())

    def failed(self, error: KubernetesError) -> None:
        self.errors.append(str(error))
