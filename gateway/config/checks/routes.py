"""Checks of routes: names, references, queues and bounds must fit together.

The checks read plain values, so that an invalid field hides no problem beside it. Each one skips a
value of another shape, which `schema` reports.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gateway.config.checks import queue_versions
from gateway.config.checks.concurrency import limit_findings
from gateway.config.checks.follow import follow_findings
from gateway.config.checks.heads import head_findings
from gateway.config.checks.kafka import kafka_findings
from gateway.config.checks.kafka_topics import topic_findings
from gateway.config.checks.queues import QueueIndex, beside, is_same, queue_at, source_of
from gateway.config.checks.rollouts import rollout_findings
from gateway.config.checks.rules import Versions, rule_findings, split_findings
from gateway.config.checks.sources import source_findings
from gateway.config.problems.findings import (
    TOKEN,
    Finding,
    InvalidValue,
    add_prefix,
    as_list,
    as_mapping,
)
from gateway.config.schema import durations
from gateway.config.schema.delivery import Retry
from gateway.config.schema.pem import tls_findings
from gateway.config.schema.version import PLACES
from gateway.core.routing.route import (
    LINGER_SHARE,
    MAX_LINGER_SECONDS,
    Deliver,
    Unwrap,
)
from gateway.core.routing.sources import DEFAULT_VERSION_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.yaml.document import Document

_DEFAULT = Retry()


def findings(document: Document) -> Iterator[Finding]:
    """Yield what does not fit together in a whole file."""
    given = as_list(as_mapping(document.root.value).get("routes"))
    routes = list(map(as_mapping, given))
    yield from add_prefix(("routes",), _duplicates(routes))
    yield from add_prefix(("routes",), queue_versions.circles(routes))
    yield from add_prefix(("routes",), topic_findings(routes))
    for at, route in enumerate(routes):
        if isinstance(given[at], dict):
            yield from add_prefix(("routes", at), source_findings(route))
        yield from add_prefix(("routes", at), _of_route(route))
        yield from rule_findings(document, ("routes", at, "rules"), Versions.of(route))


def _duplicates(routes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield names and queues that an earlier route has too."""
    names: dict[str, int] = {}
    queues = QueueIndex()
    for at, route in enumerate(routes):
        name, queue = route.get("name"), source_of(route)
        if isinstance(name, str) and names.setdefault(name, at) != at:
            yield Finding((at, "name"), f"is the name of routes[{names[name]}] too")
        if queue is None:
            continue
        first = queues.first(queue)
        queues.add(queue, at)
        if first is not None:
            what = f"is the queue of routes[{first}] too"
            yield Finding(
                (at, "queue"), what, "a queue has one route; tell messages apart by rules"
            )


def _of_route(route: dict[str, Any]) -> Iterator[Finding]:
    versions = Versions.of(route)
    if "stable" in route:
        yield from add_prefix(("stable",), versions.unknown(route["stable"]))
    if isinstance(route.get("split"), dict):
        yield from add_prefix(("split",), split_findings(route["split"], versions))
    yield from kafka_findings(route)
    yield from rollout_findings(route, versions)
    yield from follow_findings(route, versions)
    own = "topic" if "kafka" in route else "queue"
    yield from add_prefix(("versions",), _versions(as_mapping(route.get("versions")), own))
    yield from add_prefix(("versions",), _version_header(route))
    yield from _deliver(route)
    yield from add_prefix(("mirror", "to"), _mirror(as_mapping(route.get("mirror")), versions))
    yield from add_prefix(("versions",), queue_versions.of_route(route))
    yield from limit_findings(route)
    yield from _retry(as_mapping(route.get("retry")))
    yield from _linger(as_mapping(route.get("linger")), route.get("visibility"))
    yield from _queues(route)


def _mirror(mirror: dict[str, Any], versions: Versions) -> Iterator[Finding]:
    """Yield a version that can get no copies."""
    to = mirror.get("to")
    yield from versions.unknown(to)
    if not isinstance(to, str) or to not in versions.names:
        return
    version = as_mapping(versions.names[to])
    if to == versions.stable:
        yield Finding((), "is the stable version", "name the version that is to be tried")
    elif "url" not in version and (kind := next(filter(version.__contains__, PLACES), "")):
        yield Finding((), f"is a {kind}, and copies are POSTed", "name a version with a `url`")


def _versions(versions: dict[str, Any], own: str) -> Iterator[Finding]:
    """Yield tags of two versions, duplicate headers, and TLS that cannot be used."""
    owners: dict[str, str] = {}
    for name, version in versions.items():
        tag = as_mapping(version).get("tag")
        if isinstance(tag, str) and tag != name and tag in versions:
            yield Finding(
                (name, "tag"), f"is the name of version {tag}", "a tag is for one version"
            )
        elif isinstance(tag, str) and owners.setdefault(tag, name) != name:
            what = f"is the tag of version {owners[tag]} too"
            yield Finding((name, "tag"), what, "a tag is for one version")
        yield from add_prefix((name,), queue_versions.place_findings(version, own))
        headers = as_mapping(as_mapping(version).get("headers"))
        yield from add_prefix((name, "headers"), _same_but_for_case(headers))
        yield from add_prefix((name,), head_findings(version))
        tls = as_mapping(version).get("tls")
        if isinstance(tls, dict):
            yield from add_prefix((name, "tls"), tls_findings(as_mapping(version).get("url"), tls))


def _version_header(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield headers of versions that the route's `version_header` is called."""
    name = route.get("version_header", DEFAULT_VERSION_HEADER)
    if not isinstance(name, str) or name.lower() == DEFAULT_VERSION_HEADER:
        return  # `schema` refuses that one among headers
    for version, spec in as_mapping(route.get("versions")).items():
        for header in as_mapping(as_mapping(spec).get("headers")):
            if isinstance(header, str) and header.lower() == name.lower():
                what = "is the route's `version_header`, which the gateway sets itself"
                yield Finding((version, "headers", header), what)


def _deliver(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield a `deliver` that asks for what no body is read as."""
    if route.get("deliver") == Deliver.MESSAGE and route.get("unwrap", Unwrap.NONE) == Unwrap.NONE:
        yield Finding(("deliver",), "does nothing without `unwrap`", "add unwrap: sns")


def _same_but_for_case(headers: dict[str, Any]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name in filter(TOKEN.match, headers):  # others are reported as no header name
        if first.setdefault(name.lower(), name) != name:
            what = f"is the same header as {first[name.lower()]}"
            yield Finding((name,), what, "case does not matter in header names")


def _retry(retry: dict[str, Any]) -> Iterator[Finding]:
    try:
        low = durations.seconds(retry.get("min", _DEFAULT.min))
        high = durations.seconds(retry.get("max", _DEFAULT.max))
    except InvalidValue:  # reported by `schema`
        return
    if low <= high:
        return
    if "max" not in retry:
        default = durations.format_seconds(_DEFAULT.max)
        yield Finding(
            ("retry", "min"), f"is above max, which is {default} by default", "set max too"
        )
    elif "min" not in retry:
        default = durations.format_seconds(_DEFAULT.min)
        yield Finding(
            ("retry", "max"), f"is below min, which is {default} by default", "set min too"
        )
    else:
        yield Finding(("retry", "min"), "is above max")


def _linger(linger: dict[str, Any], visibility: Any) -> Iterator[Finding]:
    """Yield what lingers too long for the lease; where the queue has it, the runtime sees to it."""
    try:
        lease_seconds = math.ceil(durations.seconds(visibility))
    except InvalidValue:  # not in the file, or reported by `schema`
        return
    for key, value in linger.items():
        try:
            seconds = durations.seconds(value)
        except InvalidValue:  # reported by `schema`
            continue
        if lease_seconds * LINGER_SHARE < seconds <= MAX_LINGER_SECONDS:
            most = durations.format_seconds(lease_seconds * LINGER_SHARE)
            what = f"is above {most}, a quarter of `visibility`"
            yield Finding(("linger", key), what, "lower it, or set a longer visibility")


def _queues(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield a region that the queue contradicts, and a dead-letter queue that is the queue."""
    queue, region = queue_at(route, "queue"), route.get("region")
    if queue is None:
        return
    if queue.region and isinstance(region, str) and region != queue.region:
        yield Finding(("region",), f"contradicts the queue, which is in {queue.region}")
    dead_letter = beside(queue_at(route, "reject"), queue)
    if dead_letter and is_same(dead_letter, queue):
        what = "is the route's own queue, so a rejected message would come back for ever"
        yield Finding(("reject",), what, "name another queue, or say redrive")
