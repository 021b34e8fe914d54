"""What went wrong in other systems that move SQS messages to services: one story each.

The number is the lesson's, the names in brackets are where it was reported. Nearly all of it has
closer tests beside the part that it is about; here the whole route is at work.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import Any

import pytest

from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound
from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.routing.decider import decide
from gateway.core.routing.route import Backoff
from tests.builders import STABLE, attribute, message, route, version
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import LOST, Fault, Operation, entries_fail
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource

pytestmark = VIRTUAL_TIME

HOUR = 3600
PATIENT = version("stable", "v1", timeout_seconds=HOUR)


def receive_counts(rig: Rig) -> set[int]:
    return {each.receive_count for each in rig.queue.messages}


async def test_lesson_01_work_longer_than_the_lease_is_done_once() -> None:
    """[redpanda-data/connect#1948, awspring/spring-cloud-aws#1554]."""
    async with at_work(route(versions=[PATIENT], visibility_seconds=2)) as rig:
        rig.stable.takes_seconds = 9
        rig.queue.send_many(60)
        await rig.empty()
        assert len(rig.stable.sent) == 60
        assert receive_counts(rig) == {1}


async def test_lesson_02_an_extension_goes_by_the_queue_s_own_timeout() -> None:
    """[warpstreamlabs/bento#878]."""
    async with at_work(route(versions=[PATIENT]), visibility_seconds=90) as rig:
        rig.stable.takes_seconds = 200
        rig.queue.send()
        await rig.empty()
        calls = rig.queue.calls_of(Operation.CHANGE_VISIBILITY)
        assert {seconds for call in calls for _, seconds in call.asked} == {90}
        assert receive_counts(rig) == {1}


async def test_lesson_03_extensions_go_on_after_the_stop_signal() -> None:
    """[ruby-shoryuken/shoryuken#636]."""
    async with at_work(route(versions=[PATIENT], visibility_seconds=3)) as rig:
        rig.stable.takes_seconds = 20
        rig.queue.send_many(5)
        await rig.until(lambda: rig.stable.running == 5)
        await rig.stop(drain_seconds=60)
        assert rig.queue.left == []
        assert receive_counts(rig) == {1}


async def test_lesson_04_a_stop_lets_the_long_poll_finish_and_strands_nothing() -> None:
    """[aws/aws-sdk-js#2350, aws/aws-sdk-java-v2#1395]."""
    async with at_work(route(wait_seconds=20), visibility_seconds=600) as rig:
        stopping = asyncio.create_task(rig.stop())
        await rig.rest(5)
        rig.queue.send()
        await stopping
        assert rig.queue.visible == ["m-1"], "the last poll got it and gave it back"


async def test_lesson_05_a_deploy_dead_letters_nothing_that_is_in_flight() -> None:
    """[bbc/sqs-consumer#567, cashapp/misk PR #3892]: ten deploys, and maxReceiveCount is 12."""
    queue = InMemorySource(visibility_seconds=600, max_receive_count=12)
    for deploy in range(10):
        async with at_work(route(versions=[PATIENT], wait_seconds=1), queue) as rig:
            rig.stable.takes_seconds = 100
            if not deploy:
                queue.send_many(20)
            await rig.until(lambda: rig.stable.running)
            await rig.stop(drain_seconds=2)
            assert set(queue.visible) == set(queue.left)
    assert queue.moved == []
    assert len(queue.left) == 20
    assert receive_counts(rig) == {10}


async def test_lesson_06_a_group_s_successors_wait_for_the_one_that_failed() -> None:
    """[awspring/spring-cloud-aws#124, dashbitco/broadway_sqs#78]."""
    async with at_work(route(queue="orders.fifo", retry=Backoff(1, 1))) as rig:
        rig.stable.answer("m-1", Responded(500), Responded(500))
        rig.queue.send_many(4, group="g")
        await rig.empty()
        assert rig.stable.ids == ["m-1", "m-1", "m-1", "m-2", "m-3", "m-4"]


async def test_lesson_07_failed_entries_of_a_batch_are_read_and_tried_again() -> None:
    """[bbc/sqs-consumer#193]."""
    async with at_work(route(visibility_seconds=600)) as rig:
        rig.queue.faults.script(Operation.DELETE, entries_fail(2, 5))
        rig.queue.send_many(10)
        await rig.empty()
        assert len(rig.stable.sent) == 10
        assert [len(call.asked) for call in rig.queue.calls_of(Operation.DELETE)] == [10, 2]


async def test_lesson_08_suppressing_duplicates_never_becomes_loss() -> None:
    """[kalaspuff/tomodachi PR #2074, MassTransit#5159]: it is back before its release returns."""
    async with at_work(route(), visibility_seconds=HOUR) as rig:
        slow = asyncio.Event()
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, Fault(after=slow))
        rig.stable.answer("m-1", Responded(503, 0.0))
        rig.queue.send()
        await rig.until(lambda: len(rig.stable.sent) == 2)
        slow.set()
        await rig.empty()
        assert rig.now < HOUR, "virtual: it did not wait for its lease to end"


async def test_lesson_08_a_message_that_is_in_hand_is_not_delivered_twice() -> None:
    async with at_work(route(versions=[PATIENT], visibility_seconds=4)) as rig:
        rig.stable.takes_seconds = 30
        rig.queue.faults.script(Operation.CHANGE_VISIBILITY, entries_fail(0, error=LOST))
        rig.queue.send()
        await rig.empty()
        assert receive_counts(rig) == {2}
        assert len(rig.stable.sent) == 1


async def test_lesson_09_one_slow_delivery_holds_up_nobody() -> None:
    """[awspring/spring-cloud-aws#1187, Netflix/conductor#3541]."""
    async with at_work(route(versions=[PATIENT], max_in_flight=20)) as rig:
        rig.stable.pace = lambda name: 1000.0 if name == "m-1" else 0.1
        rig.queue.send_many(500)
        await rig.until(lambda: len(rig.queue.left) == 1)
        assert rig.now < 1000
        assert rig.queue.left == ["m-1"]


async def test_lesson_10_nothing_is_received_that_cannot_be_delivered_now() -> None:
    """[Bogdanp/dramatiq_sqs PR #53]: what is not received cannot expire in a buffer."""
    async with at_work(route(versions=[PATIENT], max_in_flight=10)) as rig:
        rig.stable.hold()
        rig.queue.send_many(100)
        await rig.until(lambda: rig.stable.running == 10)
        await rig.rest(300)
        assert len(rig.queue.visible) == 90
        assert sum(each.receive_count for each in rig.queue.messages) == 10
        rig.stable.release()


@pytest.mark.parametrize("answer", [Responded(404), Unreachable("no such host")])
async def test_lesson_11_a_404_and_a_dns_error_ack_nothing(answer: Any) -> None:
    """[cloudamqp/lavinmq#1612]: what a half-rolled-back Service looks like."""
    async with at_work(route(retry=Backoff(1, 1))) as rig:
        rig.stable.answer("m-1", answer, answer)
        rig.queue.send()
        await rig.empty()
        assert len(rig.stable.sent) == 3
        assert rig.stable.sent[-1].result == Responded(200)


def test_lesson_12_a_timeout_that_no_lease_can_cover_is_a_problem() -> None:
    """[active-elastic-job#56]; below that the lease is extended for as long as a delivery runs."""
    file = b"routes: [{name: a, queue: a, versions: {b: {url: 'http://b/', timeout: 13h}}}]"
    with pytest.raises(ProblemsFound, match="timeout"):
        load(file, "routes.yaml")


async def test_lesson_13_a_service_that_sheds_load_is_polled_for_less() -> None:
    """[awspring/spring-cloud-aws#481]."""
    async with at_work(route(versions=[STABLE], max_in_flight=50)) as rig:
        rig.stable.default = Responded(429, 60.0)
        rig.queue.send_many(500)
        await rig.rest(300)
        assert sum(each.receive_count for each in rig.queue.messages) < 150
        rig.stable.default = Responded(200)
        await rig.empty()


async def test_lesson_14_an_entity_never_bounces_between_versions() -> None:
    """[istio/istio#33343, #9764]: also over redeliveries, restarts and a growing canary."""
    seen = defaultdict(list)
    for weight in (10, 30, 60):
        fifo = route({"stable": 100 - weight, "canary": weight}, queue="orders.fifo")
        async with at_work(fifo) as rig:
            for customer in range(40):
                rig.queue.send_many(2, group=f"customer-{customer}")
            await rig.empty()
            for target in ("stable", "canary"):
                for sent in rig.target(target).sent:
                    seen[sent.headers["message-group-id"]].append(target)
    for versions in seen.values():
        assert versions == sorted(versions, reverse=True), "once on the canary, always there"
    assert {tuple(versions) for versions in seen.values()} >= {
        ("stable",) * 6,
        ("stable",) * 2 + ("canary",) * 4,
        ("canary",) * 6,
    }


def test_lesson_15_what_an_sns_envelope_hides_can_be_matched_in_the_body() -> None:
    """[spring-attic/spring-integration-aws#225]: without raw delivery attributes are in there."""
    table = load(
        b"""
routes:
  - name: a
    queue: a
    versions: {stable: http://b/, canary: http://b1/}
    rules:
      - match: [{body: {MessageAttributes.version.Value: {exact: canary}}}]
        to: canary
""",
        "routes.yaml",
    )
    attributes = {"version": {"Type": "String", "Value": "canary"}}
    envelope = {"Type": "Notification", "Message": "{}", "MessageAttributes": attributes}
    decision = decide(message(json.dumps(envelope)), table.routes[0])
    assert decision.version is not None
    assert decision.version.name == "canary"


async def test_lesson_15_an_eleventh_attribute_does_not_fail_the_dead_letter_send() -> None:
    """[open-telemetry/opentelemetry-java-instrumentation#13799]."""
    queue = InMemorySource(dead_letters=InMemorySource("dead"))
    async with at_work(route(dead_letter=parse_queue("dead")), queue) as rig:
        rig.stable.default = Responded(422)
        rig.queue.send(attributes={f"a{number}": attribute("x") for number in range(10)})
        await rig.empty()
        assert queue.dead_letters is not None
        (copy,) = queue.dead_letters.messages
        assert len(copy.attributes) == 10
        assert {name for name in copy.attributes if name.startswith("gateway-")} == {
            "gateway-route", "gateway-version", "gateway-status", "gateway-reason",
        }  # fmt: skip


def test_every_lesson_has_a_test_with_its_number() -> None:
    numbers = {name.split("_")[2] for name in globals() if name.startswith("test_lesson_")}
    assert numbers == {f"{number:02}" for number in range(1, 16)}
