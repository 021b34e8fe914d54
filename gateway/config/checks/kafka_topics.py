"""Checks of topics that several routes name: none has two readers, no record goes in a circle."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.config.problems.findings import Finding, as_list, as_mapping
from gateway.config.schema.kafka import BLOCK
from gateway.core.kafka.plan import WhenBehind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Place = tuple[str, str]

_SOURCE: Final[tuple[str, ...]] = ("kafka", "topic")
_REJECT: Final[tuple[str, ...]] = ("reject",)
_PARKING: Final[tuple[str, ...]] = ("when_behind",)


class Use(NamedTuple):
    """A topic that a route names: where in it, and by which broker; clusters share none."""

    route: int
    path: tuple[str, ...]
    place: Place


def topic_findings(routes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield topics that two routes would read, and circles of routes."""
    uses = [use for at, route in enumerate(routes) for use in _uses(at, route)]
    by_place: defaultdict[Place, list[Use]] = defaultdict(list)
    for use in uses:
        by_place[use.place].append(use)
    yield from _read_twice(routes, uses)
    for at_one_place in by_place.values():
        yield from _parked_twice(at_one_place)
    yield from _circles(len(routes), uses, by_place)


def _uses(at: int, route: dict[str, Any]) -> Iterator[Use]:
    kafka = as_mapping(route.get("kafka"))
    named: dict[tuple[str, ...], Any] = {_SOURCE: kafka.get("topic")}
    for name, version in as_mapping(route.get("versions")).items():
        named["versions", name, "topic"] = as_mapping(version).get("topic")
    for path, words in {_REJECT: (BLOCK,), _PARKING: tuple(WhenBehind)}.items():
        topic = route.get(path[0])
        named[path] = None if topic in words else topic
    for broker in as_list(kafka.get("brokers")):
        for path, topic in named.items():
            if isinstance(broker, str) and isinstance(topic, str):
                yield Use(at, path, (broker, topic))


def _read_twice(routes: list[dict[str, Any]], uses: Sequence[Use]) -> Iterator[Finding]:
    """Yield topics that an earlier route reads in the same group."""
    readers: dict[tuple[Place, str], int] = {}
    told: set[int] = set()
    for use in uses:
        group = as_mapping(routes[use.route].get("kafka")).get("group")
        if use.path != _SOURCE or not isinstance(group, str):
            continue
        first = readers.setdefault((use.place, group), use.route)
        if first != use.route and use.route not in told:
            told.add(use.route)
            what = f"is read by routes[{first}] in the same group"
            hint = "a topic has one route; tell records apart by rules"
            yield Finding((use.route, *_SOURCE), what, hint)


def _parked_twice(uses: Sequence[Use]) -> Iterator[Finding]:
    """Yield the parking topics among the uses of one topic that another route names too.

    Each route reads its parking topic back: it would handle what is not its own, or another would
    handle what it has parked. That it is the route's own topic is told where that is checked.
    """
    sources = {use.route for use in uses if use.path == _SOURCE}
    for use in uses:
        if use.path == _PARKING and use.route not in sources:
            others = (each for each in uses if each.route != use.route)
            other = next((o for o in others if o.path != _PARKING or o.route < use.route), None)
            if other is not None:
                what = f"is also `{'.'.join(other.path)}` of routes[{other.route}]"
                hint = "park in a topic that nothing else uses"
                yield Finding((use.route, *_PARKING), what, hint)


def _circles(
    count: int, uses: Sequence[Use], by_place: Mapping[Place, Sequence[Use]]
) -> Iterator[Finding]:
    """Yield topics by which records come back to the route that they went out from."""
    readers = {
        place: {use.route for use in at_one_place if use.path == _SOURCE}
        for place, at_one_place in by_place.items()
    }
    ways: list[dict[tuple[str, ...], set[int]]] = [{} for _ in range(count)]
    for use in uses:
        if use.path not in (_SOURCE, _PARKING):
            to = readers[use.place] - {use.route}
            ways[use.route].setdefault(use.path, set()).update(to)
    for at, own in enumerate(ways):
        for path, to in own.items():
            back = next((each for each in sorted(to) if _leads(each, at, ways)), None)
            if back is not None:
                rejected = "rejected " if path == _REJECT else ""
                by = f"leads back here by way of routes[{back}]"
                what = f"{by}, {rejected}records would go round for ever"
                yield Finding((at, *path), what, "name another topic")


def _leads(start: int, end: int, ways: list[dict[tuple[str, ...], set[int]]]) -> bool:
    seen: set[int] = set()
    open_ways = [start]
    while open_ways:
        at = open_ways.pop()
        if at == end:
            return True
        if at not in seen:
            seen.add(at)
            open_ways += [each for to in ways[at].values() for each in to]
    return False
