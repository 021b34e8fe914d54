"""Every row of the responses in docs/reference/delivery.md, by what it does to the message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Broken, Responded, TimedOut, Unreachable
from gateway.core.events import Acked, Action, AttributesDropped, Delivered, Outcome, Settled
from gateway.core.routing.route import Backoff, UnknownVersion
from tests.builders import attribute, route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Operation, refused, reply_lost
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route
    from gateway.ports import Batch

pytestmark = VIRTUAL_TIME

RETRIED = [
    *(Responded(status) for status in (404, 408, 409, 425, 429, 500, 502, 503, 504, 599)),
    TimedOut(30),
    Broken("reset by peer"),
    Unreachable("connection refused"),
]
REJECTED = [Responded(status) for status in (301, 302, 304, 400, 401, 403, 405, 410, 413, 422, 431)]


def with_dead_letters(**rest: Any) -> tuple[Route, InMemorySource]:
    queue = InMemorySource(dead_letters=InMemorySource("dead"))
    return route(dead_letter=parse_queue("dead"), **rest), queue


async def first_effect(rig: Rig, result: DeliveryResult) -> None:
    """Deliver one message to that result and see it settled."""
    rig.stable.default = result
    rig.queue.send("body", attributes={"tenant": attribute("acme")})
    await rig.until(lambda: rig.observer.of(Settled))


def outcomes(rig: Rig) -> list[Outcome]:
    return [outcome for _, outcome in rig.observer.outcomes()]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_a_2xx_answer_deletes_the_message(status: int) -> None:
    async with at_work(route()) as rig:
        await first_effect(rig, Responded(status))
        assert rig.queue.left == []
        assert rig.queue.message("m-1").changes == []
        assert outcomes(rig) == [Outcome.ACK]


@pytest.mark.parametrize("result", RETRIED, ids=str)
async def test_what_may_get_better_gives_the_message_back_after_the_backoff(
    result: DeliveryResult,
) -> None:
    """Complaint 11: a 404 comes from a half-rolled-back Service, so it never loses a message."""
    async with at_work(route(retry=Backoff(4, 60))) as rig:
        await first_effect(rig, result)
        assert [seconds for _, seconds in rig.queue.message("m-1").changes] == [4]
        assert rig.queue.message("m-1").deletes == []
        assert outcomes(rig) == [Outcome.RETRY]
        rig.stable.default = Responded(200)
        await rig.empty()
        assert rig.queue.message("m-1").receive_count == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_when_the_message_comes_back(status: int) -> None:
    """Complaint 13: the service's own word on when to come back."""
    async with at_work(route()) as rig:
        await first_effect(rig, Responded(status, retry_after_seconds=17.2))
        rig.stable.default = Responded(200)
        await rig.empty()
        assert [seconds for _, seconds in rig.queue.message("m-1").changes] == [18]
        first, second = rig.queue.message("m-1").receives
        assert second - first == pytest.approx(18, abs=0.1)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_cut_to_what_sqs_allows(status: int) -> None:
    async with at_work(route()) as rig:
        await first_effect(rig, Responded(status, retry_after_seconds=1e9))
        ((at, seconds),) = rig.queue.message("m-1").changes
        assert 43_198 <= at + seconds <= 43_200


async def test_retry_after_counts_on_no_other_status() -> None:
    async with at_work(route()) as rig:
        await first_effect(rig, Responded(500, retry_after_seconds=600))
        assert [seconds for _, seconds in rig.queue.message("m-1").changes] == [2]


async def test_the_backoff_doubles_with_each_receive_up_to_its_maximum() -> None:
    async with at_work(route(retry=Backoff(2, 30))) as rig:
        rig.random = 1.0
        rig.stable.answer("m-1", *[Responded(500)] * 6)
        rig.queue.send()
        await rig.empty()
        delays = [seconds for _, seconds in rig.queue.message("m-1").changes]
        assert delays == [4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize("result", REJECTED, ids=str)
async def test_a_rejected_message_is_left_to_the_redrive_policy_at_the_longest_backoff(
    result: DeliveryResult,
) -> None:
    async with at_work(route(retry=Backoff(2, 90)), max_receive_count=2) as rig:
        await first_effect(rig, result)
        assert outcomes(rig) == [Outcome.REJECT]
        await rig.empty()
        assert [seconds for _, seconds in rig.queue.message("m-1").changes] == [90, 90]
        assert rig.queue.message("m-1").deletes == []
        assert rig.queue.moved == ["m-1"]


@pytest.mark.parametrize("result", REJECTED, ids=str)
async def test_a_rejected_message_is_copied_to_the_dead_letter_queue_and_then_deleted(
    result: DeliveryResult,
) -> None:
    table, queue = with_dead_letters()
    async with at_work(table, queue) as rig:
        await first_effect(rig, result)
        await rig.empty()
        assert queue.dead_letters is not None
        (copy,) = queue.dead_letters.messages
        assert isinstance(result, Responded)
        assert copy.body == "body"
        assert {name: value.text for name, value in copy.attributes.items()} == {
            "tenant": "acme",
            "gateway-route": "orders",
            "gateway-version": "stable",
            "gateway-status": str(result.status),
            "gateway-reason": "default",
        }
        actions = [event.action for event in rig.observer.of(Settled)]
        assert actions == [Action.DEAD_LETTER, Action.DELETE]


async def test_a_copy_that_cannot_be_sent_means_retry_and_nothing_is_deleted() -> None:
    table, queue = with_dead_letters()
    async with at_work(table, queue) as rig:
        queue.faults.script(Operation.SEND_DEAD_LETTER, *[refused()] * 3)
        rig.stable.default = Responded(400)
        queue.send()
        await rig.until(lambda: len(queue.message("m-1").changes) == 3)
        assert [seconds for _, seconds in queue.message("m-1").changes] == [2, 2, 2]
        assert queue.message("m-1").deletes == []
        await rig.empty()
        assert queue.dead_letters is not None
        assert len(queue.dead_letters.messages) == 1


async def test_a_copy_that_was_not_confirmed_deletes_nothing_though_it_may_have_arrived() -> None:
    table, queue = with_dead_letters()
    async with at_work(table, queue) as rig:
        queue.faults.script(Operation.SEND_DEAD_LETTER, reply_lost())
        rig.stable.default = Responded(400)
        queue.send()
        await rig.until(lambda: queue.message("m-1").changes)
        assert queue.message("m-1").deletes == []
        await rig.empty()


async def test_the_original_stays_until_the_copy_is_confirmed() -> None:
    table, queue = with_dead_letters()
    async with at_work(table, queue) as rig:
        queue.round_trip_seconds = 2
        await first_effect(rig, Responded(400))
        (sending,) = queue.calls_of(Operation.SEND_DEAD_LETTER)
        await rig.empty()
        assert sending.ended_at is not None
        assert queue.message("m-1").deletes[0] > sending.ended_at


async def test_attributes_without_room_on_the_copy_are_told() -> None:
    table, queue = with_dead_letters()
    async with at_work(table, queue) as rig:
        rig.stable.default = Responded(400)
        names = [f"a{number}" for number in range(8)]
        queue.send(attributes={name: attribute("x") for name in names})
        await rig.empty()
        assert rig.observer.of(AttributesDropped) == [
            AttributesDropped("orders", "m-1", ("a7", "a6"))
        ]


async def test_an_unknown_version_is_retried_until_there_is_one() -> None:
    """No version is delivered to, so neither is a message lost nor does one get a wrong version."""
    async with at_work(route(unknown_version=UnknownVersion.RETRY)) as rig:
        rig.random = 1.0
        rig.queue.send(attributes={"version": attribute("v9")})
        await rig.until(lambda: len(rig.queue.message("m-1").changes) == 3)
        assert [seconds for _, seconds in rig.queue.message("m-1").changes] == [4, 8, 16]
        assert rig.stable.sent == rig.canary.sent == []


async def test_an_ack_tells_the_age_of_the_message_and_nothing_else_does() -> None:
    async with at_work(route()) as rig:
        rig.stable.answer("m-1", Responded(503, retry_after_seconds=10))
        rig.stable.takes_seconds = 1
        rig.queue.send()
        await rig.empty()
        assert len(rig.observer.of(Delivered)) == 1
        (acked,) = rig.observer.of(Acked)
        assert acked.ages_seconds == [pytest.approx(12, abs=0.1)]
        assert acked.seconds == [pytest.approx(1)]


async def test_an_ack_of_a_message_whose_time_of_sending_is_not_known_tells_no_age() -> None:
    class Forgetful(InMemorySource):
        async def receive(self, limit: int, wait_seconds: int, lease_seconds: int) -> Batch:
            messages = await super().receive(limit, wait_seconds, lease_seconds)
            for each in messages:
                each.sent_ms = 0
            return messages

    async with at_work(route(), Forgetful()) as rig:
        rig.queue.send_many(3)
        await rig.empty()
        assert [len(each.seconds) for each in rig.observer.of(Acked)] == [3]
        assert [list(each.ages_seconds) for each in rig.observer.of(Acked)] == [[]]
