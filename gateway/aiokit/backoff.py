"""How long to wait before a call that failed is made again."""

from __future__ import annotations


def exponential_backoff(first_seconds: float, last_seconds: float, failures: int) -> float:
    """Return `first_seconds` after one failure, twice that after two, at most `last_seconds`."""
    return min(last_seconds, first_seconds * 2.0 ** min(failures - 1, 16))
