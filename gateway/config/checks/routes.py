"""What must fit together in a routing file: names, references, queues, bounds.

These checks read the plain values, so that a field which does not do hides nothing that is wrong
beside it. Each looks only at what has the right shape; `schema` judges the shapes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.config.checks.rules import Versions, rule_findings, split_findings
from gateway.config.problems.findings import TOKEN, Finding, InvalidValue, listed, mapping, within
from gateway.config.schema import durations
from gateway.config.schema.pem import tls_findings
from gateway.config.schema.routing_file import Retry
from gateway.core.addresses import parse_queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.yaml.document import Document
    from gateway.core.addresses import QueueAddress

_USUAL = Retry()


def findings(document: Document) -> Iterator[Finding]:
    """Yield what does not fit together, anywhere in the file."""
    routes = [mapping(route) for route in listed(mapping(document.root.value).get("routes"))]
    yield from within(("routes",), _doubles(routes))
    for at, route in enumerate(routes):
        yield from within(("routes", at), _of_route(route))
        yield from rule_findings(document, ("routes", at, "rules"), Versions.of(route))


def _doubles(routes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield names and queues that an earlier route has."""
    names: dict[str, int] = {}
    queues: dict[QueueAddress, int] = {}
    for at, route in enumerate(routes):
        name, queue = route.get("name"), _queue(route, "queue")
        if isinstance(name, str) and names.setdefault(name, at) != at:
            yield Finding((at, "name"), f"is the name of routes[{names[name]}] too")
        if queue and queues.setdefault(_identity(queue), at) != at:
            what = f"is the queue of routes[{queues[_identity(queue)]}] too"
            yield Finding(
                (at, "queue"), what, "a queue has one route; tell messages apart by rules"
            )


def _of_route(route: dict[str, Any]) -> Iterator[Finding]:
    versions = Versions.of(route)
    if "stable" in route:
        yield from within(("stable",), versions.unknown(route["stable"]))
    if isinstance(route.get("split"), dict):
        yield from within(("split",), split_findings(route["split"], versions))
    yield from within(("versions",), _versions(mapping(route.get("versions"))))
    yield from _retry(mapping(route.get("retry")))
    yield from _queues(route)


def _versions(versions: dict[str, Any]) -> Iterator[Finding]:
    """Yield tags that are another version's too, headers that are there twice, TLS in vain."""
    owners: dict[str, str] = {}
    for name, version in versions.items():
        tag = mapping(version).get("tag")
        if isinstance(tag, str) and tag != name and tag in versions:
            yield Finding(
                (name, "tag"), f"is the name of version {tag}", "a tag is for one version"
            )
        elif isinstance(tag, str) and owners.setdefault(tag, name) != name:
            what = f"is the tag of version {owners[tag]} too"
            yield Finding((name, "tag"), what, "a tag is for one version")
        headers = mapping(mapping(version).get("headers"))
        yield from within((name, "headers"), _same_but_for_case(headers))
        tls = mapping(version).get("tls")
        if isinstance(tls, dict):
            yield from within((name, "tls"), tls_findings(mapping(version).get("url"), tls))


def _same_but_for_case(headers: dict[str, Any]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name in filter(TOKEN.match, headers):  # of all else it is said that it is none
        if first.setdefault(name.lower(), name) != name:
            what = f"is the same header as {first[name.lower()]}"
            yield Finding((name,), what, "case does not matter in header names")


def _retry(retry: dict[str, Any]) -> Iterator[Finding]:
    try:
        low = durations.seconds(retry.get("min", _USUAL.min))
        high = durations.seconds(retry.get("max", _USUAL.max))
    except InvalidValue:  # said elsewhere
        return
    if low <= high:
        return
    if "max" not in retry:
        usual = durations.shown(_USUAL.max)
        yield Finding(("retry", "min"), f"is above max, which is {usual} by default", "set max too")
    elif "min" not in retry:
        usual = durations.shown(_USUAL.min)
        yield Finding(("retry", "max"), f"is below min, which is {usual} by default", "set min too")
    else:
        yield Finding(("retry", "min"), "is above max")


def _queues(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield a region that the queue contradicts, and a dead-letter queue that is the queue."""
    queue, region = _queue({**route, "region": None}, "queue"), route.get("region")
    if queue is None:
        return
    if queue.region and isinstance(region, str) and region != queue.region:
        yield Finding(("region",), f"contradicts the queue, which is in {queue.region}")
    dead_letter = _queue({**route, "region": None}, "reject")
    if dead_letter and _same(dead_letter, queue):
        what = "is the route's own queue, so a rejected message would come back for ever"
        yield Finding(("reject",), what, "name another queue, or say redrive")


def _same(dead_letter: QueueAddress, queue: QueueAddress) -> bool:
    named_only = dead_letter.account is None and dead_letter.name == queue.name
    return named_only or _identity(dead_letter) == _identity(queue)


def _queue(route: dict[str, Any], key: str) -> QueueAddress | None:
    text, region = route.get(key), route.get("region")
    try:
        return parse_queue(text, region) if isinstance(text, str) else None
    except (ValueError, TypeError):  # said elsewhere
        return None


def _identity(queue: QueueAddress) -> QueueAddress:
    """Return what all ways to call a queue have in common: its URLs by endpoint, and its ARN."""
    known = queue.region and queue.account
    return replace(queue, text="", url=None, endpoint=None if known else queue.endpoint)
