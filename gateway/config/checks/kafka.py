"""Checks of a route that reads a topic: its settings, and that no record comes back to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.config.checks.sources import REDRIVE
from gateway.config.problems.findings import (
    Finding,
    InvalidValue,
    add_prefix,
    as_list,
    as_mapping,
    find_similar,
)
from gateway.config.schema.kafka import BLOCK, is_setting_name, setting_value, topic
from gateway.core.delivery.record_headers import RESERVED_PREFIX
from gateway.core.kafka import plan
from gateway.core.kafka.plan import OWNED_SETTINGS, Auth, Order, WhenBehind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OWNED_BY: Final = {
    "bootstrap.servers": "it is `brokers`",
    "group.id": "it is `group`",
    "group.protocol": "it is `protocol`",
    "auto.offset.reset": "it is `start`",
    "isolation.level": "records of open and aborted transactions are never read",
    "partition.assignment.strategy": "it is cooperative-sticky; see `protocol`",
}
_ALSO_OWNED: Final = {"metadata.broker.list": "it is `brokers`"}
"""Another name of the same."""

_NOTHING_LOST: Final[dict[str, tuple[Any, ...]]] = {
    "acks": ("all", "-1", -1),
    "request.required.acks": ("all", "-1", -1),
    "enable.idempotence": (True, "true"),
}
"""Settings that may have no other value: what is produced is confirmed and committed by them."""

_NOT_WITH_KIP_848: Final = frozenset(
    {"session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"}
)
"""Those that the broker decides with `group.protocol=consumer`, by librdkafka's configuration."""

_OF_MSK_IAM: Final = ("sasl.mechanism", "sasl.mechanisms", "security.protocol")


def kafka_findings(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield what does not fit together in a route that reads a topic."""
    kafka = route.get("kafka")
    if not isinstance(kafka, dict):
        return
    yield from add_prefix(("kafka", "settings"), _settings(kafka))
    yield from _reject(route)
    yield from _when_behind(route, kafka)
    yield from _topics(route, kafka)
    yield from add_prefix(("versions",), _headers(route))


class SettingNames(Protocol):
    """What knows the settings of a Kafka client; `known` are names of some, for suggestions."""

    @property
    def known(self) -> Sequence[str]:
        """Names that it knows."""

    def knows(self, name: str) -> bool:
        """Whether it knows a name."""

    def refuses(self, name: str, value: str) -> str | None:
        """Return what it takes in place of a value, or nothing; None: the value may be right."""


_LIST: Final = "see librdkafka's list of its settings"
Names = Callable[[], SettingNames]
"""Imports what knows them, which is not needed for most routing files."""


def setting_findings(root: Any, names: Names) -> Iterator[Finding]:
    """Yield settings of all routes that the installed client does not take."""
    for at, route in enumerate(as_list(as_mapping(root).get("routes"))):
        kafka = as_mapping(as_mapping(route).get("kafka"))
        for name, value in as_mapping(kafka.get("settings")).items():
            owned = name in OWNED_SETTINGS or name in _ALSO_OWNED
            if isinstance(name, str) and is_setting_name(name) and not owned:
                path = ("routes", at, "kafka", "settings", name)
                yield from add_prefix(path, _taken(name, value, names()))


def _taken(name: str, value: Any, names: SettingNames) -> Iterator[Finding]:
    """Yield what librdkafka does not take; no value is repeated, since it may be a secret."""
    if not names.knows(name):
        yield Finding((), "is no setting of librdkafka", _meant(name, names.known))
    elif (text := _text(value)) is not None:
        instead = names.refuses(name, text)
        if instead is not None:
            what = "has a value that librdkafka refuses"
            yield Finding((), what, instead or _LIST)


def _text(value: Any) -> str | None:
    """Return a value as librdkafka gets it; None where it is elsewhere, or no value at all."""
    try:
        text = setting_value(value)
    except InvalidValue:  # a problem of its own
        return None
    return text if isinstance(text, str) else None


def _meant(name: str, known: Sequence[str]) -> str:
    near = find_similar(name, [each for each in known if each[:1] == name[:1]])
    return f"did you mean {near}?" if near else _LIST


def group_findings(routes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield topics that an earlier route reads in the same group, and circles of routes."""
    readers: dict[tuple[str, str, str], int] = {}
    for at, route in enumerate(routes):
        kafka = as_mapping(route.get("kafka"))
        group = kafka.get("group")
        if not isinstance(group, str):
            continue
        places = [(*place, group) for place in _places(route, kafka.get("topic"))]
        first = min((readers.setdefault(place, at) for place in places), default=at)
        if first != at:
            what = f"is read by routes[{first}] in the same group"
            hint = "a topic has one route; tell records apart by rules"
            yield Finding((at, "kafka", "topic"), what, hint)
    yield from _circles(routes)


def _places(route: dict[str, Any], name: Any) -> Iterator[tuple[str, str]]:
    """Yield a topic of a route by each of its brokers: clusters that share one are the same."""
    if isinstance(name, str):
        for each in as_list(as_mapping(route.get("kafka")).get("brokers")):
            if isinstance(each, str):
                yield each, name


def _circles(routes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield version topics by which records come back to the route that they went out from."""
    sources: dict[tuple[str, str], int] = {}
    for at, route in enumerate(routes):
        for place in _places(route, as_mapping(route.get("kafka")).get("topic")):
            sources.setdefault(place, at)
    ways = [dict(_ways(route, sources)) for route in routes]
    for at, own in enumerate(ways):
        for name, to in own.items():
            if to != at and _leads(to, at, ways):
                what = f"leads back here by way of routes[{to}], records would go round for ever"
                yield Finding((at, "versions", name, "topic"), what, "name another topic")


def _leads(start: int, end: int, ways: list[dict[str, int]]) -> bool:
    seen: set[int] = set()
    open_ways = [start]
    while open_ways:
        at = open_ways.pop()
        if at == end:
            return True
        if at not in seen:
            seen.add(at)
            open_ways += ways[at].values()
    return False


def _ways(route: dict[str, Any], sources: dict[tuple[str, str], int]) -> Iterator[tuple[str, int]]:
    for name, version in as_mapping(route.get("versions")).items():
        for place in _places(route, as_mapping(version).get("topic")):
            if place in sources:
                yield name, sources[place]


def _settings(kafka: dict[str, Any]) -> Iterator[Finding]:
    given = as_mapping(kafka.get("settings"))
    for name in given:
        if name in OWNED_SETTINGS or name in _ALSO_OWNED:
            hint = _OWNED_BY.get(name) or _ALSO_OWNED.get(name, "remove it")
            yield Finding((name,), "is a setting that the gateway owns", hint)
    for name, values in _NOTHING_LOST.items():
        if name in given and given[name] not in values:
            what = f"must be {str(values[0]).lower()}, so that no record is lost"
            yield Finding((name,), what, "remove it: that is the default")
    if kafka.get("protocol") == plan.Protocol.CONSUMER:
        for name in filter(given.__contains__, sorted(_NOT_WITH_KIP_848)):
            yield Finding((name,), "is the broker's to say with `protocol: consumer`", "remove it")
    if kafka.get("auth") == Auth.MSK_IAM:
        for name in filter(given.__contains__, _OF_MSK_IAM):
            yield Finding((name,), "is set by `auth: msk-iam`", "remove one of the two")


def _reject(route: dict[str, Any]) -> Iterator[Finding]:
    reject = route.get("reject")
    if "reject" not in route:
        what, hint = "missing", "a dead-letter topic, or block"
        yield Finding(("reject",), what, hint, absent=True)
    elif reject == REDRIVE:
        yield Finding(("reject",), "is for a queue, a topic has no redrive", "a topic, or block")
    elif isinstance(reject, str) and reject and reject != BLOCK:
        yield from _topic_at("reject", reject)


def _when_behind(route: dict[str, Any], kafka: dict[str, Any]) -> Iterator[Finding]:
    what = route.get("when_behind")
    if isinstance(what, str) and what and what not in tuple(WhenBehind):
        yield from _topic_at("when_behind", what)
    if what == WhenBehind.FALLBACK and kafka.get("order") == Order.PARTITION:
        why = "would break the order of a partition"
        yield Finding(("when_behind",), why, "say pause, or order: key")


def _topic_at(key: str, name: str) -> Iterator[Finding]:
    try:
        topic(name)
    except InvalidValue as error:
        yield Finding((key,), error.what, error.hint)


def _headers(route: dict[str, Any]) -> Iterator[Finding]:
    for name, version in as_mapping(route.get("versions")).items():
        for header in as_mapping(as_mapping(version).get("headers")):
            if isinstance(header, str) and header.lower().startswith(RESERVED_PREFIX):
                yield Finding((name, "headers", header), "is a header that the gateway sets itself")


def _topics(route: dict[str, Any], kafka: dict[str, Any]) -> Iterator[Finding]:
    """Yield topics of one route that must not be the same."""
    source, reject, parking = kafka.get("topic"), route.get("reject"), route.get("when_behind")
    if not isinstance(source, str):
        return
    if reject == source:
        what = "is the route's own topic, so a rejected record would come back for ever"
        yield Finding(("reject",), what, "name another topic, or say block")
    if parking == source or (parking == reject and parking not in (None, BLOCK)):
        what = "is the route's own topic" if parking == source else "is the dead-letter topic"
        yield Finding(("when_behind",), what, "name a topic of its own")
    for name, version in as_mapping(route.get("versions")).items():
        found = _version_topic(name, version, source, reject, parking)
        yield from add_prefix(("versions",), found)


def _version_topic(
    name: str, version: Any, source: str, reject: Any, parking: Any
) -> Iterator[Finding]:
    to = as_mapping(version).get("topic")
    if not isinstance(to, str):
        return
    if to == source:
        what = "is the route's own topic, so its records would come back for ever"
        yield Finding((name, "topic"), what, "name the topic that the version reads")
    elif to == reject:
        what = "is the route's dead-letter topic, so what was rejected would be handled"
        yield Finding((name, "topic"), what, "name another topic here or in `reject`")
    elif to == parking:
        what = "is the topic of `when_behind`, from which the gateway reads"
        yield Finding((name, "topic"), what, "name another topic here or in `when_behind`")
