"""A route compiled for decisions: what is the same for all messages is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from gateway.core.messages.envelopes import unwrapped
from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.route import UnknownVersion, Unwrap
from gateway.core.routing.rule_index import RuleIndex
from gateway.core.routing.sources import FromBodyVersion, FromSession
from gateway.core.routing.split import Split

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route
    from gateway.core.routing.rules import Rule
    from gateway.core.routing.sources import VersionSource

_IN_NO_SESSION: Final = "\n"
_new_tuple = tuple.__new__  # of a named tuple: faster than a call of its class


class Decider:
    """Decides for the messages of one route, in the order of docs/reference/decisions.md.

    It reads a body as it is; :func:`decider_of` returns the one that a route asks for. Make one for
    each generation of a route: compiling costs as much as many decisions.
    """

    __slots__ = (
        "_counted",
        "_default",
        "_followed",
        "_mark",
        "_pinned",
        "_rolled_back",
        "_rules",
        "_split",
        "_then_sources",
        "_unknown",
        "_version_sources",
    )

    def __init__(self, route: Route, *, counted: bool = False) -> None:
        self._counted = counted
        # What a session names comes last in most files, and most sessions name no version.
        self._version_sources, self._then_sources = _at_first_session(route.version_from)
        self._mark = _mark(route.version_from, self._then_sources)
        self._pinned: dict[str, Decision] = {}
        for version in route.versions:
            for text in (version.tag, version.name):
                waits = route.strict_about(version)
                decision = Decision(None if waits else version, Reason.PINNED)
                self._pinned.setdefault(text, decision)
        self._unknown = _on_unknown_version(route)
        self._rules = RuleIndex(route.rules) if route.rules else None
        self._followed = route.followed
        self._split = None if route.followed is not None else route.split
        self._default = Decision(route.stable, Reason.DEFAULT)
        self._rolled_back = route.rolled_back

    def decide(self, message: Message) -> Decision:
        """Return the decision; the same message and route always give the same one.

        The message then drops what was derived from it, since it may be in flight for long.
        """
        decision = None
        if message.attributes or self._mark in (message.sender_id or ""):
            decision = self._by_name(message)
        if decision is None and self._rules is not None:
            rule = self._rules.first_match(message)
            decision = None if rule is None else _by_rule(rule, message)
        if decision is None:
            split = self._split
            if split is None:
                followed = self._followed
                if followed is None:
                    decision = self._default
                else:
                    decision = followed.decide_for(message, counted=self._counted)
                    if self._rolled_back:
                        decision = self._taken_back(decision)
            else:
                bucket = split.bucket(message)
                fields = (split.pick(bucket), Reason.SPLIT, None, bucket)
                decision = _new_tuple(Decision, fields)
        message.forget()
        return decision

    def _taken_back(self, decision: Decision) -> Decision:
        """Give stable what the followed object's split gives to a canary that is rolled back."""
        chosen = decision.version
        if chosen is None or chosen.name != self._rolled_back or decision.reason is Reason.RULE:
            return decision
        return decision._replace(version=self._default.version)

    def _by_name(self, message: Message) -> Decision | None:
        """Decide by the first source of `version_from` that is present."""
        for source in self._version_sources:
            text = source.read(message)
            if text is not None:
                return self._pinned.get(text, self._unknown)
        if self._mark in (message.sender_id or ""):
            for source in self._then_sources:
                text = source.read(message)
                if text is not None:
                    return self._pinned.get(text, self._unknown)
        return None


class UnwrappingDecider(Decider):
    """Decides on what was published where the body of a message is a notification of SNS."""

    __slots__ = ()

    def decide(self, message: Message) -> Decision:
        """Return the decision; both messages drop what was derived from them."""
        decision = super().decide(unwrapped(message))
        message.forget()
        return decision


def decider_of(route: Route, *, counted: bool = False) -> Decider:
    """Return what decides for the messages of a route.

    `counted`: each decision is for a message that is brought to its version.
    """
    make = Decider if route.unwrap is Unwrap.NONE else UnwrappingDecider
    return make(route, counted=counted)


def decide(message: Message, route: Route) -> Decision:
    """Return the decision on one message; for more than one, call :func:`decider_of` once."""
    return decider_of(route).decide(message)


def _at_first_session(
    sources: tuple[VersionSource, ...],
) -> tuple[tuple[VersionSource, ...], tuple[VersionSource, ...]]:
    """Return the sources before the first one that reads a session, and the others."""
    kinds = [type(each) for each in sources]
    at = kinds.index(FromSession) if FromSession in kinds else len(kinds)
    return sources[:at], sources[at:]


def _mark(all_sources: tuple[VersionSource, ...], then_sources: tuple[VersionSource, ...]) -> str:
    """Return a text without which a SenderId, of a message without attributes, names no version.

    Empty where each message has to be asked. A SenderId that has the text may name none either.
    """
    if any(isinstance(each, FromBodyVersion) for each in all_sources):
        return ""
    if not then_sources:
        return _IN_NO_SESSION
    first = then_sources[0]
    return f"{first.name}=" if len(then_sources) == 1 and isinstance(first, FromSession) else ""


def _on_unknown_version(route: Route) -> Decision | None:
    """Return the decision on a message that names a version which the route does not have.

    None: it is decided as if it named none.
    """
    match route.unknown_version:
        case UnknownVersion.STABLE:
            return Decision(route.stable, Reason.UNKNOWN_VERSION)
        case UnknownVersion.RETRY:
            return Decision(None, Reason.UNKNOWN_VERSION)
        case UnknownVersion.SPLIT:
            return None
        case _:
            assert_never(route.unknown_version)


def _by_rule(rule: Rule, message: Message) -> Decision:
    if not isinstance(rule.to, Split):
        return Decision(rule.to, Reason.RULE, rule.name)
    bucket = rule.to.bucket(message)
    return Decision(rule.to.pick(bucket), Reason.RULE, rule.name, bucket)
