"""Checks of what a route follows, and that a destination can be told to be one of its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.config.problems.findings import Finding, add_prefix, as_mapping
from gateway.config.schema.follow import OBJECTS
from gateway.core.routing.mesh.follow import DEFAULT_DOMAIN
from gateway.core.routing.mesh.names import host_of_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.checks.rules import Versions


def follow_findings(route: dict[str, Any], versions: Versions) -> Iterator[Finding]:
    """Yield what does not fit together in `follow` of a route and `subset` of its versions."""
    if "follow" not in route:
        for name, version in versions.names.items():
            if "subset" in as_mapping(version):
                path = ("versions", name, "subset")
                yield Finding(path, "does nothing without `follow`", "remove it")
        return
    follow = route["follow"]
    yield from add_prefix(("follow",), _beside(route))
    if as_mapping(follow).get("mirror") is True and "mirror" in route:
        yield Finding(("follow", "mirror"), "cannot be true beside `mirror`", "keep one")
    if isinstance(follow, dict):
        yield from add_prefix(("follow",), _object(follow))
    yield from add_prefix(("versions",), _destinations(versions))


def _beside(route: dict[str, Any]) -> Iterator[Finding]:
    for key in ("split", "rollout"):
        if key in route:
            what = f"cannot stand beside `{key}`"
            yield Finding((), what, "remove one; the object has the weights")


def _object(follow: dict[str, Any]) -> Iterator[Finding]:
    given = [key for key in OBJECTS if key in follow]
    if len(given) > 1:
        yield Finding((), "has both `virtualService` and `httpRoute`", "keep one")
    elif not given:
        yield Finding((), "needs `virtualService` or `httpRoute`", "the object to follow")


def _destinations(versions: Versions) -> Iterator[Finding]:
    """Yield versions that no destination could be, or not one alone."""
    subsets: dict[str, str] = {}
    hosts: dict[str, str] = {}
    for name, version in versions.names.items():
        given = as_mapping(version)
        subset = given.get("subset")
        if isinstance(subset, str):
            if subsets.setdefault(subset, name) != name:
                what = f"is the subset of version {subsets[subset]} too"
                yield Finding((name, "subset"), what, "a subset is one version")
        elif ("queue" in given or "topic" in given) and name != versions.stable:
            yield Finding(
                (name,), "can be no destination: it has no `url`", "give it the `subset` it is"
            )
        elif (host := _host(version)) and hosts.setdefault(host, name) != name:
            what = f"has the host of version {hosts[host]}"
            yield Finding((name,), what, "a destination is a host; give one of them a `subset`")


def _host(version: Any) -> str:
    """Return the host in full: `b.shop` and `b.shop.svc` are one, a short name is only itself."""
    url = as_mapping(version).get("url") if isinstance(version, dict) else version
    try:
        host = urlsplit(url).hostname or "" if isinstance(url, str) else ""
    except ValueError:  # reported by `schema`
        return ""
    return host_of_client(host, "", DEFAULT_DOMAIN) if host else ""
