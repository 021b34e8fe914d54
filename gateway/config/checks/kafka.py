"""Checks of a route that reads a topic: its settings, and that no record comes back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.config.checks import kafka_settings
from gateway.config.checks.sources import REDRIVE, word_meant
from gateway.config.problems.findings import (
    Finding,
    InvalidValue,
    add_prefix,
    as_mapping,
)
from gateway.config.schema.kafka import BLOCK, topic
from gateway.core.delivery.record_headers import RESERVED_PREFIX
from gateway.core.kafka.plan import Order, WhenBehind

if TYPE_CHECKING:
    from collections.abc import Iterator


def kafka_findings(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield what does not fit together in a route that reads a topic."""
    kafka = route.get("kafka")
    if not isinstance(kafka, dict):
        return
    yield from add_prefix(("kafka", "settings"), kafka_settings.of_kafka(kafka))
    yield from _reject(route)
    yield from _when_behind(route, kafka)
    yield from _topics(route, kafka)
    yield from add_prefix(("versions",), _headers(route))


def _reject(route: dict[str, Any]) -> Iterator[Finding]:
    reject = route.get("reject")
    if "reject" not in route:
        what, hint = "missing", "a dead-letter topic, or block"
        yield Finding(("reject",), what, hint, absent=True)
    elif isinstance(reject, str) and word_meant(reject, (REDRIVE,)):
        yield Finding(("reject",), "is for a queue, a topic has no redrive", "a topic, or block")
    elif isinstance(reject, str) and reject and reject != BLOCK:
        yield from _topic_at("reject", reject, (BLOCK,))


def _when_behind(route: dict[str, Any], kafka: dict[str, Any]) -> Iterator[Finding]:
    what = route.get("when_behind")
    if isinstance(what, str) and what and what not in tuple(WhenBehind):
        yield from _topic_at("when_behind", what, tuple(WhenBehind))
    if what == WhenBehind.FALLBACK and kafka.get("order") == Order.PARTITION:
        why = "would break the order of a partition"
        yield Finding(("when_behind",), why, "say pause, or order: key")


def _topic_at(key: str, name: str, words: tuple[str, ...]) -> Iterator[Finding]:
    """Yield a topic that cannot be one, or that is one of the key's own words written otherwise.

    A broker may make a topic when it is first produced to, so that the latter would be found late.
    """
    if meant := word_meant(name, words):
        yield Finding((key,), "would be a topic of that name", f"did you mean {meant}?")
        return
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
