"""judge(): what an answer means for the message (docs/reference/delivery.md), and the backoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from gateway.core.routing.route import Backoff, FallbackOn

if TYPE_CHECKING:
    from gateway.core.routing.route import Fallback

MAX_VISIBILITY_SECONDS: Final = 12 * 3600
"""SQS counts it from the receive; extending does not reset it.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""

NOT_FOUND: Final = 404
UNAVAILABLE: Final = 503
RETRIED_STATUSES: Final = frozenset({NOT_FOUND, 408, 409, 425, 429})
RETRY_AFTER_STATUSES: Final = frozenset({429, UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Responded:
    """The service answered in full; `retry_after_seconds` is its Retry-After header, if any."""

    status: int
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection could be opened, so nothing was sent."""

    why: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No full answer within the version's timeout; the service may have done the work."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection broke, or the answer was no HTTP; the service may have done the work."""

    why: str


DeliveryResult = Responded | Unreachable | TimedOut | Broken


@dataclass(frozen=True, slots=True)
class Ack:
    """Delete the message."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Give it back, visible after so many whole seconds."""

    after_seconds: int


@dataclass(frozen=True, slots=True)
class Reject:
    """The service will never take it: the dead-letter queue, or the queue's redrive policy."""

    why: str


Disposition = Ack | Retry | Reject


def judge(
    result: DeliveryResult, receive_count: int, backoff: Backoff, fraction: float
) -> Disposition:
    """Return what happens to the message; `fraction` (0..1) is the caller's roll of the dice."""
    match result:
        case Responded() if is_ack(result):
            return Ack()
        case Responded(status, retry_after) if (
            retry_after is not None and status in RETRY_AFTER_STATUSES
        ):
            return Retry(whole_seconds(retry_after))
        case Responded(status) if status not in RETRIED_STATUSES and not is_server_error(status):
            return Reject(f"status {status}")
        case Responded() | Unreachable() | TimedOut() | Broken():
            return Retry(backoff_seconds(receive_count, backoff, fraction))
        case _:
            assert_never(result)


def is_ack(result: DeliveryResult) -> bool:
    """Whether it is a 2xx: most results are, and to judge one takes six times as long."""
    return isinstance(result, Responded) and 200 <= result.status < 300  # noqa: PLR2004


def is_server_error(status: int) -> bool:
    """Whether it is a 5xx."""
    return 500 <= status < 600  # noqa: PLR2004


def shed_seconds(result: DeliveryResult) -> float | None:
    """Return the Retry-After of a service that sheds load (429 or 503); None for all else."""
    if isinstance(result, Responded) and result.status in RETRY_AFTER_STATUSES:
        return result.retry_after_seconds
    return None


def falls_back(result: DeliveryResult, fallback: Fallback) -> bool:
    """Whether a failed delivery to another version is tried on stable within the same receive.

    A 503 with Retry-After is the service's own word on when to come back, so it is not.
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
    """Whether a message was received so often that stable takes it without another try."""
    if fallback is None or fallback.after_receives is None:
        return False
    return receive_count > fallback.after_receives


def backoff_seconds(receive_count: int, backoff: Backoff, fraction: float) -> int:
    """uniform(min, min(max, min x 2^receives)), rounded up to whole seconds."""
    doublings = min(receive_count, 64)  # 2^64 x min is beyond every max
    ceiling = min(backoff.max_seconds, backoff.min_seconds * 2.0**doublings)
    return whole_seconds(backoff.min_seconds + fraction * (ceiling - backoff.min_seconds))


def whole_seconds(seconds: float) -> int:
    """Round up to what SQS counts in, within what SQS allows."""
    if not seconds < MAX_VISIBILITY_SECONDS:  # infinity, and what is no number at all, included
        return MAX_VISIBILITY_SECONDS
    return max(0, -int(-seconds // 1))


def describe(result: DeliveryResult) -> str:
    """Say it in a few words, for `last_error` and logs."""
    match result:
        case Responded(status):
            return f"status {status}"
        case Unreachable(why):
            return f"unreachable: {why}"
        case TimedOut(after_seconds):
            return f"no full answer within {after_seconds:g} s"
        case Broken(why):
            return f"connection error: {why}"
        case _:
            assert_never(result)
