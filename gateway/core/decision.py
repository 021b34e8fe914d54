"""decide(message, route): which version a message belongs to, and why (contract, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from gateway.core.route import UnknownVersion
from gateway.core.split import Split

if TYPE_CHECKING:
    from gateway.core.message import Message
    from gateway.core.route import Route
    from gateway.core.versions import Version


class Reason(StrEnum):
    """Why a message got its version; FALLBACK is a delivery's reason, never a decision's."""

    PINNED = "pinned"
    UNKNOWN_VERSION = "unknown_version"
    RULE = "rule"
    SPLIT = "split"
    DEFAULT = "default"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Decision:
    """The version (None: retry until one of that name exists), the reason, and what led there."""

    version: Version | None
    reason: Reason
    rule: str | None = None
    bucket: int | None = None


def decide(message: Message, route: Route) -> Decision:
    """Return the decision; the same message and route always give the same one.

    The message then forgets what was derived from it: it may be in hand for long.
    """
    decision = _pinned(message, route) or _ruled(message, route) or _split(message, route)
    message.forget()
    return decision


def _pinned(message: Message, route: Route) -> Decision | None:
    for source in route.version_from:
        text = source.read(message)
        if text is None:
            continue
        version = route.version_called(text)
        return Decision(version, Reason.PINNED) if version else _unknown(route)
    return None


def _unknown(route: Route) -> Decision | None:
    match route.unknown_version:
        case UnknownVersion.STABLE:
            return Decision(route.stable, Reason.UNKNOWN_VERSION)
        case UnknownVersion.RETRY:
            return Decision(None, Reason.UNKNOWN_VERSION)
        case UnknownVersion.SPLIT:
            return None
        case _:
            assert_never(route.unknown_version)


def _ruled(message: Message, route: Route) -> Decision | None:
    for rule in route.rules:
        if rule.matches(message):
            if not isinstance(rule.to, Split):
                return Decision(rule.to, Reason.RULE, rule.name)
            bucket = rule.to.bucket(message)
            return Decision(rule.to.pick(bucket), Reason.RULE, rule.name, bucket)
    return None


def _split(message: Message, route: Route) -> Decision:
    if route.split is None:
        return Decision(route.stable, Reason.DEFAULT)
    bucket = route.split.bucket(message)
    return Decision(route.split.pick(bucket), Reason.SPLIT, bucket=bucket)
