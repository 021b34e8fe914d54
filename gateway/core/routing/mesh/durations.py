"""Durations as objects of Kubernetes write them."""

from __future__ import annotations

import re
from typing import Final

MILLISECOND: Final = 1_000_000
SECOND: Final = 1000 * MILLISECOND
_UNITS: Final = {
    "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": MILLISECOND, "s": SECOND,
    "m": 60 * SECOND, "h": 3600 * SECOND,
}  # fmt: skip
_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([a-zµμ]+)")
_OF_GATEWAY_API: Final = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}\Z", re.ASCII)
_MOST: Final = 2**63 - 1
_MOST_CHARACTERS: Final = 100


def nanoseconds(text: str) -> int | None:
    """Return a duration of Go, such as `1m30s` or `0.5s`; None where it is none.

    Source: https://pkg.go.dev/time#ParseDuration
    """
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    if unsigned == "0":
        return 0
    at, found = 0, 0
    while at < len(unsigned) <= _MOST_CHARACTERS:
        part = _PART.match(unsigned, at)
        if part is None or part[2] not in _UNITS:
            return None
        whole, _, parts = part[1].partition(".")
        found += int(f"{whole}{parts}") * _UNITS[part[2]] // 10 ** len(parts)
        at = part.end()
    if not at or found > _MOST:
        return None
    return -found if text.startswith("-") else found


def api_nanoseconds(text: str) -> int | None:
    """Return a duration of the Gateway API, whole numbers up to 99999; None where it is none.

    Source: https://gateway-api.sigs.k8s.io/geps/gep-2257/
    """
    return nanoseconds(text) if _OF_GATEWAY_API.match(text) else None
