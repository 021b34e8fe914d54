"""judge() and fallback (docs/reference/delivery.md)."""

from __future__ import annotations

import pytest

from gateway.core.delivery.disposition import (
    Accepted,
    Ack,
    Broken,
    DeliveryResult,
    Disposition,
    Refused,
    Reject,
    Responded,
    Retry,
    Throttled,
    TimedOut,
    Unreachable,
    describe,
    falls_back,
    gives_up_on_version,
    is_ack,
    judge,
    overload_seconds,
    status_of,
)
from gateway.core.routing.route import Backoff, Fallback, FallbackOn

TWELVE_HOURS = 12 * 60 * 60
FAILURES = [Unreachable("refused"), TimedOut(30.0), Broken("reset")]


def judged(result: DeliveryResult, receive_count: int = 1) -> Disposition:
    return judge(result, receive_count, Backoff(min_seconds=2, max_seconds=300), 1.0)


def said_by_the_contract(status: int) -> Disposition:
    if status // 100 == 2:
        return Ack()
    if status // 100 == 5 or status in (404, 408, 409, 425, 429):
        return Retry(4)
    return Reject(f"status {status}")


def test_every_status_means_what_the_contract_says() -> None:
    """All that fits into three digits, since a service may send more than there are."""
    for status in range(100, 1_000):
        assert judged(Responded(status)) == said_by_the_contract(status)


def test_retry_after_counts_for_429_and_503_alone() -> None:
    for status in range(100, 1_000):
        expected = Retry(77) if status in (429, 503) else said_by_the_contract(status)
        assert judged(Responded(status, retry_after_seconds=77)) == expected


def test_no_retry_is_later_than_the_source_can_hold_a_message() -> None:
    backoff = Backoff(min_seconds=2, max_seconds=300)
    assert judge(Responded(503, 1_000), 1, backoff, 1.0, max_delay_seconds=900) == Retry(900)
    assert judge(Responded(500), 8, backoff, 1.0, max_delay_seconds=60) == Retry(60)


@pytest.mark.parametrize("result", FAILURES)
def test_what_is_no_response_is_retried(result: DeliveryResult) -> None:
    assert judged(result) == Retry(4)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(0, 0), (0.2, 1), (1.0, 1), (1.2, 2), (-5, 0), (43_200, TWELVE_HOURS), (10**9, TWELVE_HOURS)],
)
def test_retry_after_is_rounded_up_and_kept_within_what_sqs_allows(
    retry_after: float, seconds: int
) -> None:
    assert judged(Responded(503, retry_after)) == Retry(seconds)


def on(*classes: FallbackOn) -> Fallback:
    return Fallback(frozenset(classes))


CLASSES: list[tuple[FallbackOn, list[DeliveryResult]]] = [
    (FallbackOn.UNREACHABLE, [Unreachable("refused")]),
    (FallbackOn.NOT_FOUND, [Responded(404), Responded(404, 5.0)]),
    (FallbackOn.UNAVAILABLE, [Responded(503)]),
    (FallbackOn.ERROR, [Responded(status) for status in range(500, 600) if status != 503]),
    (FallbackOn.TIMEOUT, [TimedOut(30.0)]),
]


@pytest.mark.parametrize(("wanted", "results"), CLASSES)
def test_a_failure_falls_back_on_its_own_class_alone(
    wanted: FallbackOn, results: list[DeliveryResult]
) -> None:
    others = on(*(set(FallbackOn) - {wanted}))
    assert [result for result in results if not falls_back(result, on(wanted))] == []
    assert [result for result in results if falls_back(result, others)] == []


@pytest.mark.parametrize(
    "result",
    [
        *(Responded(status) for status in (200, 204, 301, 400, 401, 403, 405, 408, 409, 422, 425)),
        Responded(429),
        Responded(429, 5.0),
        Responded(503, 5.0),
        Responded(503, 0.0),
        Responded(600),
        Broken("reset after sending"),
    ],
)
def test_no_fallback_for_what_the_service_may_have_done_or_said(result: DeliveryResult) -> None:
    """A Retry-After is the service's own word; a broken connection may have done the work."""
    assert not falls_back(result, on(*FallbackOn))


def test_fallback_is_for_unreachable_and_not_found_by_default() -> None:
    fallen = [wanted for wanted, results in CLASSES if falls_back(results[0], Fallback())]
    assert fallen == [FallbackOn.UNREACHABLE, FallbackOn.NOT_FOUND]


@pytest.mark.parametrize(
    ("receives", "fallback", "gives_up"),
    [
        (3, Fallback(), False),
        (4, Fallback(), True),
        (1, Fallback(after_receives=0), True),
        (10**6, Fallback(after_receives=None), False),
        (10**6, None, False),
    ],
)
def test_stable_takes_over_from_the_fourth_receive_on(
    receives: int, fallback: Fallback | None, *, gives_up: bool
) -> None:
    assert gives_up_on_version(receives, fallback) is gives_up


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (Responded(502), "status 502"),
        (Unreachable("connection refused"), "unreachable: connection refused"),
        (TimedOut(30.0), "no complete response within 30 s"),
        (TimedOut(0.25), "no complete response within 0.25 s"),
        (Broken("reset by peer"), "connection error: reset by peer"),
    ],
)
def test_a_result_can_be_said_in_a_few_words(result: DeliveryResult, words: str) -> None:
    assert describe(result) == words


REFUSED = Refused("InvalidMessageContents", "characters outside the allowed set")


def test_a_queue_s_confirmation_is_an_ack() -> None:
    assert is_ack(Accepted())
    assert judged(Accepted()) == Ack()
    assert status_of(Accepted()) == ""


def test_what_a_queue_refuses_for_what_it_is_is_rejected() -> None:
    assert not is_ack(REFUSED)
    assert judged(REFUSED) == Reject("InvalidMessageContents")
    assert status_of(REFUSED) == "InvalidMessageContents"
    assert (
        describe(REFUSED) == "refused: InvalidMessageContents: characters outside the allowed set"
    )


def test_a_refused_message_does_not_fall_back_and_is_no_overload() -> None:
    assert not falls_back(REFUSED, on(*FallbackOn))
    assert overload_seconds(REFUSED) is None


def test_a_queue_that_throttles_is_overloaded_and_its_message_is_retried() -> None:
    throttled = Throttled("RequestThrottled: slow down")
    assert judged(throttled) == Retry(4)
    assert not falls_back(throttled, on(*FallbackOn))
    assert overload_seconds(throttled) == 5
    assert describe(throttled) == "not confirmed: RequestThrottled: slow down"


@pytest.mark.parametrize("result", FAILURES)
def test_what_is_no_response_has_no_status(result: DeliveryResult) -> None:
    assert status_of(result) == ""
    assert status_of(Responded(422)) == "422"
