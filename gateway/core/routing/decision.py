"""Which version a message belongs to, and why (docs/reference/decisions.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from gateway.core.routing.rule_index import FirstMatch
from gateway.core.routing.split import Split

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route
    from gateway.core.routing.rules import Rule
    from gateway.core.routing.version import Version


class Reason(StrEnum):
    """Why a message got its version; FALLBACK is a delivery's reason, never a decision's."""

    PINNED = "pinned"
    UNKNOWN_VERSION = "unknown_version"
    RULE = "rule"
    SPLIT = "split"
    DEFAULT = "default"
    FALLBACK = "fallback"


_new_tuple = tuple.__new__  # of a named tuple: takes a third of the time that its class takes


class Decision(NamedTuple):
    """The version (None: retry until one of that name exists), the reason, and what led there.

    A tuple: a frozen dataclass takes four times as long to make, 1 us for each split message.
    """

    version: Version | None
    reason: Reason
    rule: str | None = None
    bucket: int | None = None


class Choices:
    """The decisions that a route can come to, as far as they are known before the message is.

    `unknown` is for a message that names a version which the route does not have; None: it goes on
    as if it named none.
    """

    __slots__ = ("_default", "_first_match", "_pinned", "_split", "_unknown", "_version_from")

    def __init__(self, route: Route, unknown: Decision | None) -> None:
        self._version_from = route.version_from
        self._pinned: dict[str, Decision] = {}
        for version in route.versions:
            for text in (version.tag, version.name):
                self._pinned.setdefault(text, Decision(version, Reason.PINNED))
        self._unknown = unknown
        self._first_match = FirstMatch(route.rules) if route.rules else None
        self._split = route.split
        self._default = Decision(route.stable, Reason.DEFAULT)

    def of(self, message: Message) -> Decision:
        """Return the decision on a message."""
        decision = self._named(message) if message.attributes else None
        if decision is None and self._first_match is not None:
            rule = self._first_match.of(message)
            decision = None if rule is None else _by_rule(rule, message)
        if decision is not None:
            return decision
        split = self._split
        if split is None:
            return self._default
        bucket = split.bucket(message)
        return _new_tuple(Decision, (split.pick(bucket), Reason.SPLIT, None, bucket))

    def _named(self, message: Message) -> Decision | None:
        """Decide by the first source of `version_from` that is present: attributes all of them."""
        for source in self._version_from:
            text = source.read(message)
            if text is not None:
                return self._pinned.get(text, self._unknown)
        return None


def _by_rule(rule: Rule, message: Message) -> Decision:
    if not isinstance(rule.to, Split):
        return Decision(rule.to, Reason.RULE, rule.name)
    bucket = rule.to.bucket(message)
    return Decision(rule.to.pick(bucket), Reason.RULE, rule.name, bucket)


def decide(message: Message, route: Route) -> Decision:
    """Return the decision; the same message and route always give the same one.

    The message then forgets what was derived from it: it may be in hand for long.
    """
    decision = route.choices.of(message)
    message.forget()
    return decision
