"""Conditions, matchers and rules.

:mod:`gateway.core.routing.rule_index` finds the rule of a message.

The four conditions are Istio's StringMatch plus presence.
Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#StringMatch
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from gateway.core.routing.sources import Source
    from gateway.core.routing.split import Split
    from gateway.core.routing.version import Version

_QUIET = re2.Options()
_QUIET.log_errors = False


@dataclass(frozen=True, slots=True)
class Exact:
    """The whole value is this text."""

    text: str

    def holds(self, value: str | None) -> bool:
        """Whether the value is there and equal."""
        return value == self.text


@dataclass(frozen=True, slots=True)
class Prefix:
    """The value begins with this text."""

    text: str

    def holds(self, value: str | None) -> bool:
        """Whether the value is there and begins so."""
        return value is not None and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole value matches. RE2 syntax: linear time, whatever a message brings."""

    pattern: str
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile; raises ValueError where `pattern` is not RE2."""
        try:
            object.__setattr__(self, "_compiled", re2.compile(self.pattern, _QUIET))
        except re2.error as error:
            raise ValueError(_words(error)) from error

    def holds(self, value: str | None) -> bool:
        """Whether the value is there and matches from end to end."""
        if value is None:
            return False
        try:
            return self._compiled.fullmatch(value) is not None
        except UnicodeEncodeError:  # a lone surrogate is no text that RE2 could read
            return False


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value, whatever it is."""

    def holds(self, value: str | None) -> bool:
        """Whether there is a value."""
        return value is not None


Condition = Exact | Prefix | Regex | Present


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on one value; `negated` is `without_attributes`: holds unless it does."""

    source: Source
    condition: Condition
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Matcher:
    """All of its tests hold."""

    tests: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Any of its matchers holds: the message goes `to` a version or a split of its own."""

    name: str
    matchers: tuple[Matcher, ...]
    to: Version | Split


def _words(error: Exception) -> str:
    """RE2 hands its message over as bytes."""
    reason = error.args[0] if error.args else error
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
