"""Which messages are copied to a mirror."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.core.messages.message import UNREAD
from gateway.core.routing.sources import FromAttribute, FromBody, FromGroup
from gateway.core.routing.split import bucket_of
from tests.builders import CANARY, STABLE, THIRD, message, mirror, split


def copied(percent: float, messages: int = 10_000) -> int:
    given = mirror(percent)
    return sum(given.copies(message(message_id=f"m-{n}"), STABLE) for n in range(messages))


def test_a_message_is_copied_where_its_bucket_is_below_the_percentage() -> None:
    given = mirror(0.5)
    for n in range(2_000):
        bucket = bucket_of("orders:mirror", f"m-{n}")
        assert given.copies(message(message_id=f"m-{n}"), STABLE) == (bucket < 50)


def test_the_ends_are_none_and_all() -> None:
    assert copied(0) == 0
    assert copied(100) == 10_000


def test_five_percent_are_five_percent() -> None:
    assert copied(5) / 10_000 == pytest.approx(0.05, abs=0.005)


def test_the_share_is_of_each_version_alike() -> None:
    """Its seed is its own: else it would copy those alone that a split gives one version."""
    given, ten = mirror(10), split({"canary": 10, "stable": 90})
    chosen = [
        each for n in range(20_000) if ten.bucket(each := message(message_id=f"m-{n}")) < 1_000
    ]
    part = sum(given.copies(each, STABLE) for each in chosen) / len(chosen)
    assert part == pytest.approx(0.1, abs=0.02)


def test_a_message_of_the_mirror_itself_is_not_copied() -> None:
    given = mirror(100)
    assert not given.copies(message(), CANARY)
    assert not given.copies_from(CANARY)
    assert given.copies(message(), THIRD)


def test_a_message_that_was_received_before_is_not_copied() -> None:
    assert mirror(100).copies(message(receive_count=1), STABLE)
    assert not mirror(100).copies(message(receive_count=2), STABLE)


def test_where_receives_are_not_counted_each_one_is_taken_for_the_first() -> None:
    """So that a mirror can be tried with an emulator."""
    assert mirror(100).copies(message(counted=False), STABLE)


def test_what_a_split_keeps_together_is_copied_together() -> None:
    given = mirror(50, sticky=FromAttribute("customer"), otherwise=FromGroup())
    for customer in ("anna", "bert", "carl"):
        same = [
            given.copies(message(message_id=f"m-{n}", attributes={"customer": customer}), STABLE)
            for n in range(20)
        ]
        assert len(set(same)) == 1


def test_nothing_that_was_read_of_the_body_is_kept() -> None:
    given = mirror(50, sticky=FromBody("customer"))
    taken = message('{"customer": "anna"}')
    given.copies(taken, STABLE)
    assert taken._json is UNREAD


def test_a_percentage_is_told_as_it_was_given() -> None:
    assert [mirror(each).percent for each in (0, 0.5, 0.57, 1.1, 100)] == [0, 0.5, 0.57, 1.1, 100]


def test_a_mirror_of_nothing_copies_from_nobody() -> None:
    assert not mirror(0).copies_from(STABLE)


def test_of_a_notification_the_key_is_read_from_what_was_published() -> None:
    """Else copies would be drawn by another key than the route's own split reads."""
    published = {"Type": "Notification", "TopicArn": "arn", "MessageId": "m"}
    inside = replace(mirror(5, sticky=FromBody("customer")), unwraps=True)
    for n in range(500):
        notification = {**published, "Message": json.dumps({"customer": f"c-{n}"})}
        bucket = bucket_of("orders:mirror", f"c-{n}")
        assert inside.copies(message(json.dumps(notification)), STABLE) == (bucket < 500)
