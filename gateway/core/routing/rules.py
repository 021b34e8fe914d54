"""Conditions, matchers and rules.

:mod:`gateway.core.routing.rule_index` finds the rule of a message.

The four conditions are those of Istio's StringMatch, and presence.
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

_RE2_OPTIONS = re2.Options()
_RE2_OPTIONS.log_errors = False
_RE2_OPTIONS.never_capture = True  # to find groups costs RE2 many times what the match costs


@dataclass(frozen=True, slots=True)
class Exact:
    """The whole value is this text."""

    text: str

    def holds(self, value: str | None) -> bool:
        """Whether there is a value and it is equal."""
        return value == self.text


@dataclass(frozen=True, slots=True)
class Prefix:
    """The value begins with this text."""

    text: str

    def holds(self, value: str | None) -> bool:
        """Whether there is a value and it begins so."""
        return value is not None and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole value matches an RE2 pattern, in time linear in the length of the value."""

    pattern: str
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the pattern; raises ValueError where it is not RE2."""
        try:
            object.__setattr__(self, "_compiled", re2.compile(self.pattern, _RE2_OPTIONS))
        except re2.error as error:
            raise ValueError(_reason(error)) from error

    def holds(self, value: str | None) -> bool:
        """Whether there is a value and all of it matches."""
        if value is None:
            return False
        try:
            return self._compiled.fullmatch(value) is not None
        except UnicodeEncodeError:  # a lone surrogate cannot be encoded for RE2
            return False


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value; any value will do."""

    def holds(self, value: str | None) -> bool:
        """Whether there is a value."""
        return value is not None


Condition = Exact | Prefix | Regex | Present


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on one value; `negated` (`without_attributes`) holds where it does not."""

    source: Source
    condition: Condition
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matches a message for which all of its criteria hold."""

    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Sends messages that any of its matchers matches `to` a version, or by a split of its own."""

    name: str
    matchers: tuple[Matcher, ...]
    to: Version | Split


def _reason(error: Exception) -> str:
    """Return RE2's error message, which may be bytes."""
    reason = error.args[0] if error.args else error
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
