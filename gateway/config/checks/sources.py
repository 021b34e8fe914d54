"""Checks of where a route's messages come from: a queue or a topic, with the keys of either."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from gateway.config.problems.findings import Finding, InvalidValue, as_mapping, find_similar
from gateway.config.schema import addresses
from gateway.config.schema.routing_file import SOURCES, Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REDRIVE: Final = "redrive"
_NO_LETTER: Final = re.compile(r"[^a-z]")
QUEUE_ONLY: Final = ("region", "wait", "visibility", "linger", "unwrap", "deliver")
"""Keys of a route that say nothing of a topic."""

KAFKA_ONLY: Final = ("max_attempts", "when_behind")
"""Keys of a route that say nothing of a queue."""


def kafka_available() -> bool:
    """Whether the extra `kafka` is installed, without importing it."""
    return find_spec("confluent_kafka") is not None


def word_meant(name: str, words: Iterable[str]) -> str | None:
    """Return the one of a key's own words that a name is but for case, blanks and hyphens."""
    bare = _NO_LETTER.sub("", name.lower())
    return bare if bare in words else None


def source_findings(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield what a route has too much or too little of, by where its messages come from."""
    given = [key for key in SOURCES if key in route]
    if len(given) > 1:
        yield Finding((), "has both `queue` and `kafka`", "keep one; another source is a route")
    elif not given:
        unknown = [key for key in route if key not in Route.model_fields]
        if not any(find_similar(str(key), SOURCES) for key in unknown):
            yield Finding(("queue",), "missing", "the queue's name, URL or ARN", absent=True)
    elif given == ["queue"]:
        yield from _of_queue(route)
    else:
        yield from _of_kafka(route)


def _of_queue(route: dict[str, Any]) -> Iterator[Finding]:
    for key in filter(route.__contains__, KAFKA_ONLY):
        yield Finding((key,), "is for a route with `kafka`, this one has a queue", "remove it")
    for name, version in as_mapping(route.get("versions")).items():
        if "topic" in as_mapping(version):
            what = "is for a route with `kafka`, this one has a queue"
            yield Finding(("versions", name, "topic"), what, "name a `queue`, or a `url`")
    reject = route.get("reject")
    if isinstance(reject, str) and reject and reject != REDRIVE:
        if meant := word_meant(reject, (REDRIVE,)):
            yield Finding(("reject",), "would be a queue of that name", f"did you mean {meant}?")
            return
        try:
            addresses.queue(reject)
        except InvalidValue as error:
            yield Finding(("reject",), error.what, error.hint)


def _of_kafka(route: dict[str, Any]) -> Iterator[Finding]:
    if not kafka_available():
        what = "needs the client for Kafka, which is not installed"
        yield Finding(("kafka",), what, "install the extra: sqs-version-gateway[kafka]")
    for key in filter(route.__contains__, QUEUE_ONLY):
        yield Finding((key,), "is for a route with a `queue`, this one has a topic", "remove it")
    for name, version in as_mapping(route.get("versions")).items():
        spec = as_mapping(version)
        if "queue" in spec:
            what = "is for a route with a `queue`, this one has a topic"
            yield Finding(("versions", name, "queue"), what, "name a `topic`, or a `url`")
        if spec.get("attributes_header", "none") != "none":
            what = "is for a route with a `queue`, this one has a topic"
            yield Finding(("versions", name, "attributes_header"), what, "remove it")
