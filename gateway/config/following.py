"""Compiles `follow` of a route, and `subset` of its versions, into the plan of core."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.config.schema.follow import Start
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.follow import HTTP_PORT, HTTPS_PORT, Follow
from gateway.core.routing.mesh.plan import FollowPlan, ObjectKind, ObjectName

if TYPE_CHECKING:
    from gateway.config.schema import routing_file
    from gateway.core.routing.sources import VersionSource
    from gateway.core.routing.split import Split
    from gateway.core.routing.version import Version


def compile_follow(
    spec: routing_file.Route,
    versions: tuple[Version, ...],
    stable: Version,
    whole: Split,
    version_from: tuple[VersionSource, ...],
) -> FollowPlan | None:
    """Return the plan, or None for a route that follows nothing.

    `whole` is any split of the route: it has what all of them share. `version_from` is what the
    version header of a producer would be made of.
    """
    follow = spec.follow
    if follow is None:
        return None
    url = urlsplit(stable.url)
    usual_port = HTTPS_PORT if url.scheme == "https" else HTTP_PORT
    usual_path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    return FollowPlan(
        _object(follow.virtualService, follow.httpRoute),
        Follow(
            port=follow.port or url.port or usual_port,
            path=follow.path or usual_path,
            host=follow.host,
            gateway=follow.gateway,
            namespace=follow.namespace or "",
            labels=dict(follow.labels),
            mirror=follow.mirror,
            version_header=spec.version_header,
            version_from=version_from,
        ),
        FollowingVersions(
            versions,
            stable,
            whole.seed,
            whole.sticky,
            whole.otherwise,
            {
                name: version.subset
                for name, version in spec.versions.items()
                if version.subset is not None
            },
            namespace="",
        ),
        waits=follow.start is Start.WAIT,
    )


def _object(virtual_service: str | None, http_route: str | None) -> ObjectName:
    kind = ObjectKind.VIRTUAL_SERVICE if virtual_service else ObjectKind.HTTP_ROUTE
    namespace, _, name = (virtual_service or http_route or "").rpartition("/")
    return ObjectName(kind, namespace, name)
