"""How long a retried message stays invisible, in the whole seconds that SQS counts in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.sqs_limits import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from gateway.core.routing.route import Backoff

_MAX_EXPONENT: Final = 64  # 2^64 times any minimum is above every maximum


def backoff_seconds(
    receive_count: int,
    backoff: Backoff,
    fraction: float,
    max_delay_seconds: int = MAX_VISIBILITY_SECONDS,
) -> int:
    """Return uniform(min, min(max, min x 2^receives)), rounded up to whole seconds.

    `fraction`, 0..1, is the random number; the result is at most `max_delay_seconds`.
    """
    exponent = min(receive_count, _MAX_EXPONENT)
    ceiling = min(backoff.max_seconds, backoff.min_seconds * 2.0**exponent)
    delay_seconds = backoff.min_seconds + fraction * (ceiling - backoff.min_seconds)
    return whole_seconds(delay_seconds, max_delay_seconds)


def whole_seconds(seconds: float, max_delay_seconds: int = MAX_VISIBILITY_SECONDS) -> int:
    """Round up to whole seconds, 0 to `max_delay_seconds`; infinity and NaN give the maximum."""
    if not seconds < max_delay_seconds:  # true for NaN as well
        return max_delay_seconds
    return max(0, -int(-seconds // 1))
