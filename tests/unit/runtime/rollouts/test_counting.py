"""Which deliveries are evidence of a canary, and what they say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from gateway.core.delivery.disposition import Responded, TimedOut, Unreachable
from gateway.core.events import DeliveryCrashed
from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.judge import Bounds, counts_between
from gateway.core.rollout.outcomes import Outcomes
from gateway.core.rollout.plan import Plan
from gateway.core.rollout.starts import NOTHING
from gateway.core.routing.decision import Reason
from gateway.core.routing.route import Backoff, Fallback, FallbackOn, Unwrap
from gateway.core.routing.rules import Exact
from gateway.core.routing.sources import FromAttribute, FromBody
from gateway.core.routing.weights import weighted
from gateway.runtime.in_flight import InFlight
from gateway.runtime.limiter import Limiters
from gateway.runtime.plans import DeliveryPlans
from gateway.runtime.recorder import Recorder
from gateway.runtime.rollouts.counting import Counting
from tests.builders import CANARY, STABLE, THIRD, attribute, mirror, rule, where
from tests.builders import route as any_route
from tests.builders import split as any_split
from tests.fakes import VIRTUAL_TIME
from tests.fakes.rig import Rig, at_work
from tests.notifications import notified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME

PLAN = Plan("canary", CANARY.url, CANARY.tag)


def route(canary: int = 100, **rest: Any) -> Route:
    """Make a route with a plan, whose canary gets this share of all."""
    given: dict[str, Any] = {"plan": PLAN, "retry": Backoff(1.0, 1.0), **rest}
    return any_route({"stable": 100 - canary, "canary": canary}, **given)


def counted(rig: Rig) -> dict[str, tuple[int, int]]:
    """Return the messages and failures of each side, once what has ended is counted."""
    rig.running.counting.advance()
    canary, stable = counts_between(rig.running.counting.values, NOTHING)
    return {
        "canary": (canary.messages, canary.failed),
        "stable": (stable.messages, stable.failed),
    }


async def test_both_sides_of_the_split_count() -> None:
    async with at_work(route(50)) as rig:
        rig.queue.send_many(40)
        await rig.empty()
        found = counted(rig)
        assert found == {
            "canary": (len(rig.canary.sent), 0),
            "stable": (len(rig.stable.sent), 0),
        }
        assert found["canary"][0] + found["stable"][0] == 40
        assert rig.running.counting.values[0] > 10  # blocks, of messages side by side


@pytest.mark.parametrize(
    "result", [Responded(500), Responded(400), Responded(503), TimedOut(30.0), Unreachable("gone")]
)
async def test_whatever_is_no_ack_is_a_failure_and_a_second_receive_does_not_count(
    result: DeliveryResult,
) -> None:
    async with at_work(route()) as rig:
        rig.canary.answer(rig.queue.send(), result)
        await rig.empty()
        assert len(rig.canary.sent) == 2
        assert counted(rig) == {"canary": (1, 1), "stable": (0, 0)}


async def test_a_fallback_is_the_canarys_failure_and_nobodys_success() -> None:
    fallback = Fallback(frozenset({FallbackOn.UNREACHABLE}))
    async with at_work(route(fallback=fallback)) as rig:
        rig.canary.answer(rig.queue.send(), Unreachable("gone"))
        await rig.empty()
        assert [sent.reason for sent in rig.stable.sent] == ["fallback"]
        assert counted(rig) == {"canary": (1, 1), "stable": (0, 0)}


async def test_pins_and_rules_do_not_count() -> None:
    acme = where("tenant", Exact("acme"))
    to_split = rule(any_split({"stable": 1, "canary": 1}), where("vip", Exact("yes")), name="vip")
    async with at_work(route(0, rules=(rule(CANARY, acme), to_split))) as rig:
        rig.queue.send(attributes={"version": attribute("v2")})
        rig.queue.send(attributes={"tenant": attribute("acme")})
        rig.queue.send(attributes={"vip": attribute("yes")})
        await rig.empty()
        assert counted(rig) == {"canary": (0, 0), "stable": (0, 0)}


async def test_a_third_version_does_not_count() -> None:
    three = any_route(
        {"stable": 0, "canary": 0, "third": 1}, versions=(STABLE, CANARY, THIRD), plan=PLAN
    )
    async with at_work(three) as rig:
        rig.queue.send()
        await rig.empty()
        assert counted(rig) == {"canary": (0, 0), "stable": (0, 0)}


async def test_of_a_sticky_key_the_first_message_counts_in_each_step() -> None:
    given = route(sticky=FromAttribute("customer"))
    async with at_work(given) as rig:
        for _ in range(5):
            rig.queue.send(attributes={"customer": attribute("acme")})
        rig.queue.send()  # without a key each message counts
        rig.queue.send()
        await rig.empty()
        assert counted(rig)["canary"] == (3, 0)
        rig.running.counting.begin_step()
        rig.queue.send(attributes={"customer": attribute("acme")})
        await rig.empty()
        assert counted(rig)["canary"] == (4, 0)


async def test_a_group_of_a_fifo_queue_counts_once() -> None:
    async with at_work(route(queue="orders.fifo")) as rig:
        for group in ("a", "a", "b", "a"):
            rig.queue.send(group=group)
        await rig.empty()
        assert counted(rig)["canary"] == (2, 0)


async def test_the_sticky_key_is_read_from_what_was_published() -> None:
    given = route(sticky=FromBody("customer"), unwrap=Unwrap.SNS)
    async with at_work(given) as rig:
        for _ in range(3):
            rig.queue.send(body=notified('{"customer": "acme"}'))
        await rig.empty()
        assert counted(rig)["canary"] == (1, 0)


async def test_what_the_gateway_gives_up_says_nothing_of_the_canary() -> None:
    async with at_work(route()) as rig:
        rig.canary.takes_seconds = 3600
        rig.queue.send()
        await rig.until(lambda: rig.canary.sent)
        await rig.stop(drain_seconds=1)
        assert rig.canary.sent[0].cancelled
        await rig.rest(10)
        assert counted(rig)["canary"] == (0, 0)


async def test_a_defect_of_the_gateway_says_nothing_of_the_canary() -> None:
    async with at_work(route()) as rig:
        rig.canary.answer(rig.queue.send(), RuntimeError("a defect"))
        await rig.empty()
        assert rig.observer.of(DeliveryCrashed)
        assert counted(rig)["canary"] == (0, 0)


async def test_what_hangs_is_counted_after_the_grace_time_and_if_it_fails_then() -> None:
    given = route(plan=replace(PLAN, bounds=Bounds(max_p99_seconds=2.0)))
    async with at_work(given) as rig:
        rig.canary.takes_seconds = 3600
        rig.queue.send()
        await rig.until(lambda: rig.canary.sent)
        await rig.rest(6)
        assert counted(rig)["canary"] == (1, 0)
        canary, _ = counts_between(rig.running.counting.values, NOTHING)
        assert canary.slow == 1
        rig.canary.takes_seconds = 0
        await rig.empty()  # it times out, and is acked when it is received again
        assert counted(rig)["canary"] == (2, 1)


async def test_a_failure_is_noticed_at_once() -> None:
    async with at_work(route()) as rig:
        noteworthy = rig.running.counting.noteworthy
        rig.queue.send()
        await rig.empty()
        assert not noteworthy.is_set()
        failing = rig.queue.send()
        rig.canary.answer(failing, Responded(500))
        began = rig.now
        await noteworthy.wait()
        assert rig.now - began < 1
        await rig.empty()


async def test_messages_are_counted_while_they_come_though_nobody_asks() -> None:
    async with at_work(route(50)) as rig:
        for _ in range(5):
            rig.queue.send_many(10)
            await rig.rest(2)
        canary, stable = counts_between(rig.running.counting.values, NOTHING)
        assert canary.messages + stable.messages >= 40


async def test_another_weight_begins_a_step_and_keeps_the_sums() -> None:
    given = route(100, sticky=FromAttribute("customer"))
    async with at_work(weighted(given, 50)) as rig:
        for n in range(40):
            rig.queue.send(attributes={"customer": attribute(f"c-{n}")})
        await rig.empty()
        before = counted(rig)
        rig.running.adopt(weighted(given, 100))
        for n in range(40):
            rig.queue.send(attributes={"customer": attribute(f"c-{n}")})
        await rig.empty()
        assert counted(rig)["canary"][0] == before["canary"][0] + 40


async def test_sums_go_on_over_a_time_without_a_plan() -> None:
    async with at_work(route()) as rig:
        rig.queue.send()
        await rig.empty()
        assert counted(rig)["canary"] == (1, 0)
        rig.running.adopt(replace(route(), plan=None))
        rig.queue.send()
        await rig.empty()
        assert counted(rig)["canary"] == (1, 0)
        rig.running.adopt(route())
        rig.queue.send()
        await rig.empty()
        assert counted(rig)["canary"] == (2, 0)


async def test_what_is_under_way_when_another_trial_begins_is_not_counted_for_it() -> None:
    async with at_work(route()) as rig:
        rig.canary.takes_seconds = 1
        rig.queue.send()
        await rig.until(lambda: rig.canary.sent)
        rig.running.adopt(route(plan=replace(PLAN, revision="2")))
        await rig.empty()
        await rig.rest(10)
        assert counted(rig)["canary"] == (0, 0)
        rig.queue.send()
        await rig.empty()
        assert counted(rig)["canary"] == (1, 0)


async def test_a_mirror_s_copies_do_not_count() -> None:
    async with at_work(route(0, mirror=mirror())) as rig:
        rig.queue.send()
        await rig.empty()
        await rig.until(lambda: rig.mirror.sent)
        assert counted(rig) == {"canary": (0, 0), "stable": (1, 0)}


async def test_a_route_without_a_plan_has_nothing_in_its_way() -> None:
    given = route(50, plan=None)
    async with at_work(given) as rig:
        rig.queue.send_many(20)
        await rig.empty()
        assert not rig.observer.of(DeliveryCrashed)
        assert rig.running.counting.values == ()
        assert not rig.running.counting.recorders  # so none of its plans has one
        assert plans_of(given, {}).of(CANARY, CANARY, Reason.SPLIT).evidence is None


def plans_of(given: Route, recorders: Mapping[str, Recorder]) -> DeliveryPlans:
    limiters = Limiters(given, Mock())
    return DeliveryPlans(given, limiters, Mock(), lambda: recorders)


@pytest.mark.parametrize("reason", list(Reason))
def test_only_what_the_split_decided_has_a_recorder(reason: Reason) -> None:
    given = route(50)
    recorder = Recorder(Outcomes(), Mock())
    plans = plans_of(given, {"canary": recorder, "stable": recorder})
    expected = recorder if reason is Reason.SPLIT else None
    assert plans.of(CANARY, CANARY, reason).evidence is expected
    assert plans.of(CANARY, STABLE, Reason.FALLBACK).evidence is None


def test_sums_are_none_or_of_their_length() -> None:
    assert len(Counting(route(), InFlight()).values) == LENGTH
    assert Counting(route(plan=None), InFlight()).values == ()


async def test_a_target_that_raises_says_nothing_of_the_canary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with at_work(route()) as rig:
        defective = Mock(send=Mock(side_effect=RuntimeError("a defect")))
        monkeypatch.setattr(rig.canary, "bind", lambda _: defective)
        rig.queue.send()
        await rig.until(lambda: rig.observer.of(DeliveryCrashed))
        await rig.rest(10)
        assert counted(rig)["canary"] == (0, 0)
