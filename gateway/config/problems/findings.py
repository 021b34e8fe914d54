"""A finding is a problem on its way: it has a path into the file, but no line or wording yet."""

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
"""Keys and positions that lead from the top of the file to a value."""

WHOLE_FILE: Final = "(file)"
_SIMILAR: Final = 0.6
_VERY_SIMILAR: Final = 0.75
_LONGEST_SHOWN: Final = 60
_MOST_KNOWN: Final = 50
"""So many known words are looked through and listed: comparing is dear, and nobody reads more."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
_USER_OF_URL = re.compile(r"(?<=://)[^/?#\s]*@")
_LONGEST_SENTENCE: Final = 4_000
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_REST_OF_URL = re.compile(r"(https?://).+", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at `path`; `line` is None where the path itself leads to the line.

    `absent` says that the last step is what the file lacks.
    """

    path: Path
    what: str
    hint: str = ""
    line: int | None = None
    absent: bool = False


class InvalidValue(ValueError):  # noqa: N818 - a judgement on somebody's text, not a defect
    """A value that does not do. `what` follows the value's place in a sentence."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def within(prefix: Path, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of a part as findings of the whole."""
    for finding in findings:
        yield replace(finding, path=(*prefix, *finding.path))


def place_of(path: Path) -> str:
    """Write a path as `routes[0].rules[1].match[0].body["customer.tier"]`.

    What stands where a header's name should, or below one, may be a secret that slipped.
    """
    shown = "".join(map(_step, path[:5])).removeprefix(".") or WHOLE_FILE
    if path[4:5] != ("headers",):
        return shown + "".join(map(_step, path[5:]))
    slipped = any(not TOKEN.match(str(name)) for name in path[5:6])
    return shown + ("[...]" if slipped else "".join(map(_step, path[5:6])))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.match(step) else f"[{quoted(step)}]"


def quoted(text: str) -> str:
    """Show a word of the file on one line, not longer than a line can bear.

    Of a URL, which has no business where a word is shown, only that it is one: it may be secret.
    """
    text = _REST_OF_URL.sub(r"\1...", text)
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def on_one_line(sentence: str) -> str:
    """Return a sentence that a terminal and a log line bear, whatever names it mentions."""
    return sentence if sentence.isprintable() else sentence.encode("unicode_escape").decode()


def sayable(sentence: str) -> str:
    """Return a sentence that can be told: on one line, not too long, with no password in a URL."""
    shown = _USER_OF_URL.sub("...@", sentence)
    cut = shown if len(shown) <= _LONGEST_SENTENCE else shown[:_LONGEST_SENTENCE] + "..."
    return on_one_line(cut)


def mapping(value: Any) -> dict[str, Any]:
    """Return the value if it is a mapping, else an empty one: its shape is judged elsewhere."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def similar(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was most likely meant, if any is near enough."""
    if len(word) > _LONGEST_SHOWN:  # no slip of a finger
        return None
    near_enough = (name for name in known if len(name) <= 2 * _LONGEST_SHOWN)
    folded = word.casefold()
    by_fold = {name.casefold(): name for name in islice(near_enough, _MOST_KNOWN)}
    # A slip seldom hits the first letter, so without it more of the rest has to agree.
    alike = [name for name in by_fold if name[:1] == folded[:1]]
    near = get_close_matches(folded, alike, n=1, cutoff=_SIMILAR)
    near = near or get_close_matches(folded, by_fold, n=1, cutoff=_VERY_SIMILAR)
    return by_fold[near[0]] if near else None


def meant(word: str, known: Iterable[str], kind: str) -> str:
    """Return a hint: the word that was most likely meant, else all there are."""
    known = list(known)
    if near := similar(word, known):
        return f"did you mean {near}?"
    listed = [*known[:_MOST_KNOWN], *(["..."] if len(known) > _MOST_KNOWN else [])]
    return f"{kind}: {', '.join(listed)}" if known else ""
