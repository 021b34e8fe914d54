"""Errors of YAML syntax, in the terms of the file.

The parser's own messages are not printed: they name tokens and block ends, differ between PyYAML
and libyaml, and may quote the file, which may hold a secret.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.config.problems.findings import Finding

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class YamlSyntaxError(Exception):
    """The file cannot be read further. `findings` has this error last, after earlier findings."""

    def __init__(self, line: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.findings = [Finding((), what, hint, line)]


class _Explanation(NamedTuple):
    """What to print for a message of the parser; some errors are found where a value begins."""

    pattern: str
    what: str
    hint: str = ""
    at_its_beginning: bool = False


_NO_FIT = "does not fit to the lines above"
_TAB: Final = ("a tab cannot indent a line", "use spaces")
_EXPLANATIONS: Final = (
    _Explanation("tab character", *_TAB),
    _Explanation(
        "mapping values are not allowed",
        "a `key: value` cannot stand here",
        "check the indentation, and put quotes round a text that holds `: `",
    ),
    _Explanation(
        "unexpected end of stream",
        "the quote that opens here is never closed",
        at_its_beginning=True,
    ),
    _Explanation(
        r"escape (?:character|sequence)|hexdecimal|hexadecimal",
        "a text in double quotes has an escape that YAML does not know",
        r"in single quotes \ stands for itself",
    ),
    _Explanation(r"expected ',' or '[]}]'", "a comma or a closing bracket is missing before this"),
    _Explanation(
        "expected ':'",
        "is no `key: value`",
        "a colon and a space are missing",
        at_its_beginning=True,
    ),
    _Explanation(
        "sequence entries are not allowed",
        "a list item (`- `) cannot stand here",
        "begin it on a line of its own",
    ),
    _Explanation(
        "expected key|'-' indicator|<block end>|<document start>",
        _NO_FIT,
        "check indentation, quotes and brackets",
    ),
)


def decode(content: bytes) -> str:
    """Return the text of a file; raises YamlSyntaxError where it is not UTF-8 text."""
    if content.startswith(codecs.BOM_UTF8):
        raise YamlSyntaxError(1, "begins with a byte order mark", "save it as UTF-8 without BOM")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise YamlSyntaxError(1, "is UTF-16 text", "save it as UTF-8")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlSyntaxError(line, "is not UTF-8 text from here on", "save it as UTF-8") from None
    if bad := _CONTROL.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise YamlSyntaxError(line, f"has the control character U+{ord(bad[0]):04X}", "remove it")
    return text


def explain(error: MarkedYAMLError, text: str) -> YamlSyntaxError:
    """Return the parser's error in the terms of the file."""
    lines = text.splitlines() or [""]
    mark, began = error.problem_mark, error.context_mark
    at = mark.line if mark else 0
    opened = began.line if began else at
    problem = error.problem or ""
    if "cannot start any token" in problem:
        return _bad_start(lines, at, mark.column if mark else 0)
    if at >= len(lines) - 1 and re.search(r"expected ',' or '[]}]'|node content", problem):
        return YamlSyntaxError(opened + 1, "the bracket that opens here is never closed")
    for each in _EXPLANATIONS:
        if re.search(each.pattern, problem):
            line = opened if each.at_its_beginning else at
            return YamlSyntaxError(line + 1, each.what, each.hint)
    return YamlSyntaxError(at + 1, "is not YAML from here on")


def _bad_start(lines: list[str], at: int, column: int) -> YamlSyntaxError:
    at = min(at, len(lines) - 1)
    character = lines[at][column : column + 1]
    if character == "\t":
        return YamlSyntaxError(at + 1, *_TAB)
    return YamlSyntaxError(at + 1, f"a text cannot begin with {character}", "put quotes round it")
