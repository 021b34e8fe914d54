"""A finding is a problem before it is printed: with a path into the file in place of a line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]
"""Keys and positions from the top of the file to a value."""

WHOLE_FILE: Final = "(file)"
_SIMILAR: Final = 0.6
_VERY_SIMILAR: Final = 0.75
_LONGEST_WORD: Final = 60
_MOST_KNOWN: Final = 50
"""The most known words that are compared and listed: comparing is slow, a longer list unread."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
_USER_OF_URL = re.compile(r"(?<=://)[^/?#\s]*@")
_LONGEST_SENTENCE: Final = 4_000
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_REST_OF_URL = re.compile(r"(https?://).+", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at `path`; `line` is None where it follows from the path.

    `absent`: the last step of the path is missing from the file.
    """

    path: Path
    what: str
    hint: str = ""
    line: int | None = None
    absent: bool = False


class InvalidValue(ValueError):  # noqa: N818 - the user's text is wrong, not the program
    """A value that is not valid. `what` continues a sentence that begins with the value's place."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def add_prefix(prefix: Path, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of a part with the part's path before theirs."""
    for finding in findings:
        yield replace(finding, path=(*prefix, *finding.path))


def format_path(path: Path) -> str:
    """Return a path as `routes[0].rules[1].match[0].body["customer.tier"]`.

    A key that is not a header name where one is expected, and what is below it, may be a secret
    in the wrong place, so it is left out.
    """
    place = "".join(map(_step, path[:5])).removeprefix(".") or WHOLE_FILE
    if path[4:5] != ("headers",):
        return place + "".join(map(_step, path[5:]))
    may_be_secret = any(not TOKEN.match(str(name)) for name in path[5:6])
    return place + ("[...]" if may_be_secret else "".join(map(_step, path[5:6])))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.match(step) else f"[{quote(step)}]"


def quote(text: str) -> str:
    """Return a word of the file in quotes, on one line and cut to a length that can be printed.

    Of a URL only the scheme remains: where a word is expected, the rest may be a secret.
    """
    text = _REST_OF_URL.sub(r"\1...", text)
    cut = text if len(text) <= _LONGEST_WORD else text[:_LONGEST_WORD] + "..."
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def to_one_line(sentence: str) -> str:
    """Return a sentence with unprintable characters escaped, for a terminal or a log line."""
    return sentence if sentence.isprintable() else sentence.encode("unicode_escape").decode()


def sanitize(sentence: str) -> str:
    """Return a sentence that can be printed: on one line, cut, without a password in a URL."""
    safe = _USER_OF_URL.sub("...@", sentence)
    cut = safe if len(safe) <= _LONGEST_SENTENCE else safe[:_LONGEST_SENTENCE] + "..."
    return to_one_line(cut)


def as_mapping(value: Any) -> dict[str, Any]:
    """Return the value if it is a mapping, else an empty one: `schema` reports its shape."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def find_similar(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was most likely meant, or None where none is similar."""
    if len(word) > _LONGEST_WORD:  # too long for a typing error
        return None
    near_enough = (name for name in known if len(name) <= 2 * _LONGEST_WORD)
    folded = word.casefold()
    by_fold = {name.casefold(): name for name in islice(near_enough, _MOST_KNOWN)}
    # A typing error seldom hits the first letter; where it does, more of the rest must agree.
    alike = [name for name in by_fold if name[:1] == folded[:1]]
    near = get_close_matches(folded, alike, n=1, cutoff=_SIMILAR)
    near = near or get_close_matches(folded, by_fold, n=1, cutoff=_VERY_SIMILAR)
    return by_fold[near[0]] if near else None


def suggest(word: str, known: Iterable[str], kind: str) -> str:
    """Return a hint: the word that was most likely meant, or else the known words after `kind`."""
    known = list(known)
    if near := find_similar(word, known):
        return f"did you mean {near}?"
    names = [*known[:_MOST_KNOWN], *(["..."] if len(known) > _MOST_KNOWN else [])]
    return f"{kind}: {', '.join(names)}" if known else ""
