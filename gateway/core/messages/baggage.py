"""W3C baggage: read members, and add one.

Source: https://www.w3.org/TR/baggage/ (sections 3.2 and 3.3)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARACTERS: Final = 8_192
"""The length that section 3.3.2 requires to be propagated; a longer value is not read."""

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def members(carrier: str) -> Mapping[str, str]:
    """Return decoded values by lower-case name, without properties; the first of a name counts.

    A value longer than :data:`MAX_CHARACTERS` has no members.
    """
    found: dict[str, str] = {}
    if len(carrier) > MAX_CHARACTERS:
        return found
    for member in carrier.split(","):
        name, equals, value = member.partition(";")[0].partition("=")
        if equals and name.strip():
            found.setdefault(name.strip().lower(), _decoded(value.strip()))
    return found


def with_member(carrier: str, name: str, value: str) -> str:
    """Return the baggage with `name=value` at its end, and other members of that name removed."""
    kept = [
        member.strip()
        for member in carrier.split(",")
        if member.strip() and _name(member) != name.lower()
    ]
    return ",".join([*kept, f"{name}={value}"])


def _name(member: str) -> str:
    return member.partition(";")[0].partition("=")[0].strip().lower()


def _decoded(value: str) -> str:
    if "%" not in value:
        return value
    raw = _ESCAPE.sub(lambda hit: bytes([int(hit[1], 16)]), value.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace")
