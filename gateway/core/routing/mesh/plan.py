"""What the routing file says of the object that a route follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.core.routing.mesh.destinations import FollowingVersions
    from gateway.core.routing.mesh.follow import Follow


class ObjectKind(StrEnum):
    """The kinds of objects that a route may follow, as Kubernetes has them."""

    VIRTUAL_SERVICE = "VirtualService"
    HTTP_ROUTE = "HTTPRoute"


@dataclass(frozen=True, slots=True)
class ObjectName:
    """An object of Kubernetes; `namespace` empty: the gateway's own."""

    kind: ObjectKind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else self.alone

    @property
    def alone(self) -> str:
        """The kind and the name."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class FollowPlan:
    """An object, and how messages and versions are what it speaks of.

    Empty namespaces are the gateway's own, which the file does not know. `waits`: nothing is
    received until the object was read once.
    """

    object: ObjectName
    follow: Follow
    versions: FollowingVersions
    waits: bool = True

    def within(self, namespace: str) -> FollowPlan:
        """Return it with the gateway's own namespace filled in."""
        return replace(
            self,
            object=replace(self.object, namespace=self.object.namespace or namespace),
            follow=replace(self.follow, namespace=self.follow.namespace or namespace),
            versions=replace(self.versions, namespace=namespace),
        )
