"""Durations: `500ms`, `20s`, `5m`, `1h`, or a number of seconds."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from gateway.config.problems.findings import InvalidValue

PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"
FORMS: Final = "500ms, 20s, 5m, 1h or a number of seconds"

_WRITTEN = re.compile(r"(?P<number>[0-9]{1,15}(?:\.[0-9]{1,15})?)(?P<unit>ms|s|m|h)\Z")
_BARE_NUMBER = re.compile(r"[0-9.]+\Z")
_SECONDS: Final = {"ms": (1, 1000), "s": (1, 1), "m": (60, 1), "h": (3600, 1)}


def seconds(value: Any) -> float:
    """Return a duration in seconds; raises InvalidValue for a value that is not a duration."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidValue("is not a duration", FORMS)
    if isinstance(value, str):
        return _parse(value)
    if not math.isfinite(value):
        raise InvalidValue("is not a finite duration", FORMS)
    return float(value)


def format_seconds(duration_seconds: float) -> str:
    """Return a duration in its largest whole unit: 43200 seconds are `12h`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if duration_seconds and duration_seconds % size == 0:
            return f"{duration_seconds // size:g}{unit}"
    return f"{duration_seconds:g}s"


def _parse(text: str) -> float:
    written = _WRITTEN.match(text)
    if written is None:
        bare = _BARE_NUMBER.match(text)
        raise InvalidValue("is not a duration", "add a unit, as in 30s" if bare else FORMS)
    times, over = _SECONDS[written["unit"]]
    return float(written["number"]) * times / over
