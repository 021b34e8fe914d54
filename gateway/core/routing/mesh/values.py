"""What an object says, whichever kind it is: routes with matches and destinations, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.core.routing.rules import Prefix

if TYPE_CHECKING:
    from gateway.core.routing.mesh.string_match import Condition

Named = tuple[tuple[str, "Condition"], ...]


@dataclass(frozen=True, slots=True)
class PathPrefix:
    """A path that is this one or below it, by whole elements; a trailing slash is not compared.

    Source: https://gateway-api.sigs.k8s.io/reference/spec/#pathmatchtype
    """

    path: str

    def holds(self, value: str | None) -> bool:
        """Whether there is a path and it is this one, or below it."""
        wanted = self.path.rstrip("/")
        return value is not None and (value == wanted or value.startswith(f"{wanted}/"))


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions that all have to hold; None and empty ones ask for nothing.

    Where `gateways`, by their full names, are given, labels and namespace of the source are not
    looked at.
    Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
    """

    uri: Condition | PathPrefix | None = None
    ignore_uri_case: bool = False
    method: Condition | None = None
    authority: Condition | None = None
    scheme: Condition | None = None
    headers: Named = ()
    without_headers: Named = ()
    query: Named = ()
    port: int | None = None
    gateways: tuple[str, ...] = ()
    source_labels: tuple[tuple[str, str], ...] = ()
    source_namespace: str = ""


def matchless(matches: tuple[Match, ...]) -> bool:
    """Whether a route has no match, or only the path prefix `/`."""
    return not matches or (
        len(matches) == 1
        and matches[0] in (Match(), Match(uri=Prefix("/")), Match(uri=PathPrefix("/")))
    )


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a share of the requests goes; `host` is resolved; `usable` false: to an error."""

    host: str
    subset: str = ""
    weight: int = 0
    usable: bool = True


@dataclass(frozen=True, slots=True)
class MirrorTo:
    """Where copies go, 0..100 percent of the requests."""

    destination: Destination
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class DelegateTo:
    """The VirtualService whose routes take the place of this one."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class MeshRoute:
    """One route: any of `matches`, or none at all, and where its requests go.

    `ends` says why a route without destinations has none: a redirect, a direct response, or nothing
    to send to. `blocked` says why it cannot be obeyed and is passed over; empty: it can.
    """

    name: str
    matches: tuple[Match, ...] = ()
    destinations: tuple[Destination, ...] = ()
    mirrors: tuple[MirrorTo, ...] = ()
    ends: str = ""
    delegate: DelegateTo | None = None
    blocked: str = ""
    label: str = ""
    """The name as it is written, empty where it has none."""
    matchless: bool = False
    """Whether it takes every request, so that it is the object's split."""


@dataclass(frozen=True, slots=True)
class Parent:
    """What an HTTPRoute belongs to: a Service, for those who call it, or a Gateway.

    `port` None: any.
    """

    kind: str
    namespace: str
    name: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class FollowedObject:
    """An object that was read. `hosts` are resolved; `first_host` is the first one as written.

    `notes` are sentences on what is not obeyed. `gateways` empty: the mesh. `parents` and
    `hostnames` are those of an HTTPRoute. `created` is its creation in RFC 3339, empty where it was
    not said.
    """

    kind: str
    namespace: str
    name: str
    hosts: tuple[str, ...]
    first_host: str
    routes: tuple[MeshRoute, ...]
    gateways: tuple[str, ...] = ()
    export_to: tuple[str, ...] = ("*",)
    notes: tuple[str, ...] = ()
    parents: tuple[Parent, ...] = ()
    hostnames: tuple[str, ...] = ()
    created: str = ""
