"""From the models of a sound routing file to the objects that decide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.core.addresses import parse_queue
from gateway.core.routing.route import Backoff, Fallback, Route
from gateway.core.routing.rules import Exact, Matcher, Prefix, Present, Rule, Test
from gateway.core.routing.sources import FromAttribute, FromBaggage, FromGroup, FromMessageId
from gateway.core.routing.split import Split, upper_edges
from gateway.core.routing.version import Tls, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.config import rule_schema, schema
    from gateway.core.addresses import QueueAddress
    from gateway.core.routing.rules import Condition
    from gateway.core.routing.sources import Source


def route_of(stated: schema.Route) -> Route:
    """Return the route; what the file leaves out is filled in as the contract has it."""
    queue = parse_queue(stated.queue.text, stated.region)
    versions = _versions(stated)
    named = {version.name: version for version in versions}
    stable = named[stated.stable] if stated.stable else versions[0]
    splitter = _Splitter(stated, versions, stable, fifo=queue.fifo)
    return Route(
        name=stated.name,
        queue=queue,
        versions=versions,
        stable=stable,
        wait_seconds=stated.wait,
        visibility_seconds=stated.visibility,
        max_in_flight=stated.max_in_flight,
        version_from=tuple(stated.version_from),
        unknown_version=stated.unknown_version,
        rules=tuple(_rule(rule, at, named, splitter) for at, rule in enumerate(stated.rules)),
        split=None if stated.split is None else splitter.split(stated.split, None),
        weights=tuple((name, _weight(stated, name, stable)) for name in named),
        fallback=_fallback(stated, fifo=queue.fifo),
        retry=Backoff(stated.retry.min, stated.retry.max),
        dead_letter=_dead_letter(stated.reject, queue),
    )


def _versions(stated: schema.Route) -> tuple[Version, ...]:
    stable = stated.stable or next(iter(stated.versions))
    return tuple(
        Version(
            name=name,
            tag=version.tag or name,
            url=version.url,
            timeout_seconds=version.timeout,
            max_in_flight=version.max_in_flight or _share(stated, is_stable=name == stable),
            max_rate=version.max_rate,
            headers=tuple(version.headers.items()),
            client=version.client,
            tls=_tls(version.tls),
        )
        for name, version in stated.versions.items()
    )


def _tls(stated: schema.Tls | None) -> Tls | None:
    return None if stated is None else Tls(stated.ca, stated.certificate, stated.key)


def _share(stated: schema.Route, *, is_stable: bool) -> int:
    """Return half for a version that is not stable, so that it cannot starve the stable one."""
    return stated.max_in_flight if is_stable else max(1, stated.max_in_flight // 2)


def _weight(stated: schema.Route, name: str, stable: Version) -> int:
    """Without a split all goes to stable, which reads as weights of 1 and 0."""
    weights = {stable.name: 1} if stated.split is None else stated.split
    return weights.get(name, 0)


class _Splitter:
    """Makes the splits of one route: they share order, seed and what a missing key becomes."""

    def __init__(
        self, stated: schema.Route, versions: tuple[Version, ...], stable: Version, *, fifo: bool
    ) -> None:
        others = [version for version in versions if version is not stable]
        self._order = (*others, stable)
        self._seed = stated.name if stated.seed is None else stated.seed
        self._otherwise: Source = FromGroup() if fifo else FromMessageId()
        self._sticky = stated.sticky or self._otherwise

    def split(self, weights: Mapping[str, int], sticky: Source | None) -> Split:
        edges = upper_edges([weights.get(version.name, 0) for version in self._order])
        return Split(self._order, edges, self._seed, sticky or self._sticky, self._otherwise)


def _rule(
    stated: rule_schema.Rule, at: int, named: Mapping[str, Version], splitter: _Splitter
) -> Rule:
    to: Version | Split
    if stated.split is not None:
        to = splitter.split(stated.split, stated.sticky)
    else:
        to = named[stated.to or ""]
    name = stated.name or f"rule-{at + 1}"
    return Rule(name, tuple(Matcher(tuple(_tests(entry))) for entry in stated.match), to)


def _tests(entry: rule_schema.Match) -> Iterator[Test]:
    """Yield the tests, the cheap ones first: the body is parsed only where all others hold."""
    for name, condition in entry.attributes.items():
        yield Test(FromAttribute(name), _condition(condition))
    for name, condition in entry.without_attributes.items():
        yield Test(FromAttribute(name), _condition(condition), negated=True)
    for name, condition in entry.baggage.items():
        yield Test(FromBaggage(name), _condition(condition))
    if entry.group is not None:
        yield Test(FromGroup(), _condition(entry.group))
    for path, condition in entry.body.items():
        yield Test(path, _condition(condition))


def _condition(stated: rule_schema.Condition) -> Condition:
    if stated.exact is not None:
        return Exact(stated.exact)
    if stated.prefix is not None:
        return Prefix(stated.prefix)
    return stated.regex or Present()


def _fallback(stated: schema.Route, *, fifo: bool) -> Fallback | None:
    match stated.fallback:
        case None:
            return None if fifo else Fallback()
        case str():
            return None
        case asked:
            return Fallback(frozenset(asked.on), asked.after_receives)


def _dead_letter(stated: QueueAddress | None, queue: QueueAddress) -> QueueAddress | None:
    """Return the dead-letter queue; one given by its name alone is in the queue's region."""
    if stated is None or stated.region is not None or stated.url is not None:
        return stated
    return replace(stated, region=queue.region)
