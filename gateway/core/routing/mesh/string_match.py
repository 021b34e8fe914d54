"""Reads StringMatch and its regexes, which are bounded before any message is matched.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#StringMatch
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import re2

from gateway.core.routing.mesh.reader import Unsupported
from gateway.core.routing.rules import Exact, Prefix, Present

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader

MOST_REGEX_BYTES: Final = 1024
"""Of one regex, as Istio's validation has it."""

MOST_INSTRUCTIONS: Final = 50_000
"""Of the RE2 programs of one object, both directions."""

MOST_REGEX_MEMORY: Final = 1 << 18
"""Of one regex, what it remembers of the values that it has seen included."""

TOO_LARGE_INSTRUCTIONS: Final = MOST_INSTRUCTIONS // 10
"""What a regex that is too large to compile counts as: its compilation took time too."""

MOST_REGEXES: Final = 200
"""Of one object, equal ones too: a message may have to be matched against each of them."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = MOST_REGEX_MEMORY
_OPTIONS.never_capture = True  # to find groups costs RE2 many times what the match costs
_OPTIONS.encoding = re2.Options.Encoding.LATIN1
_TOO_LARGE: Final = "too large"
_TOO_LARGE_TOGETHER: Final = "the regexes of the object are too large together"
_TOO_LONG: Final = f"is longer than {MOST_REGEX_BYTES} bytes: shorten it"
_KINDS: Final = ("exact", "prefix", "regex")


@dataclass(frozen=True, slots=True)
class BoundedRegex:
    """The whole value matches an RE2 pattern; as `Regex` of the rules, with less memory.

    As in Envoy it is the bytes of pattern and value that are matched: `.` is half an `é`. Raises
    ValueError where the pattern is not RE2, Unsupported where its program is too large.
    """

    pattern: str
    instructions: int = field(init=False, repr=False, compare=False)
    """Of both directions."""
    steps: int = field(init=False, repr=False, compare=False)
    """The most that RE2 does for one byte of a value."""
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the pattern."""
        try:
            compiled = re2.compile(self.pattern.encode(), _OPTIONS)
        except re2.error as error:
            reason = _reason(error)
            if _TOO_LARGE in reason:
                raise Unsupported("a regex is too large to compile") from error
            raise ValueError(reason) from error
        object.__setattr__(self, "_compiled", compiled)
        size = compiled.programsize + compiled.reverseprogramsize
        object.__setattr__(self, "instructions", size)
        object.__setattr__(self, "steps", compiled.programsize)

    def holds(self, value: str | None) -> bool:
        """Whether there is a value and all of it matches."""
        if value is None:
            return False
        try:
            return self._compiled.fullmatch(value.encode()) is not None
        except UnicodeEncodeError:  # a lone surrogate cannot be encoded
            return False


Condition = Exact | Prefix | BoundedRegex | Present


class Conditions:
    """Makes conditions for one object and adds up the size of its regexes."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._regexes: dict[str, BoundedRegex] = {}
        self._left = MOST_INSTRUCTIONS
        self._uses_left = MOST_REGEXES

    def string_match(
        self, raw: Any, place: str, *, presence: bool = False, empty_prefix: bool = False
    ) -> Condition | None:
        """Return a StringMatch; None where it asks for nothing, or is invalid.

        `presence`: no condition and the regex `*` mean that there is a value. Raises Unsupported.
        """
        reader = self._reader
        given = {
            key: value for key, value in reader.mapping(raw, place).items() if value is not None
        }
        if unknown := given.keys() - set(_KINDS):
            raise Unsupported(f"{place} has {', '.join(sorted(unknown))}")
        if len(given) > 1:
            reader.invalid(place, "has more than one of exact, prefix and regex: keep one")
            return None
        if not given or (presence and given.get("regex") == "*"):
            return Present() if presence else None
        kind, value = next(iter(given.items()))
        text = reader.text(value, f"{place}.{kind}")
        if not text and (kind == "regex" or (kind == "prefix" and not empty_prefix)):
            reader.invalid(f"{place}.{kind}", "must not be empty")
            return None
        if kind == "regex":
            return self.regex(text, f"{place}.regex")
        return Exact(text) if kind == "exact" else Prefix(text)

    def regex(self, pattern: str, place: str) -> Condition | None:
        """Return a regex, one for equal patterns; None where it is invalid. Raises Unsupported."""
        if len(pattern.encode()) > MOST_REGEX_BYTES:
            self._reader.invalid(place, _TOO_LONG)
            return None
        self._uses_left -= 1
        if self._uses_left < 0:
            raise Unsupported(f"the object has more than {MOST_REGEXES} regexes")
        known = self._regexes.get(pattern)
        if known is not None:
            return known
        made = self._made(pattern, place)
        if made is not None:
            self._regexes[pattern] = made
        return made

    def _made(self, pattern: str, place: str) -> BoundedRegex | None:
        if self._left < 0:  # nothing is compiled any more
            raise Unsupported(_TOO_LARGE_TOGETHER)
        try:
            made = BoundedRegex(pattern)
        except ValueError as error:
            self._reader.invalid(place, f"is not RE2: {error}: correct it")
            return None
        except Unsupported:
            self._left -= TOO_LARGE_INSTRUCTIONS
            raise
        self._left -= made.instructions
        if self._left < 0:
            raise Unsupported(_TOO_LARGE_TOGETHER)
        return made


class Patterns:
    """Checks the regexes of one object that nothing here matches by, as many as it may match by."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}
        self._left = MOST_INSTRUCTIONS
        self._uses_left = MOST_REGEXES

    def problem(self, pattern: str) -> str:
        """Return why a regex is invalid; empty where it is valid, or there were too many before."""
        if not pattern or len(pattern.encode()) > MOST_REGEX_BYTES:
            return _TOO_LONG if pattern else "must not be empty"
        if pattern not in self._problems:
            if self._left < 0 or not self._uses_left:
                return ""
            self._uses_left -= 1
            self._problems[pattern] = self._compiled(pattern)
        return self._problems[pattern]

    def _compiled(self, pattern: str) -> str:
        try:
            self._left -= BoundedRegex(pattern).instructions
        except ValueError as error:
            return f"is not RE2: {error}: correct it"
        except Unsupported:  # it is valid, and nothing here matches by it
            self._left -= TOO_LARGE_INSTRUCTIONS
        return ""


def _reason(error: Exception) -> str:
    """Return RE2's error message, which may be bytes."""
    reason = error.args[0] if error.args else error
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
