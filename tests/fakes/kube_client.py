"""A client of the Kubernetes API in memory, for virtual time; the demo's API has its objects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from gateway.adapters.kubernetes.errors import KubernetesError, UnreachableError
from gateway.adapters.kubernetes.resource import Verb
from gateway.demo.kubernetes.objects import ConflictError, Kind, ObjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from gateway.adapters.kubernetes.resource import Object, Resource

CALL_SECONDS = 5.0


class FakeKubernetesClient:
    """Calls take no time. `away`: each one waits for its 5 s in vain, watches are half-open.

    `refuses`: each call, of one verb where it is given, gets its error.
    """

    namespace = "shop"

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self.away = False
        self.half_open = False
        self.refuses: dict[Verb | None, KubernetesError] = {}
        self._cuts = 0
        self._changed = asyncio.Event()
        objects.on_change(self._changed.set)

    async def __aenter__(self) -> Self:
        return self

    async def close(self) -> None:
        """Close nothing."""

    def cut_watches(self) -> None:
        """Break the connections of all watches."""
        self._cuts += 1
        self._changed.set()

    async def get(self, resource: Resource) -> Object | None:
        return await self._call(lambda: self.objects.get(kind_of(resource), name_in(resource)))

    async def list(self, resource: Resource) -> tuple[str, list[Object]]:
        found = await self._call(
            lambda: self.objects.list(kind_of(resource), resource.selector["fieldSelector"]),
            Verb.LIST,
        )
        return str(self.objects.version), found

    async def merge_patch(self, resource: Resource, patch: Object) -> Object | None:
        return await self._call(
            lambda: self.objects.merge_patch(kind_of(resource), name_in(resource), patch)
        )

    async def put(self, resource: Resource, content: Object) -> Object | None:
        return await self._call(
            lambda: self.objects.update(kind_of(resource), name_in(resource), content)
        )

    async def create(self, resource: Resource, content: Object) -> Object | None:
        return await self._call(lambda: self.objects.create(kind_of(resource), content))

    async def watch(
        self, resource: Resource, version: str, seconds: int, opened: Callable[[], None]
    ) -> AsyncGenerator[dict[str, Any]]:
        seen, ends = int(version), asyncio.get_running_loop().time() + seconds
        selector = resource.selector["fieldSelector"]
        await self._call(opened, Verb.WATCH)
        cuts = self._cuts
        while True:
            if self._cuts > cuts:
                raise UnreachableError("the connection broke")
            if self.away or self.half_open:
                await asyncio.Event().wait()
            if seen < self.objects.oldest:
                raise KubernetesError("too old resource version", 410, "Expired")
            for change in self.objects.since(seen, kind_of(resource), selector):
                seen = change.version
                yield {"type": change.type, "object": change.content}
            self._changed.clear()
            try:
                async with asyncio.timeout_at(ends):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def _call(self, act: Callable[[], Any], verb: Verb | None = None) -> Any:
        if self.away:
            await asyncio.sleep(CALL_SECONDS)
            raise UnreachableError("no response in time")
        refused = self.refuses.get(verb) or self.refuses.get(None)
        if refused is not None:
            raise refused
        try:
            return act()
        except (ConflictError, KeyError):
            return None


def kind_of(resource: Resource) -> Kind:
    return Kind(resource.group, resource.version, resource.plural, resource.namespace)


def name_in(resource: Resource) -> str:
    assert resource.name is not None
    return resource.name
