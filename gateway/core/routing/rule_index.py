"""Rules compiled into functions, to find the first one that matches a message.

Attributes are laid out once for each message. Any other source (baggage member, path into the body)
is read when the first rule needs it, and at most once, independent of the number of rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.routing.rules import Exact
from gateway.core.routing.sources import FromAttribute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.messages.message import Message
    from gateway.core.routing.rules import Criterion, Matcher, Rule
    from gateway.core.routing.sources import Source

    Holds = Callable[["Texts"], bool]
    Numbers = dict[Source, int]


class Texts(dict[str | int, str | None]):
    """The texts of one message: of attributes by lower-case name, of other sources by number.

    Use `get` for attributes: None where the message has none. Use `[]` for other sources: it reads
    a source on first use.
    """

    __slots__ = ("_message", "_sources")

    def __init__(self, message: Message, sources: Sequence[Source]) -> None:
        self._message = message
        self._sources = sources
        attributes = message.attributes
        if attributes:
            for folded, name in message.names.first.items():
                self[folded] = attributes[name].text

    def __missing__(self, number: int) -> str | None:
        text = self[number] = self._sources[number].read(self._message)
        return text


class RuleIndex:
    """The rules of one route, compiled in file order."""

    __slots__ = ("_rules", "_sources")

    def __init__(self, rules: Sequence[Rule]) -> None:
        numbers: Numbers = {}
        self._rules = tuple((_rule(rule, numbers), rule) for rule in rules)
        self._sources = tuple(numbers)

    def first_match(self, message: Message) -> Rule | None:
        """Return the first rule that matches, or None."""
        texts = Texts(message, self._sources)
        for matches, rule in self._rules:
            if matches(texts):
                return rule
        return None


def _rule(rule: Rule, numbers: Numbers) -> Holds:
    matchers = [_matcher(matcher, numbers) for matcher in rule.matchers]
    return matchers[0] if len(matchers) == 1 else lambda texts: _any_holds(matchers, texts)


def _matcher(matcher: Matcher, numbers: Numbers) -> Holds:
    criteria = [_criterion(each, numbers) for each in matcher.criteria]
    return criteria[0] if len(criteria) == 1 else lambda texts: _all_hold(criteria, texts)


def _criterion(criterion: Criterion, numbers: Numbers) -> Holds:
    if isinstance(criterion.source, FromAttribute):
        return _attribute_criterion(criterion, criterion.source.folded)
    number = numbers.setdefault(criterion.source, len(numbers))
    holds = criterion.condition.holds
    if criterion.negated:
        return lambda texts: not holds(texts[number])
    return lambda texts: holds(texts[number])


def _attribute_criterion(criterion: Criterion, name: str) -> Holds:
    """Return the criterion as a function; an exact one, the usual case, needs no further call."""
    if isinstance(criterion.condition, Exact):
        wanted = criterion.condition.text
        if criterion.negated:
            return lambda texts: texts.get(name) != wanted
        return lambda texts: texts.get(name) == wanted
    holds = criterion.condition.holds
    if criterion.negated:
        return lambda texts: not holds(texts.get(name))
    return lambda texts: holds(texts.get(name))


# Loops, since `all` and `any` would make a generator for every rule.


def _all_hold(criteria: Sequence[Holds], texts: Texts) -> bool:
    for holds in criteria:  # noqa: SIM110 - see above
        if not holds(texts):
            return False
    return True


def _any_holds(matchers: Sequence[Holds], texts: Texts) -> bool:
    for holds in matchers:  # noqa: SIM110 - see above
        if holds(texts):
            return True
    return False
