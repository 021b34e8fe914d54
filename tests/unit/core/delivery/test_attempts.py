"""Attempts of a source that counts them itself, and the last of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.core.delivery.disposition import Ack, Reject, Retry
from gateway.core.delivery.last_attempt import after_attempt
from gateway.core.kafka.attempts import TO_STABLE, attempts_of
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress
from tests.builders import route

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import Disposition

TOPIC = TopicAddress("orders")
PLAN = KafkaPlan(("kafka:9092",), TOPIC, "orders", Start.EARLIEST, max_attempts=3)
ON_TOPIC = replace(route(), queue=TOPIC, kafka=PLAN)


@pytest.mark.parametrize("attempt", [1, 2, 64, 1000])
def test_that_it_goes_to_stable_changes_nothing_about_its_attempts(attempt: int) -> None:
    assert attempts_of(attempt) == attempt
    assert attempts_of(TO_STABLE + attempt) == attempt


@pytest.mark.parametrize(
    ("given", "attempt", "expected"),
    [
        (Retry(5), 2, Retry(5)),
        (Retry(5), 3, Reject("3 attempts")),
        (Retry(5), 4, Reject("4 attempts")),
        (Reject("status 400"), 1, Reject("status 400")),
        (Reject("status 400"), 9, Reject("status 400")),
        (Ack(), 9, Ack()),
    ],
)
def test_a_retry_after_the_last_attempt_is_a_reject(
    given: Disposition, attempt: int, expected: Disposition
) -> None:
    assert after_attempt(given, attempt, ON_TOPIC) == expected


def test_a_queue_counts_no_attempts() -> None:
    assert after_attempt(Retry(5), 1000, route()) == Retry(5)
