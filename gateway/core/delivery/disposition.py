"""judge(): what a delivery result means for the message (docs/reference/delivery.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from gateway.core.delivery.backoff import backoff_seconds, whole_seconds
from gateway.core.routing.route import Backoff, FallbackOn
from gateway.core.sqs_limits import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from gateway.core.routing.route import Fallback

NOT_FOUND: Final = 404
UNAVAILABLE: Final = 503
RETRIED_STATUSES: Final = frozenset({NOT_FOUND, 408, 409, 425, 429})
RETRY_AFTER_STATUSES: Final = frozenset({429, UNAVAILABLE})
THROTTLED_SECONDS: Final = 5.0
"""What a queue that throttles is taken to ask for: its limits are per second."""


@dataclass(frozen=True, slots=True)
class Responded:
    """A complete response; `retry_after_seconds` is its Retry-After header, if it has one."""

    status: int
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A queue confirmed that it has the message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A queue refused the message for what it is; `code` is the error code of the entry."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing was sent: no connection could be opened; or a queue is missing, closed or full."""

    why: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No complete response within the version's timeout; the service may have done the work."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection broke, or the response was not HTTP; the service may have done the work."""

    why: str


@dataclass(frozen=True, slots=True)
class Malformed(Broken):
    """A response came that is not HTTP/1.1, or an ambiguous one."""


@dataclass(frozen=True, slots=True)
class Unconfirmed(Broken):
    """A queue did not confirm the message, which it may have all the same."""


@dataclass(frozen=True, slots=True)
class Throttled(Unconfirmed):
    """A queue takes no more requests at the moment."""


DeliveryResult = Responded | Accepted | Refused | Unreachable | TimedOut | Broken


@dataclass(frozen=True, slots=True)
class Ack:
    """Delete the message."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Release the message: it is visible again after `after_seconds`, whole seconds."""

    after_seconds: int


@dataclass(frozen=True, slots=True)
class Reject:
    """The service will never accept it: for the dead-letter queue, or the redrive policy."""

    why: str


Disposition = Ack | Retry | Reject


def judge(
    result: DeliveryResult,
    receive_count: int,
    backoff: Backoff,
    fraction: float,
    max_delay_seconds: int = MAX_VISIBILITY_SECONDS,
) -> Disposition:
    """Return what happens to the message.

    `fraction`, 0..1, is the random number of the backoff. No retry is later than
    `max_delay_seconds`, a Retry-After included.
    """
    match result:
        case Accepted():
            return Ack()
        case Responded() if is_ack(result):
            return Ack()
        case Responded(status, retry_after) if (
            retry_after is not None and status in RETRY_AFTER_STATUSES
        ):
            return Retry(whole_seconds(retry_after, max_delay_seconds))
        case Responded(status) if status not in RETRIED_STATUSES and not is_server_error(status):
            return Reject(f"status {status}")
        case Refused(code):
            return Reject(code)
        case Responded() | Unreachable() | TimedOut() | Broken():
            return Retry(backoff_seconds(receive_count, backoff, fraction, max_delay_seconds))
        case _:
            assert_never(result)


def is_ack(result: DeliveryResult) -> bool:
    """Whether it is a 2xx or a queue's confirmation.

    Most results are, and this is much cheaper than :func:`judge`.
    """
    if isinstance(result, Responded):
        return 200 <= result.status < 300  # noqa: PLR2004
    return isinstance(result, Accepted)


def is_server_error(status: int) -> bool:
    """Whether it is a 5xx."""
    return 500 <= status < 600  # noqa: PLR2004


def overload_seconds(result: DeliveryResult) -> float | None:
    """Return the Retry-After of a 429 or 503, which an overloaded service sends; else None.

    A queue that throttles is overloaded too, and says nothing of a time.
    """
    if isinstance(result, Responded) and result.status in RETRY_AFTER_STATUSES:
        return result.retry_after_seconds
    return THROTTLED_SECONDS if isinstance(result, Throttled) else None


def falls_back(result: DeliveryResult, fallback: Fallback) -> bool:
    """Whether a failed delivery to another version is tried on stable within the same receive.

    A 503 with Retry-After is not: the service itself says when to try again.
    """
    match result:
        case Unreachable():
            return FallbackOn.UNREACHABLE in fallback.on
        case TimedOut():
            return FallbackOn.TIMEOUT in fallback.on
        case Responded(status) if status == NOT_FOUND:
            return FallbackOn.NOT_FOUND in fallback.on
        case Responded(status, retry_after) if status == UNAVAILABLE:
            return retry_after is None and FallbackOn.UNAVAILABLE in fallback.on
        case Responded(status) if is_server_error(status):
            return FallbackOn.ERROR in fallback.on
        case _:
            return False


def gives_up_on_version(receive_count: int, fallback: Fallback | None) -> bool:
    """Whether a message was received too often for its version and goes to stable at once."""
    if fallback is None or fallback.after_receives is None:
        return False
    return receive_count > fallback.after_receives


def status_of(result: DeliveryResult) -> str:
    """Return the status or error code that a rejected message was given; empty without one."""
    match result:
        case Responded(status):
            return str(status)
        case Refused(code):
            return code
        case _:
            return ""


def describe(result: DeliveryResult) -> str:
    """Return the result in a few words, for `last_error` and logs."""
    match result:
        case Responded(status):
            return f"status {status}"
        case Accepted():
            return "accepted"
        case Refused(code, why):
            return f"refused: {code}: {why}"
        case Unreachable(why):
            return f"unreachable: {why}"
        case TimedOut(after_seconds):
            return f"no complete response within {after_seconds:g} s"
        case Broken(why):
            kind = "not confirmed" if isinstance(result, Unconfirmed) else "connection error"
            return f"{kind}: {why}"
        case _:
            assert_never(result)
