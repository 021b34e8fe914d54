"""The decision as docs/reference/decisions.md tells it, read by read: slow, and easy to believe."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from gateway.core.messages.envelopes import unwrapped
from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.route import UnknownVersion, Unwrap
from gateway.core.routing.split import Split

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route
    from gateway.core.routing.rules import Criterion, Rule
    from gateway.core.routing.version import Version


def decision_on(message: Message, route: Route) -> Decision:
    """Decide step by step: pin, rules, split, stable."""
    if route.unwrap is Unwrap.SNS:
        message = unwrapped(message)
    named = [text for source in route.version_from if (text := source.read(message)) is not None]
    if named:
        pinned = [each for each in route.versions if named[0] in (each.tag, each.name)]
        if pinned:
            return Decision(pinned[0], Reason.PINNED)
        if route.unknown_version is UnknownVersion.STABLE:
            return Decision(route.stable, Reason.UNKNOWN_VERSION)
        if route.unknown_version is UnknownVersion.RETRY:
            return Decision(None, Reason.UNKNOWN_VERSION)
    for rule in route.rules:
        if matches(rule, message):
            version, bucket = chosen(rule.to, message)
            return Decision(version, Reason.RULE, rule.name, bucket)
    if route.split is None:
        return Decision(route.stable, Reason.DEFAULT)
    version, bucket = chosen(route.split, message)
    return Decision(version, Reason.SPLIT, bucket=bucket)


def matches(rule: Rule, message: Message) -> bool:
    """Whether any matcher holds: all of its tests do."""
    return any(all(passes(test, message) for test in each.criteria) for each in rule.matchers)


def passes(test: Criterion, message: Message) -> bool:
    """Whether the condition holds for what the source yields; the opposite where negated."""
    return test.condition.holds(test.source.read(message)) is not test.negated


def chosen(to: Version | Split, message: Message) -> tuple[Version, int | None]:
    """Return the version, and the bucket where a split chose."""
    if not isinstance(to, Split):
        return to, None
    keys = [to.sticky.read(message), to.otherwise.read(message), message.message_id]
    key = next(key for key in keys if key is not None)
    text = to.seed.encode() + b"\0" + key.encode("utf-8", "surrogatepass")
    bucket = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % 10_000
    owners = zip(to.versions, to.edges, strict=True)
    return next(version for version, edge in owners if bucket < edge), bucket
