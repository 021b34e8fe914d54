"""Why no connection to a service was opened, in a few words."""

from __future__ import annotations

import os
import ssl

from gateway.adapters.http1.connector import ConnectDeadlineError
from gateway.core.delivery.disposition import Broken, Unreachable


def unreachable(place: str, error: BaseException, timeout_seconds: float) -> Unreachable:
    """Return the result for a connection that was not opened; `place` is `host:port`."""
    if isinstance(error, ConnectDeadlineError):
        return Unreachable(f"no connection to {place} within {timeout_seconds:g} s")
    return Unreachable(f"no connection to {place}: {reason(error)}")


def unreachable_again(result: Unreachable) -> Broken:
    """Return the result where a first try had sent something, so `Unreachable` is not true."""
    return Broken(f"kept connection closed without a response, then {result.why}")


def reason(error: BaseException) -> str:
    """Return the reason that an error gives, without what asyncio adds to it."""
    number = error.errno if isinstance(error, OSError) else None
    if number and number > 0 and not isinstance(error, ssl.SSLError):  # which numbers its own
        return os.strerror(number)  # asyncio would only say that it failed, and the address again
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
