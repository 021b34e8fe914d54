"""The objects of a mesh that routes follow, read from the Kubernetes API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never

from gateway.adapters.kubernetes.client import KubernetesClient
from gateway.adapters.kubernetes.errors import KubernetesError, UnknownKindError
from gateway.adapters.kubernetes.kubeconfig import find_access
from gateway.adapters.kubernetes.resource import Resource
from gateway.adapters.kubernetes.seen import SeenObjects
from gateway.adapters.kubernetes.watch import Watch
from gateway.core.routing.mesh.plan import ObjectKind
from gateway.follow_port import FollowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.adapters.kubernetes.resource import Object
    from gateway.core.routing.mesh.plan import ObjectName
    from gateway.follow_port import ObjectListener

AGAIN_SECONDS: Final = 5.0
"""How long until a kind that the API server does not know is looked for again."""

KINDS: Final = {
    ObjectKind.VIRTUAL_SERVICE: (
        "networking.istio.io", "virtualservices", ("v1", "v1beta1", "v1alpha3"),
    ),
    ObjectKind.HTTP_ROUTE: ("gateway.networking.k8s.io", "httproutes", ("v1", "v1beta1")),
}  # fmt: skip
"""Group, plural, and the versions that say the same, the newest first."""


class KubernetesObjects:
    """An ObjectSource over the API server of the pod, or of KUBECONFIG in `environment`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._client: KubernetesClient | None = None

    async def open(self) -> str:
        """Return the gateway's own namespace; raises FollowError."""
        if self._client is None:
            try:
                self._client = await KubernetesClient(find_access(self._environment)).__aenter__()
            except KubernetesError as error:
                raise FollowError(str(error)) from error
        return self._client.namespace

    async def follow(self, name: ObjectName, listener: ObjectListener) -> Never:
        """Tell of an object and its changes until cancelled; call it when open."""
        if self._client is None:
            raise RuntimeError("the objects are not open")
        seen = SeenObjects()  # over a kind that goes and returns, perhaps without the object
        while True:
            resource = await self._served(self._client, name, listener)
            relay = _Relay(name.name, listener)
            watch = Watch(self._client, resource, relay, seen=seen)
            watching = asyncio.ensure_future(watch.run())
            gone = asyncio.ensure_future(relay.unknown.wait())
            try:
                await asyncio.wait({watching, gone}, return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    watching.result()
            finally:
                for task in (watching, gone):
                    task.cancel()
                await asyncio.gather(watching, gone, return_exceptions=True)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _served(
        self, client: KubernetesClient, name: ObjectName, listener: ObjectListener
    ) -> Resource:
        """Return the resource in the newest version that the API server has of it."""
        group, plural, versions = KINDS[name.kind]
        while True:
            why = ""
            for version in versions:
                resource = Resource(group, version, plural, name.namespace, name.name)
                try:
                    await client.list(resource)
                except UnknownKindError as error:
                    why = why or str(error)
                except KubernetesError:  # the watch tells what is wrong, and tries again
                    return resource
                else:
                    return resource
            listener.failed(why)
            await asyncio.sleep(AGAIN_SECONDS)


class _Relay:
    """A Listener of a watch on one object; others are none of its business, if they come."""

    def __init__(self, name: str, listener: ObjectListener) -> None:
        self._name = name
        self._listener = listener
        self.unknown = asyncio.Event()

    def changed(self, name: str, found: Object | None, /) -> None:
        if name == self._name:
            self._listener.changed(found)

    def synced(self) -> None:
        self._listener.synced()

    def reached(self) -> None:
        self._listener.reached()

    def failed(self, error: KubernetesError) -> None:
        self._listener.failed(str(error))
        if isinstance(error, UnknownKindError):
            self.unknown.set()
