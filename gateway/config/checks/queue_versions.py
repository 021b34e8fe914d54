"""Checks of versions that are queues: what each may say, and that no message comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.config.checks.queues import QueueIndex, beside, is_same, queue_at, source_of
from gateway.config.problems.findings import Finding, add_prefix, as_mapping
from gateway.config.schema.version import PLACES, QUEUE_ONLY, URL_ONLY, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.problems.findings import Path
    from gateway.core.addresses import QueueAddress

_MOST_NAMED = 10
"""The most routes of a circle that a problem names."""

_OTHER_WAY = "name a queue that does not lead back here"


class Way(NamedTuple):
    """The way from a route to the route that consumes a version's queue, by their positions."""

    path: Path
    to: int


def place_findings(version: Any, own: str = "queue") -> Iterator[Finding]:
    """Yield what a version has too much or too little of; a text is a URL.

    `own` is what the versions of such a route may have in place of a `url`.
    """
    if not isinstance(version, dict):
        return
    given = [key for key in PLACES if key in version]
    if len(given) > 1:
        yield Finding((), f"has both `{given[0]}` and `{given[1]}`", "keep one")
    elif not given:
        if all(key in Version.model_fields for key in version):
            yield Finding((), f"needs `url` or `{own}`", "where its messages go")
    else:
        yield from _out_of_place(version, given[0])


def _out_of_place(version: dict[str, Any], place: str) -> Iterator[Finding]:
    is_one = {"url": "this one is a URL", "queue": "this one is a queue"}.get(
        place, "this one is a topic"
    )
    for other, keys in (("url", URL_ONLY), ("queue", QUEUE_ONLY)):
        for key in filter(version.__contains__, keys if other != place else ()):
            yield Finding((key,), f"is for a version with a `{other}`, {is_one}", "remove it")


def of_route(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield version queues that do not fit to the route's own queues."""
    source = queue_at(route, "queue")
    dead_letter = beside(queue_at(route, "reject"), source)
    for name, queue in _queues(route).items():
        if source is not None:
            queue = beside(queue, source) or queue  # noqa: PLW2901
            yield from add_prefix((name, "queue"), _beside_source(queue, source))
        if dead_letter is not None and is_same(queue, dead_letter):
            what = "is the route's dead-letter queue, so what was rejected would be handled"
            yield Finding((name, "queue"), what, "name another queue here or in `reject`")


def circles(routes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield the version queues by which messages come back to the route that they went out from.

    One finding for each way that closes a circle, found in the order of the file. A version that
    is the source of its own route is reported by `of_route`.
    """
    ways = _ways(routes)
    done: set[int] = set()
    for start in range(len(routes)):
        if start not in done:
            yield from _closing(start, ways, done)


def _closing(start: int, ways: list[list[Way]], done: set[int]) -> Iterator[Finding]:
    """Yield what closes a circle among the routes that a route leads to (depth first)."""
    trail, open_ways = {start: 0}, [iter(ways[start])]
    while open_ways:
        way = next(open_ways[-1], None)
        if way is None:
            open_ways.pop()
            done.add(trail.popitem()[0])
        elif way.to in trail:
            yield Finding(way.path, *_circle(list(trail)[trail[way.to] :]))
        elif way.to not in done:
            trail[way.to] = len(trail)
            open_ways.append(iter(ways[way.to]))


def _circle(steps: list[int]) -> tuple[str, str]:
    named = [f"routes[{at}]" for at in steps[:_MOST_NAMED]]
    rest = ["..."] if len(steps) > _MOST_NAMED else []
    round_trip = " to ".join([*named, *rest, named[0]])
    return f"closes a circle, messages would go round for ever: {round_trip}", _OTHER_WAY


def _ways(routes: list[dict[str, Any]]) -> list[list[Way]]:
    sources = list(map(source_of, routes))
    index = QueueIndex()
    for at, source in enumerate(sources):
        if source is not None:
            index.add(source, at)
    ways: list[list[Way]] = [[] for _ in routes]
    for at, route in enumerate(routes):
        for name, queue in _queues(route).items():
            to = index.first(beside(queue, sources[at]) or queue, or_may_be=True)
            if to is not None and to != at:
                ways[at].append(Way((at, "versions", name, "queue"), to))
    return ways


def _beside_source(queue: QueueAddress, source: QueueAddress) -> Iterator[Finding]:
    if is_same(queue, source):
        what = "is the route's own queue, so its messages would come back for ever"
        yield Finding((), what, "name the queue that the version polls")
    elif queue.fifo and not source.fifo:
        what = "is a FIFO queue, but the route's queue is not"
        yield Finding((), what, "its messages have no group; name a standard queue")
    elif source.fifo and not queue.fifo:
        what = "is no FIFO queue, but the route's queue is one"
        yield Finding((), what, "the order would be lost; name a queue that ends in .fifo")


def _queues(route: dict[str, Any]) -> dict[str, QueueAddress]:
    """Return the queues of a route's versions by the version's name, as they are written."""
    versions = as_mapping(route.get("versions")).items()
    found = {name: queue_at(as_mapping(version), "queue") for name, version in versions}
    return {name: queue for name, queue in found.items() if queue is not None}
