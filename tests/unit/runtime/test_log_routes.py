"""A route on a log: order, attempts, what falls behind, what a rebalance takes away."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.events import CopyOutcome, DeliveryCrashed, Mirrored, SettlementFailed
from gateway.core.kafka.plan import KafkaPlan, Order, Start, TopicAddress, WhenBehind
from gateway.core.rollout.state import RolloutPhase
from gateway.core.routing.route import Backoff, Fallback
from gateway.core.routing.sources import FromGroup
from gateway.core.tracing.sampling import parse_sampler
from gateway.log_port import ReleaseCause
from gateway.runtime.tracing.route import RouteTracing
from tests.builders import CANARY, STABLE, mirror
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import Fault, Operation, refused
from tests.fakes.judged import judged, route_of
from tests.fakes.log import InMemoryLog
from tests.fakes.rig import at_work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.core.routing.route import Route
    from gateway.core.tracing.spans import Span
    from tests.fakes.rig import Rig
    from tests.fakes.target import Sent

pytestmark = VIRTUAL_TIME

RETRY = Backoff(1.0, 1.0)
BROKEN = Responded(500)
UNUSABLE = Responded(400)


class Spans:
    """A `SpanSink` that keeps what it takes."""

    def __init__(self) -> None:
        self.sampler = parse_sampler("parentbased_always_off", "")
        self.seen: list[Span] = []

    def take(self, spans: Sequence[Span]) -> None:
        self.seen += spans


def kafka(**rest: Any) -> KafkaPlan:
    """Make a plan that has a topic for rejected records; `rest` are its other fields."""
    given = {"reject": TopicAddress("orders.dead"), **rest}
    return KafkaPlan(("kafka:9092",), TopicAddress("orders"), "orders", Start.EARLIEST, **given)


def on_log(route: Route, plan: KafkaPlan) -> Route:
    """Have a route read the topic."""
    return replace(route, queue=plan.topic, kafka=plan, dead_letter=plan.reject)


def route(plan: KafkaPlan, canary: int = 0, **rest: Any) -> Route:
    """Make a route on a log, whose canary gets this share of the keys."""
    weights = {"stable": 100 - canary, "canary": canary}
    given: dict[str, Any] = {"retry": RETRY, "sticky": FromGroup(), **rest}
    return on_log(any_route(weights, **given), plan)


def produce(log: InMemoryLog, *keys: str | None) -> list[str]:
    """Produce a record of each key to partition 0; return their ids."""
    return [log.produce(key) for key in keys]


def ids(sent: list[Sent]) -> list[str]:
    return [each.message_id for each in sent]


async def test_a_key_keeps_its_order_over_retries_while_other_keys_go_on() -> None:
    log = InMemoryLog(kafka())
    async with at_work(route(log.plan), log) as rig:
        rig.stable.answer("orders/0/0", BROKEN, BROKEN)
        a1, b1, a2, b2, a3 = produce(log, "a", "b", "a", "b", "a")
        await rig.empty()
        assert rig.stable.ids == [a1, b1, b2, a1, a1, a2, a3]
        assert log.committed == {0: 5}


async def test_with_the_order_of_the_partition_all_wait_for_a_retry() -> None:
    log = InMemoryLog(kafka(order=Order.PARTITION))
    async with at_work(route(log.plan), log) as rig:
        rig.stable.answer("orders/0/0", BROKEN)
        first, second = produce(log, "a", "b")
        await rig.empty()
        assert rig.stable.ids == [first, first, second]


async def test_after_its_last_attempt_a_record_is_dead_and_its_key_goes_on() -> None:
    log = InMemoryLog(kafka(max_attempts=3))
    async with at_work(route(log.plan), log) as rig:
        rig.stable.answer("orders/0/0", *[BROKEN] * 9)
        poison, other, after = produce(log, "p", "b", "p")
        await rig.until(lambda: other in rig.stable.ids)
        assert log.committed.get(0, 0) == 0
        await rig.empty()
        assert rig.stable.ids == [poison, other, poison, poison, after]
        ((record, headers),) = log.dead
        assert record.offset == 0
        assert dict(headers) == {
            "gateway-route": b"orders",
            "gateway-version": b"stable",
            "gateway-status": b"500",
            "gateway-reason": b"split",
            "gateway-topic": b"orders",
            "gateway-partition": b"0",
            "gateway-offset": b"0",
            "gateway-timestamp": b"%d" % (record.timestamp_ms or 0),
            "gateway-attempts": b"3",
        }
        assert log.committed == {0: 3}


async def test_nothing_is_committed_while_its_dead_letter_fails() -> None:
    log = InMemoryLog(kafka())
    log.faults.script(Operation.SEND_DEAD_LETTER, refused(), refused())
    async with at_work(route(log.plan), log) as rig:
        rig.stable.default = UNUSABLE
        produce(log, "a")
        await rig.until(lambda: len(log.calls_of(Operation.SEND_DEAD_LETTER)) == 3)
        assert log.committed.get(0, 0) == 0
        await rig.empty()
        assert len(log.dead) == 1
        assert log.committed == {0: 1}


@asynccontextmanager
async def copying(**rest: Any) -> AsyncIterator[tuple[Rig, InMemoryLog, asyncio.Event]]:
    """Have the canary's copy of a rejected record under way until the event is set."""
    log, confirmed = InMemoryLog(kafka(**rest)), asyncio.Event()
    log.faults.script(Operation.SEND_DEAD_LETTER, Fault(before=confirmed))
    async with at_work(route(log.plan, canary=100), log) as rig:
        rig.canary.answer("orders/0/0", UNUSABLE)
        produce(log, "a")
        await rig.until(lambda: log.calls_of(Operation.SEND_DEAD_LETTER))
        yield rig, log, confirmed


async def test_weights_that_are_moved_leave_a_dead_letter_that_is_under_way() -> None:
    async with copying() as (rig, log, confirmed):
        produce(log, "a")
        rig.running.adopt(route(log.plan, canary=0))
        confirmed.set()
        await rig.empty()
        assert (rig.canary.ids, rig.stable.ids) == (["orders/0/0"], ["orders/0/1"])
        assert [record.offset for record, _ in log.dead] == [0]
        assert log.committed == {0: 2}


async def test_what_falls_behind_while_a_dead_letter_is_under_way_takes_its_detour() -> None:
    async with copying(max_behind=3, when_behind=WhenBehind.FALLBACK) as (rig, log, confirmed):
        rig.canary.hold()
        produce(log, *"bcdef")
        await rig.rest(60)
        assert log.view().oldest == 0
        assert not log.dead
        confirmed.set()
        rig.canary.release()
        await rig.empty()
        assert rig.canary.ids.count("orders/0/0") == 1
        assert [record.offset for record, _ in log.dead] == [0]
        assert log.committed == {0: 6}


async def test_a_rebalance_leaves_a_dead_letter_that_is_under_way() -> None:
    async with copying() as (rig, log, confirmed):
        log.lose(0)
        await rig.rest(3)
        confirmed.set()
        await rig.until(lambda: not rig.running.view().in_flight)
        assert [record.offset for record, _ in log.dead] == [0]
        assert log.committed == {0: 0}


@pytest.mark.parametrize("is_confirmed", [True, False])
async def test_a_soft_stop_waits_for_a_dead_letter_until_its_deadline(
    is_confirmed: bool,  # noqa: FBT001 - of a test
) -> None:
    async with copying() as (rig, log, confirmed):
        if is_confirmed:
            asyncio.get_running_loop().call_later(5, confirmed.set)
        await rig.stop()
        assert not rig.observer.of(DeliveryCrashed)
    assert log.committed == {0: int(is_confirmed)}


async def test_without_a_topic_for_it_a_rejected_record_blocks_its_key_until_it_is_taken() -> None:
    log = InMemoryLog(kafka(reject=None))
    slow = route(log.plan, retry=Backoff(1.0, 60.0))
    async with at_work(slow, log) as rig:
        rig.stable.answer("orders/0/0", UNUSABLE, UNUSABLE)
        blocked, other, after = produce(log, "a", "b", "a")
        await rig.rest(59)
        assert rig.stable.ids == [blocked, other]
        assert log.view().blocked == 1
        assert rig.running.view().partitions == [log.view()]
        assert [each.cause for each in log.releases] == [ReleaseCause.REJECTED]
        await rig.empty()
        assert rig.stable.ids == [blocked, other, blocked, blocked, after]
        assert log.view().blocked == 0
        assert log.committed == {0: 3}


async def test_a_canary_that_hangs_stops_stable_only_at_max_behind() -> None:
    log = InMemoryLog(kafka(max_behind=100))
    async with at_work(route(log.plan, canary=10), log) as rig:
        rig.canary.hold()
        everything = produce(log, *(f"k-{each}" for each in range(400)))
        await rig.rest(5)
        hanging = rig.canary.ids
        assert hanging
        lowest = everything.index(hanging[0])
        assert sorted(rig.stable.ids + hanging) == sorted(everything[:100])
        assert log.view().paused
        assert log.committed == {0: lowest}
        rig.canary.release()
        await rig.empty()
        assert sorted(rig.stable.ids + rig.canary.ids) == sorted(everything)


async def test_what_falls_behind_goes_to_stable_where_the_file_says_so() -> None:
    """The key stays with its version in the header; no fallback is needed in the file."""
    log = InMemoryLog(kafka(max_behind=40, when_behind=WhenBehind.FALLBACK))
    one_at_once = replace(CANARY, max_in_flight=1)
    only_canary = route(
        log.plan, canary=100, versions=(STABLE, one_at_once), max_in_flight=10, fallback=None
    )
    async with at_work(only_canary, log) as rig:
        rig.canary.hold()
        produce(log, *(f"k-{each}" for each in range(39)))
        await rig.rest(10)
        assert not rig.stable.sent, "not behind yet: all wait for the canary"
        produce(log, "last")
        await rig.until(lambda: len(rig.stable.sent) >= 30)
        assert {each.reason for each in rig.stable.sent} == {"fallback"}
        assert {each.version for each in rig.stable.sent} == {CANARY.tag}
        rig.canary.release()
        await rig.empty()
        assert log.committed == {0: 40}


async def test_what_falls_behind_is_parked_where_the_file_names_a_topic() -> None:
    log = InMemoryLog(kafka(max_behind=40, parking=TopicAddress("orders.parked")))
    one_at_once = replace(CANARY, max_in_flight=1)
    only_canary = route(log.plan, canary=100, versions=(STABLE, one_at_once), max_in_flight=10)
    async with at_work(only_canary, log) as rig:
        rig.canary.hold()
        produce(log, *(f"k-{each}" for each in range(40)))
        await rig.until(lambda: len(log.parked) >= 30)
        rig.canary.release()
        await rig.empty()
        assert len(log.parked) + len(rig.canary.sent) == 40
        assert not rig.stable.sent


async def test_a_soft_stop_commits_all_that_is_done_and_nothing_is_delivered_twice() -> None:
    plan = kafka()
    log = InMemoryLog(plan)
    few = route(plan, max_in_flight=5)
    async with at_work(few, log) as rig:
        rig.stable.takes_seconds = 0.7
        everything = produce(log, *(f"k-{each}" for each in range(50)))
        await rig.until(lambda: len(rig.stable.sent) >= 23)
        assert await rig.stop() <= 2.0
        delivered = rig.stable.ids
    assert log.committed == {0: len(delivered)}
    again = InMemoryLog(plan)
    again.log, again.committed = log.log, log.committed
    again.get_back(0)
    async with at_work(few, again) as rig:
        await rig.empty()
        assert sorted(delivered + rig.stable.ids) == sorted(everything)


async def test_a_soft_stop_delivers_what_lies_between_records_that_are_settled() -> None:
    """Else these would be delivered again: the offset cannot pass the one that is held back."""
    log = InMemoryLog(kafka())
    async with at_work(route(log.plan), log) as rig:
        rig.stable.takes_seconds = 0.7
        produced = produce(log, "a", "a", "b", "b")
        await rig.until(lambda: len(rig.stable.sent) == 2)
        await rig.stop()
        assert rig.stable.ids == [produced[0], produced[2], produced[1]]
    assert log.committed == {0: 3}


async def test_a_soft_stop_does_not_wait_for_what_fails() -> None:
    log = InMemoryLog(kafka())
    async with at_work(route(log.plan, retry=Backoff(8.0, 8.0)), log) as rig:
        rig.stable.answer("orders/0/0", BROKEN)
        first, _, other = produce(log, "a", "a", "b")
        await rig.until(lambda: len(rig.stable.sent) == 2)
        assert await rig.stop() <= 5.0
        assert rig.stable.ids == [first, other]
    assert log.committed == {0: 0}


async def test_a_record_that_only_waited_has_its_attempts_before_it() -> None:
    log = InMemoryLog(kafka(max_attempts=1))
    one_at_once = replace(CANARY, max_in_flight=1)
    only_canary = route(log.plan, canary=100, versions=(STABLE, one_at_once), max_in_flight=10)
    async with at_work(only_canary, log) as rig:
        rig.canary.hold()
        produce(log, *(f"k-{each}" for each in range(20)))
        await rig.rest(20)
        assert {each.cause for each in log.releases} == {ReleaseCause.WAITED}
        assert len(log.releases) > 20
        rig.canary.release()
        await rig.empty()
        assert not log.dead
        assert len(rig.canary.sent) == 20


async def test_of_the_records_that_wait_for_a_version_the_oldest_is_the_next() -> None:
    """One that was turned away would else be overtaken each time, and hold up the offset."""
    log = InMemoryLog(kafka())
    one_at_once = replace(CANARY, max_in_flight=1)
    only_canary = route(log.plan, canary=100, versions=(STABLE, one_at_once), max_in_flight=10)
    async with at_work(only_canary, log) as rig:
        rig.canary.takes_seconds = 0.7
        _, _, turned_away = produced = produce(log, "a", "b", "c")
        await rig.until(lambda: len(rig.canary.sent) == 2)
        produced += produce(log, "newer, finds the place that is free")
        await rig.until(lambda: rig.running.view().waiting == 1)
        await rig.empty()
        assert rig.canary.ids == produced
        assert log.releases[0].receipt.endswith(f"/{turned_away[-1]}")


async def test_each_version_is_held_to_its_own_rate_and_neither_holds_up_the_other() -> None:
    """The canary is offered more than twice its rate, and stable more than its own."""
    log = InMemoryLog(kafka())
    limited = replace(STABLE, max_rate=50.0), replace(CANARY, max_rate=5.0)
    both = route(log.plan, canary=20, versions=limited, max_in_flight=100)
    async with at_work(both, log) as rig:
        for each in range(800):
            log.produce(f"k-{each}", partition=each % 4)
        await rig.rest(1)
        before = len(rig.stable.sent), len(rig.canary.sent)
        await rig.rest(10)
        assert len(rig.stable.sent) - before[0] == pytest.approx(500, rel=0.02)
        assert len(rig.canary.sent) - before[1] == pytest.approx(50, rel=0.02)


async def test_after_receives_counts_attempts_alone() -> None:
    log = InMemoryLog(kafka())
    falling = route(log.plan, canary=100, fallback=Fallback(on=frozenset(), after_receives=2))
    async with at_work(falling, log) as rig:
        rig.canary.default = BROKEN
        produce(log, "a")
        await rig.empty()
        assert len(rig.canary.sent) == 2
        assert [each.reason for each in rig.stable.sent] == ["fallback"]


async def test_what_a_rebalance_takes_away_is_not_begun_and_what_runs_goes_on() -> None:
    log = InMemoryLog(kafka())
    one_at_once = replace(STABLE, max_in_flight=1)
    async with at_work(route(log.plan, versions=(one_at_once, CANARY)), log) as rig:
        rig.stable.hold()
        produce(log, "a", "b", "c")
        await rig.until(lambda: rig.running.view().waiting == 2)
        log.lose(0)
        await rig.rest(3)
        assert rig.running.view().in_flight == 1
        rig.stable.release()
        await rig.until(lambda: not rig.running.view().in_flight)
        assert rig.stable.ids == ["orders/0/0"]
        lost = [each for each in rig.observer.of(SettlementFailed) if each.lease_lost]
        assert sum(each.messages for each in lost) == 3
        assert log.committed == {0: 0}


async def test_what_runs_while_its_partition_comes_back_is_not_delivered_twice() -> None:
    log = InMemoryLog(kafka())
    async with at_work(route(log.plan), log) as rig:
        rig.stable.hold()
        (only,) = produce(log, "a")
        await rig.until(lambda: rig.stable.sent)
        log.lose(0)
        log.get_back(0)
        await rig.until(lambda: log.partitions() and not log.partitions()[0].paused)
        await rig.rest(2)
        rig.stable.release()
        await rig.empty()
        assert rig.stable.ids == [only]
        assert log.committed == {0: 1}


async def test_there_is_one_receive_at_a_time_and_nothing_lingers() -> None:
    log = InMemoryLog(kafka())
    wide = replace(STABLE, max_in_flight=5000)
    many = route(log.plan, versions=(wide, CANARY), max_in_flight=5000)
    async with at_work(many, log) as rig:
        produce(log, *(f"k-{each}" for each in range(2000)))
        began = rig.now
        await rig.empty()
        assert rig.now == began
        brought = [each.brought for each in log.calls_of(Operation.RECEIVE)]
        assert min(brought[:4]) > 50
        assert log.most_receiving == 1


async def test_a_topic_that_is_not_there_is_called_a_topic() -> None:
    log = InMemoryLog(kafka())
    log.faults.script(Operation.RESOLVE, refused("it is not there"))
    async with at_work(route(log.plan), log, started=False) as rig:
        assert rig.running.unready == "its topic is not resolved yet"
        rig.start()
        await rig.until(lambda: rig.running.phase.why.startswith("topic"))
        assert rig.running.unready == "topic orders: it is not there"


async def test_a_receive_that_fails_says_which_topic() -> None:
    log = InMemoryLog(kafka())
    log.faults.script(Operation.RECEIVE, refused("no broker"))
    async with at_work(route(log.plan), log) as rig:
        await rig.until(lambda: rig.running.unready)
        assert rig.running.unready == "topic orders: no broker"


async def test_a_sampled_record_is_traced_over_its_retry() -> None:
    log = InMemoryLog(kafka())
    spans = Spans()
    to_topic = replace(CANARY, url="", topic=TopicAddress("orders.b1"))
    both = route(log.plan, canary=100, versions=(STABLE, to_topic))
    async with at_work(both, log, tracing=RouteTracing(both, spans)) as rig:
        rig.canary.answer("orders/0/0", Unreachable("no broker"))
        trace = "0af7651916cd43dd8448eb211c80319c"
        header = ("traceparent", f"00-{trace}-b7ad6b7169203331-01".encode())
        log.produce("a", headers=(header,))
        await rig.empty()
        assert [each.cause for each in log.releases] == [ReleaseCause.FAILED]
        assert rig.running.view().partitions == log.partitions()
    one = ["receive orders", "process orders", "send orders.b1"]
    assert [each.name for each in spans.seen] == [*one, "release orders", *one, "delete orders"]
    assert {each.attributes["messaging.system"] for each in spans.seen} == {"kafka"}


async def test_a_mirror_gets_copies_of_records() -> None:
    log = InMemoryLog(kafka())
    mirrored = on_log(any_route(mirror=mirror(), retry=RETRY), log.plan)
    async with at_work(mirrored, log) as rig:
        sent = produce(log, "a", "b")
        await rig.empty()
        await rig.until(lambda: len(rig.mirror.sent) == 2)
        assert ids(rig.mirror.sent) == ids(rig.stable.sent) == sent
        copied = rig.observer.of(Mirrored)
        assert {each.outcome for each in copied} <= {CopyOutcome.SENT}


@pytest.mark.parametrize(
    ("canary", "phase"), [(200, RolloutPhase.PROMOTED), (500, RolloutPhase.ABORTED)]
)
async def test_a_rollout_judges_a_canary_that_gets_records(
    canary: int, phase: RolloutPhase
) -> None:
    keys = "rollout: {steps: [10, 50, 100], every: 10s, min_messages: 20, max_failure_ratio: 5%}"
    log = InMemoryLog(kafka(max_attempts=2))
    async with judged(on_log(route_of(keys), log.plan), queue=log) as one:
        one.rig.canary.default = Responded(canary)
        for turn in range(2000):
            if one.view.phase is phase:
                break
            for each in range(5):
                log.produce(f"k-{turn}-{each}")
            await one.rig.rest(0.1)
        assert one.view.phase is phase
