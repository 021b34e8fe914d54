"""Findings of pydantic's errors, in the words of the routing file, not of pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gateway.config.problems.findings import Finding, InvalidValue, find_similar, suggest
from gateway.config.schema.kafka import Kafka
from gateway.config.schema.routing_file import Route, RoutingFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from gateway.config.problems.findings import Path

_ROUTE: Final = ("routes", 0)  # the path of a route, but for its place
_KEY_MARK: Final = "[key]"  # pydantic's last step where the key itself is invalid
_SHAPES: Final = {
    "list_type": ("must be a list", "begin each entry with `- `"),
    "dict_type": ("must be a mapping", "`key: value` pairs"),
    "too_short": ("is empty", "needs at least one entry"),
}
_MISSING_HINTS: Final = {
    "routes": "the file needs at least one route",
    "name": "every route needs a name of its own",
    "brokers": "HOST:PORT of some brokers",
    "topic": "the topic to read",
    "group": "the consumer group; that of the consumer which the gateway replaces",
    "start": "earliest or latest, where a partition has no offset",
    "versions": "every route needs at least a stable version",
    "match": "what the rule asks for",
    "weight": "the canary's share in this step, 1 to 100",
}


_BOOTSTRAP: Final = (
    "bootstrap.servers",
    "bootstrap_servers",
    "bootstrap-servers",
    "bootstrapServers",
)
_OF_KAFKA: Final = {
    ("match", "headers"): "headers are `attributes` here",
    ("match", "header"): "headers are `attributes` here",
    ("match", "key"): "a record's key is its `group`",
    **dict.fromkeys([("kafka", word) for word in _BOOTSTRAP], "it is `brokers`"),
}
"""What Kafka's words are here, by the part of the file in which they are looked for."""


def findings_of(error: ValidationError, most: int) -> Iterator[Finding]:
    """Yield one finding for each of pydantic's errors, the first `most` of them."""
    details = error.errors(include_url=False, include_input=False)[:most]
    unknown = {_path(one) for one in details if one["type"] == "extra_forbidden"}
    mistyped = {(*path[:-1], _meant_key(path)) for path in unknown}
    for one in details:
        path = _path(one)
        if one["type"] != "missing" or path not in mistyped:
            yield _finding(one, path)


def _finding(one: ErrorDetails, path: Path) -> Finding:
    match one["type"]:
        case "missing":
            hint = _MISSING_HINTS.get(str(path[-1]), "")
            return Finding(path, "missing", hint, absent=True)
        case "extra_forbidden":
            return Finding(path, "unknown key", _elsewhere(path) or _known(path))
        case "value_error":
            return _raised(path, one)
        case kind:
            return Finding(path, *_SHAPES.get(kind, ("does not fit here",)))


def _known(path: Path) -> str:
    return suggest(str(path[-1]), _known_keys(path[:-1]), "known keys")


def _elsewhere(path: Path) -> str:
    """Return a hint where a key is one of the route that stands in its `kafka`, or vice versa.

    Or where it is a word of Kafka's own.
    """
    key, above = str(path[-1]), path[:-1]
    part = next((step for step in reversed(above) if isinstance(step, str)), "")
    if word := _OF_KAFKA.get((part, key)):
        return word
    if above[-1:] == ("kafka",) and key in Route.model_fields:
        return "it is a key of the route, beside `kafka`"
    below = len(above) == len(_ROUTE) and above[0] == _ROUTE[0] and key in Kafka.model_fields
    return "it is a key of `kafka`" if below else ""


def _raised(path: Path, one: ErrorDetails) -> Finding:
    error = one.get("ctx", {}).get("error")
    return (
        Finding(path, error.what, error.hint)
        if isinstance(error, InvalidValue)
        else Finding(path, str(error))
    )


def _path(one: ErrorDetails) -> Path:
    path = one["loc"]
    return path[:-1] if path and path[-1] == _KEY_MARK else path


def _meant_key(path: Path) -> str | None:
    if path[-1] in _BOOTSTRAP:
        return "brokers"
    return find_similar(str(path[-1]), _known_keys(path[:-1]))


def _known_keys(path: Path) -> list[str]:
    """Return the keys that the model at a path has."""
    kind: Any = RoutingFile
    for step in path:
        kind = _below(kind, step)
    return list(kind.model_fields) if _is_part(kind) else []


def _below(kind: Any, step: str | int) -> Any:
    if _is_part(kind):
        field = kind.model_fields.get(step)
        return _bare(field.annotation) if field else None
    arguments = get_args(kind)
    return _bare(arguments[-1]) if get_origin(kind) in (list, dict) else None


def _bare(annotation: Any) -> Any:
    """Return the model, list or dict inside `Annotated` and `| None`."""
    if _is_part(annotation) or get_origin(annotation) in (list, dict):
        return annotation
    inner = map(_bare, get_args(annotation))
    return next((bare for bare in inner if bare is not None), None)


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
