"""Compiles the models of a routing file without problems into the routes of core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config.following import compile_follow
from gateway.config.plans import compile_plan
from gateway.config.schema.concurrency import AutoInFlight
from gateway.core.addresses import beside, parse_queue
from gateway.core.routing.mirror import BUCKETS_OF_A_PERCENT, Mirror
from gateway.core.routing.route import Backoff, Fallback, Linger, Route, Unwrap
from gateway.core.routing.rules import Criterion, Exact, Matcher, Prefix, Present, Rule
from gateway.core.routing.sources import (
    FromAttribute,
    FromBaggage,
    FromGroup,
    FromMessageId,
    FromSender,
    usual_sources,
)
from gateway.core.routing.split import BUCKETS, Split, upper_edges
from gateway.core.routing.version import Tls, Version
from gateway.core.routing.weights import weighted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.config.schema import routing_file, rules
    from gateway.config.schema.version import Tls as TlsSpec
    from gateway.core.addresses import QueueAddress
    from gateway.core.routing.rules import Condition
    from gateway.core.routing.sources import Source, VersionSource


def compile_route(spec: routing_file.Route) -> Route:
    """Return the route; keys that the file leaves out get their documented defaults.

    The canary of a rollout has no weight in it: that comes from the rollout's state.
    """
    queue = parse_queue(spec.queue.text, spec.region)
    versions = _versions(spec, queue)
    named = {version.name: version for version in versions}
    stable = named[spec.stable] if spec.stable else versions[0]
    splitter = _Splitter(spec, versions, stable, fifo=queue.fifo)
    whole = splitter.split({stable.name: 1}, None)
    version_from = _version_from(spec)
    pins = spec.follow is None or "version_from" in spec.model_fields_set
    route = Route(
        name=spec.name,
        queue=queue,
        versions=versions,
        stable=stable,
        wait_seconds=spec.wait,
        visibility_seconds=spec.visibility,
        max_in_flight=_most(spec.max_in_flight),
        least_in_flight=_least(spec.max_in_flight),
        version_from=version_from if pins else (),
        version_header=spec.version_header,
        unwrap=spec.unwrap,
        deliver=spec.deliver,
        mirror=_mirror(spec, named, splitter),
        unknown_version=spec.unknown_version,
        rules=tuple(_rule(rule, at, named, splitter) for at, rule in enumerate(spec.rules)),
        split=_split(spec, stable, splitter),
        weights=tuple((name, _weight(spec, name, stable)) for name in named),
        fallback=_fallback(spec, fifo=queue.fifo),
        retry=Backoff(spec.retry.min, spec.retry.max),
        linger=Linger(spec.linger.delete, spec.linger.receive),
        dead_letter=None if spec.reject is None else beside(spec.reject, queue),
        plan=compile_plan(spec, versions, stable),
        unsplit=None if spec.split is not None else whole,
        follow=compile_follow(spec, versions, stable, whole, version_from),
    )
    return route if spec.rollout is None else weighted(route, 0)


def _split(spec: routing_file.Route, stable: Version, splitter: _Splitter) -> Split | None:
    """Return the split; where a rollout is to move weights, one that gives stable all."""
    weights = {stable.name: 1} if spec.rollout is not None else spec.split
    return None if weights is None else splitter.split(weights, None)


def _version_from(spec: routing_file.Route) -> tuple[VersionSource, ...]:
    """Return the sources; by default those that a delivery of this route writes to."""
    if "version_from" in spec.model_fields_set:
        return tuple(spec.version_from)
    return usual_sources(spec.version_header)


def _versions(spec: routing_file.Route, queue: QueueAddress) -> tuple[Version, ...]:
    stable = spec.stable or next(iter(spec.versions))
    return tuple(
        Version(
            name=name,
            tag=version.tag or name,
            url=version.url or "",
            timeout_seconds=version.timeout,
            max_in_flight=_most(limit),
            least_in_flight=_least(limit),
            max_rate=version.max_rate,
            headers=tuple(version.headers.items()),
            client=version.client,
            tls=_tls(version.tls),
            connection_lifetime_seconds=version.connection_lifetime,
            max_header_bytes=version.max_header_bytes,
            attributes_json=version.attributes_header == "json",
            queue=None if version.queue is None else beside(version.queue, queue),
            max_depth=version.max_depth,
        )
        for name, version in spec.versions.items()
        for limit in (version.max_in_flight or _share(spec, is_stable=name == stable),)
    )


def _tls(spec: TlsSpec | None) -> Tls | None:
    return None if spec is None else Tls(spec.ca, spec.certificate, spec.key)


def _share(spec: routing_file.Route, *, is_stable: bool) -> int | AutoInFlight:
    """Return the default limit: half for any version but stable, so that stable is not starved."""
    limit = spec.max_in_flight
    if is_stable:
        return limit
    if isinstance(limit, int):
        return max(1, limit // 2)
    return AutoInFlight(auto=True, min=max(1, limit.min // 2), max=max(1, limit.max // 2))


def _most(limit: int | AutoInFlight) -> int:
    return limit if isinstance(limit, int) else limit.max


def _least(limit: int | AutoInFlight) -> int | None:
    """Return the lower bound of a limit that finds itself; None for a number."""
    return None if isinstance(limit, int) else limit.min


def _weight(spec: routing_file.Route, name: str, stable: Version) -> int:
    """Return the weight of a version; without a split stable has all of it."""
    alone = 1 if spec.follow is None else 100  # per cent, as what is followed has it
    weights = {stable.name: alone} if spec.split is None else spec.split
    return weights.get(name, 0)


class _Splitter:
    """Makes the splits of one route, which share order, seed and default sticky key."""

    def __init__(
        self,
        spec: routing_file.Route,
        versions: tuple[Version, ...],
        stable: Version,
        *,
        fifo: bool,
    ) -> None:
        others = [version for version in versions if version is not stable]
        self._order = (*others, stable)
        self._seed = spec.name if spec.seed is None else spec.seed
        self._otherwise: Source = FromGroup() if fifo else FromMessageId()
        self._sticky = spec.sticky or self._otherwise

    def split(self, weights: Mapping[str, int], sticky: Source | None) -> Split:
        edges = upper_edges([weights.get(version.name, 0) for version in self._order])
        return Split(self._order, edges, self._seed, sticky or self._sticky, self._otherwise)

    def mirror_split(self, to: Version, percent: float) -> Split:
        """Return the split whose first version gets copies: `percent` of all."""
        edges = (round(percent * BUCKETS_OF_A_PERCENT), BUCKETS)
        seed = f"{self._seed}:mirror"
        return Split((to, self._order[-1]), edges, seed, self._sticky, self._otherwise)


def _mirror(
    route_spec: routing_file.Route, named: Mapping[str, Version], splitter: _Splitter
) -> Mirror | None:
    spec = route_spec.mirror
    if spec is None:
        return None
    to = named[spec.to]
    split = splitter.mirror_split(to, spec.percent)
    unwraps = route_spec.unwrap is not Unwrap.NONE
    return Mirror(to, split, spec.max_in_flight, spec.timeout, unwraps)


def _rule(spec: rules.Rule, at: int, named: Mapping[str, Version], splitter: _Splitter) -> Rule:
    if spec.split is None:
        to: Version | Split = named[spec.to or ""]
    else:
        to = splitter.split(spec.split, spec.sticky)
    name = spec.name or f"rule-{at + 1}"
    return Rule(name, tuple(Matcher(tuple(_criteria(entry))) for entry in spec.match), to)


def _criteria(entry: rules.Match) -> Iterator[Criterion]:
    """Yield the criteria, cheap ones first: the body is parsed only where all others hold."""
    for name, condition in entry.attributes.items():
        yield Criterion(FromAttribute(name), _condition(condition))
    for name, condition in entry.without_attributes.items():
        yield Criterion(FromAttribute(name), _condition(condition), negated=True)
    for name, condition in entry.baggage.items():
        yield Criterion(FromBaggage(name), _condition(condition))
    if entry.group is not None:
        yield Criterion(FromGroup(), _condition(entry.group))
    if entry.sender is not None:
        yield Criterion(FromSender(), _condition(entry.sender))
    if entry.without_sender is not None:
        yield Criterion(FromSender(), _condition(entry.without_sender), negated=True)
    for path, condition in entry.body.items():
        yield Criterion(path, _condition(condition))


def _condition(spec: rules.Condition) -> Condition:
    if spec.exact is not None:
        return Exact(spec.exact)
    if spec.prefix is not None:
        return Prefix(spec.prefix)
    return spec.regex or Present()


def _fallback(spec: routing_file.Route, *, fifo: bool) -> Fallback | None:
    match spec.fallback:
        case None:
            return None if fifo else Fallback()
        case str():
            return None
        case fallback:
            return Fallback(frozenset(fallback.on), fallback.after_receives)
