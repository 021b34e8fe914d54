"""The values of plain scalars, by the core schema of YAML 1.2 and not of YAML 1.1.

So `on`, `off`, `yes` and `no` are texts, `010` is ten, `1:30` and `2024-01-01` are texts.
Source: https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from typing import Final

Scalar = str | int | float | bool | None

MAX_DIGITS: Final = 200
"""A longer whole number stays text: no key takes such a number, and no float can hold it."""

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(rf"[-+]?[0-9]{{1,{MAX_DIGITS}}}\Z")
_OCTAL = re.compile(rf"0o[0-7]{{1,{MAX_DIGITS}}}\Z")
_HEXADECIMAL = re.compile(rf"0x[0-9a-fA-F]{{1,{MAX_DIGITS}}}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z")
_NAN = re.compile(r"\.(?:nan|NaN|NAN)\Z")


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    for form, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if form.match(text):
            return int(text, base)
    if _FLOAT.match(text) and not _digits_only(text):
        return float(text)
    if _INFINITE.match(text) or _NAN.match(text):
        return float(text.replace(".", ""))
    return text


def _digits_only(text: str) -> bool:
    return text.lstrip("+-").isdecimal()
