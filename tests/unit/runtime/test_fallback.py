"""When the version chosen cannot have it, stable may: within the same receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Broken, Responded, TimedOut, Unreachable
from gateway.core.events import Decided, Outcome
from gateway.core.routing.route import Fallback, FallbackOn
from tests.builders import attribute
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME


def route(*on: FallbackOn, after_receives: int | None = None, **rest: Any) -> Route:
    return any_route(fallback=Fallback(frozenset(on), after_receives), **rest)


def send_canary(rig: Rig, **rest: Any) -> str:
    return rig.queue.send(attributes={"version": attribute("v2")}, **rest)


CAUSES: list[tuple[FallbackOn, DeliveryResult]] = [
    (FallbackOn.UNREACHABLE, Unreachable("no such host")),
    (FallbackOn.NOT_FOUND, Responded(404)),
    (FallbackOn.UNAVAILABLE, Responded(503)),
    (FallbackOn.ERROR, Responded(500)),
    (FallbackOn.TIMEOUT, TimedOut(30)),
]


@pytest.mark.parametrize(("cause", "result"), CAUSES, ids=str)
async def test_a_delivery_that_fails_so_is_tried_on_stable_within_the_same_receive(
    cause: FallbackOn, result: DeliveryResult
) -> None:
    async with at_work(route(cause)) as rig:
        rig.canary.default = result
        send_canary(rig)
        await rig.empty()
        assert rig.queue.message("m-1").receive_count == 1
        assert rig.queue.message("m-1").changes == []
        assert rig.observer.outcomes() == [("canary", Outcome.FALLBACK), ("stable", Outcome.ACK)]


@pytest.mark.parametrize(("cause", "result"), CAUSES, ids=str)
async def test_a_delivery_that_fails_otherwise_is_not(
    cause: FallbackOn, result: DeliveryResult
) -> None:
    others = [other for other in FallbackOn if other is not cause]
    async with at_work(route(*others)) as rig:
        rig.canary.answer("m-1", result)
        send_canary(rig)
        await rig.empty()
        assert rig.stable.sent == []
        assert rig.queue.message("m-1").receive_count == 2


async def test_the_version_header_stays_when_stable_takes_over() -> None:
    """So the services downstream still reach the canary of the next hop."""
    async with at_work(route(FallbackOn.NOT_FOUND)) as rig:
        rig.canary.default = Responded(404)
        send_canary(rig)
        await rig.empty()
        (sent,) = rig.stable.sent
        assert sent.version == "v2"
        assert sent.headers["x-gateway-version"] == "stable"
        assert sent.reason == "fallback"
        assert sent.headers["baggage"] == "version=v2"


async def test_the_decision_is_told_once_and_is_still_for_the_canary() -> None:
    async with at_work(route(FallbackOn.NOT_FOUND)) as rig:
        rig.canary.default = Responded(404)
        send_canary(rig)
        await rig.empty()
        (decided,) = rig.observer.of(Decided)
        assert (decided.version, decided.messages) == ("canary", 1)


async def test_stable_s_own_answer_is_what_counts_after_a_fallback() -> None:
    async with at_work(route(FallbackOn.NOT_FOUND)) as rig:
        rig.canary.default = Responded(404)
        rig.stable.answer("m-1", Responded(429, retry_after_seconds=9))
        send_canary(rig)
        await rig.empty()
        assert [seconds for _, seconds in rig.queue.message("m-1").changes] == [9]


async def test_stable_does_not_fall_back_to_itself() -> None:
    async with at_work(route(*FallbackOn)) as rig:
        rig.stable.answer("m-1", Responded(404))
        rig.queue.send()
        await rig.empty()
        assert len(rig.stable.sent) == 2
        assert rig.queue.message("m-1").receive_count == 2


async def test_a_service_that_says_when_to_come_back_is_taken_at_its_word() -> None:
    async with at_work(route(*FallbackOn)) as rig:
        rig.canary.answer("m-1", Responded(503, retry_after_seconds=5))
        send_canary(rig)
        await rig.empty()
        assert rig.stable.sent == []


async def test_a_connection_that_broke_is_not_tried_elsewhere() -> None:
    """The service may have done the work."""
    async with at_work(route(*FallbackOn)) as rig:
        rig.canary.answer("m-1", Broken("reset"))
        send_canary(rig)
        await rig.empty()
        assert rig.stable.sent == []


async def test_without_fallback_the_canary_s_failure_is_a_retry() -> None:
    async with at_work(any_route(fallback=None)) as rig:
        rig.canary.answer("m-1", Unreachable("refused"), Responded(404))
        send_canary(rig)
        await rig.empty()
        assert rig.stable.sent == []
        assert len(rig.canary.sent) == 3


async def test_after_so_many_receives_stable_takes_the_message() -> None:
    async with at_work(route(after_receives=3)) as rig:
        rig.canary.default = Responded(500)
        send_canary(rig)
        await rig.empty()
        assert len(rig.canary.sent) == 3
        (sent,) = rig.stable.sent
        assert (sent.reason, sent.version) == ("fallback", "v2")
        assert sent.headers["x-aws-sqsd-receive-count"] == "4"


async def test_a_message_of_stable_is_no_fallback_however_often_it_was_received() -> None:
    async with at_work(route(after_receives=1)) as rig:
        rig.stable.answer("m-1", *[Responded(500)] * 3)
        rig.queue.send()
        await rig.empty()
        assert [sent.reason for sent in rig.stable.sent] == ["default"] * 4


async def test_receives_never_lead_to_stable_where_after_receives_is_off() -> None:
    async with at_work(route(after_receives=None)) as rig:
        rig.canary.answer("m-1", *[Responded(500)] * 10)
        send_canary(rig)
        await rig.empty()
        assert rig.stable.sent == []


async def test_the_dead_letter_marks_name_the_version_that_refused() -> None:
    queue = InMemorySource(dead_letters=InMemorySource("dead"))
    table = route(FallbackOn.NOT_FOUND, dead_letter=parse_queue("dead"))
    async with at_work(table, queue) as rig:
        rig.canary.default = Responded(404)
        rig.stable.default = Responded(422)
        send_canary(rig)
        await rig.empty()
        assert queue.dead_letters is not None
        (copy,) = queue.dead_letters.messages
        marks = {n: v.text for n, v in copy.attributes.items() if n.startswith("gateway-")}
        assert marks == {
            "gateway-route": "orders",
            "gateway-version": "stable",
            "gateway-status": "422",
            "gateway-reason": "fallback",
        }
