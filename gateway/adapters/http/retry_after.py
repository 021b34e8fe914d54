"""The Retry-After header. Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?\Z")
_LONGEST_SECONDS: Final = 1e9  # more than any limit on backoff, and finite


def retry_after_seconds(value: bytes, now: float) -> float | None:
    """Return how long to wait from `now` (seconds since the epoch), or None for no such value.

    The header is a number of seconds (decimals are accepted) or an HTTP-date; a past one is 0.
    """
    text = value.decode("latin-1").strip()
    if _SECONDS.match(text):
        return min(float(text), _LONGEST_SECONDS)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # the last three are its defects
        return None
    if date.tzinfo is None:  # asctime's form, which RFC 9110 5.6.7 reads as UTC
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now)
