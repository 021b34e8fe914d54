"""A target that is a queue: batches, order, timeouts, look-ups and depth, in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.sqs.queue_target import LINGER_SECONDS
from gateway.core.delivery.disposition import (
    Accepted,
    Broken,
    DeliveryResult,
    Refused,
    Throttled,
    TimedOut,
    Unconfirmed,
    Unreachable,
)
from gateway.core.events import ForwardedUnstamped, RouteWarned, VersionQueueDepth
from gateway.ports import EntryError, SourceError
from tests.builders import message
from tests.fakes import VIRTUAL_TIME
from tests.fakes.queue_calls import FakeQueueCalls
from tests.fakes.queue_targets import delivering, queue_plan

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from tests.fakes.queue_targets import Deliveries

pytestmark = VIRTUAL_TIME

MISSING = SourceError("get_queue_url: no such queue", "NonExistentQueue", "create it")
DENIED = SourceError("send_message_batch: AccessDenied: no", "AccessDenied", "allow it")
ACCEPTED = Accepted()


def several(count: int, length: int = 0) -> list[Message]:
    return [message(f"{n}{'x' * length}", message_id=f"m-{n}") for n in range(count)]


def in_group(group: str, count: int) -> list[Message]:
    return [message(f"{group}{n}", message_id=f"{group}{n}", group=group) for n in range(count)]


# ---- batches ------------------------------------------------------------------------------


async def test_messages_of_one_moment_share_a_call() -> None:
    calls = FakeQueueCalls()
    async with delivering(calls) as at:
        assert await at.deliver(*several(25)) == [ACCEPTED] * 25
    assert [len(batch.entries) for batch in calls.sends] == [10, 10, 5]
    assert calls.sends[2].began_at == pytest.approx(LINGER_SECONDS, abs=0.002)
    assert calls.sends[0].began_at < LINGER_SECONDS / 2


async def test_plans_share_a_call_each_under_its_own_tag() -> None:
    calls = FakeQueueCalls()
    one, other = several(2)
    async with delivering(calls) as at:
        at.start(one, queue_plan("v2"))
        at.start(other, queue_plan("v1"))
        assert await at.results_of(one, other) == [ACCEPTED, ACCEPTED]
    ((_, ours), (_, theirs)) = calls.sends[0].entries
    assert (ours["version"].text, theirs["version"].text) == ("v2", "v1")


async def test_a_batch_stays_within_the_mebibyte_of_sqs() -> None:
    calls = FakeQueueCalls()
    async with delivering(calls) as at:
        sent = several(20, length=120 * 1024)
        assert await at.deliver(*sent) == [ACCEPTED] * 20
    assert [len(batch.entries) for batch in calls.sends] == [8, 8, 4]


async def test_what_may_be_in_flight_at_once_waits_for_no_more() -> None:
    calls = FakeQueueCalls()
    async with delivering(calls, max_in_flight=2) as at:
        await at.deliver(*several(2))
    assert calls.sends[0].began_at < LINGER_SECONDS / 2


async def test_several_calls_run_side_by_side() -> None:
    calls = FakeQueueCalls()
    calls.takes_seconds = 1
    async with delivering(calls) as at:
        await at.deliver(*several(100))
    assert len(calls.sends) == 10
    assert {batch.began_at for batch in calls.sends} == {calls.sends[0].began_at}


# ---- results ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            EntryError("InvalidMessageContents", "InvalidMessageContents: odd", sender_fault=True),
            Refused("InvalidMessageContents", "odd"),
        ),
        (EntryError("InternalError", "InternalError: later"), Unconfirmed("InternalError: later")),
        (EntryError("Unmentioned", "not mentioned"), Unconfirmed("not mentioned")),
        (
            EntryError("RequestThrottled", "RequestThrottled: slow", sender_fault=True),
            Throttled("RequestThrottled: slow"),
        ),
        (
            EntryError("KMS.ThrottlingException", "slow", sender_fault=True),
            Throttled("slow"),
        ),
        (
            EntryError("KMS.AccessDeniedException", "no key", sender_fault=True),
            Unreachable("queue b1: no key"),
        ),
    ],
)
async def test_a_failed_entry_fails_alone(error: EntryError, expected: DeliveryResult) -> None:
    calls = FakeQueueCalls()
    calls.entry_errors["1"] = error
    async with delivering(calls) as at:
        assert await at.deliver(*several(3)) == [ACCEPTED, expected, ACCEPTED]


@pytest.mark.parametrize(
    "code",
    [
        *("NonExistentQueue", "QueueDoesNotExist", "AccessDenied", "AccessDeniedException"),
        *("InvalidAddress", "KmsAccessDenied", "KMS.AccessDeniedException", "KmsDisabled"),
        *("KmsInvalidState", "KmsNotFound", "KmsInvalidKeyUsage", "KmsOptInRequired"),
    ],
)
async def test_a_queue_that_cannot_take_messages_is_unreachable(code: str) -> None:
    calls = FakeQueueCalls()
    calls.failures.append(SourceError("why", code, "do this"))
    async with delivering(calls) as at:
        results = await at.deliver(*several(2))
    assert results == [Unreachable("queue b1: why (do this)")] * 2


ANY_OTHER = (
    *("ServiceUnavailable", "ConnectionClosedError", "InvalidResponse", "ExpiredToken"),
    *("EndpointConnectionError", "UnsupportedOperation", "InvalidSecurity", "500"),
    "InternalError",
)
THROTTLED = ("RequestThrottled", "ThrottlingException", "KmsThrottled", "OverLimit")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, Unconfirmed("why")) for code in ANY_OTHER),
        *((code, Throttled("why")) for code in THROTTLED),
    ],
)
async def test_any_other_failure_is_retried(code: str, expected: DeliveryResult) -> None:
    calls = FakeQueueCalls()
    calls.failures.append(SourceError("why", code))
    async with delivering(calls) as at:
        results = await at.deliver(*several(2))
    assert results == [expected] * 2
    assert isinstance(results[0], Broken)


@pytest.mark.parametrize(
    "code",
    [
        *("InvalidMessageContents", "InvalidParameterValue", "BatchRequestTooLong"),
        *("InvalidAttributeValue", "MissingParameter", "SerializationException", "MalformedInput"),
    ],
)
async def test_one_message_that_sqs_refuses_with_its_batch_is_found_and_refused_alone(
    code: str,
) -> None:
    calls = FakeQueueCalls()
    calls.failures.append(SourceError("batch", code))
    calls.entry_errors["1"] = EntryError(code, f"{code}: odd", sender_fault=True)
    async with delivering(calls) as at:
        assert await at.deliver(*several(3)) == [ACCEPTED, Refused(code, "odd"), ACCEPTED]
    assert [len(batch.entries) for batch in calls.sends] == [3, 1, 1, 1]


async def test_a_single_message_that_sqs_refuses_as_a_batch_is_refused() -> None:
    calls = FakeQueueCalls()
    calls.failures.append(SourceError("odd", "InvalidMessageContents"))
    async with delivering(calls) as at:
        assert await at.deliver(*several(1)) == [Refused("InvalidMessageContents", "odd")]


async def test_a_defect_is_the_result_of_each_message_of_its_batch() -> None:
    calls = FakeQueueCalls()
    calls.failures.append(KeyError("defect"))  # type: ignore[arg-type]
    async with delivering(calls) as at:
        results = await at.deliver(*several(2))
    assert all(isinstance(result, KeyError) for result in results)


async def test_a_message_without_room_for_its_tag_is_counted_once_it_is_confirmed() -> None:
    calls = FakeQueueCalls()
    full = message("full", attributes={f"a{n}": "x" for n in range(10)})
    calls.entry_errors["full"] = EntryError("InternalError", "later")
    async with delivering(calls) as at:
        await at.deliver(full)
        assert at.events == []
        del calls.entry_errors["full"], at.results["full"]
        await at.deliver(full, *several(1))
        assert at.events == [ForwardedUnstamped("orders", "canary")]


# ---- timeouts, cancels, close -------------------------------------------------------------


async def test_a_call_without_a_response_ends_with_the_version_s_timeout() -> None:
    calls = FakeQueueCalls()
    calls.takes_seconds = 100
    async with delivering(calls) as at:
        began = asyncio.get_running_loop().time()
        results = await at.deliver(*several(2), plan=queue_plan(timeout_seconds=3.0))
        assert asyncio.get_running_loop().time() - began == pytest.approx(3.0)
    assert results == [TimedOut(3.0)] * 2
    assert calls.cut == 1


async def test_a_message_given_up_before_its_call_is_not_sent() -> None:
    calls = FakeQueueCalls()
    one, other = several(2)
    async with delivering(calls) as at:
        at.start(one).cancel()
        await at.deliver(other)
    assert at.results["0"] == []
    assert calls.confirmed == ["1"]


async def test_a_call_is_cut_once_none_of_its_messages_is_wanted() -> None:
    calls = FakeQueueCalls()
    calls.takes_seconds = 5
    async with delivering(calls) as at:
        sendings = [at.start(each) for each in several(10)]
        await asyncio.sleep(1)
        for sending in sendings[:9]:
            sending.cancel()
        await asyncio.sleep(0.1)
        assert calls.cut == 0
        sendings[9].cancel()
        await asyncio.sleep(0.1)
        assert calls.cut == 1
    assert not any(at.results.values())


async def test_a_closed_target_ends_once_what_is_under_way_is_done() -> None:
    """A reload replaced it: its deliveries go on."""
    calls = FakeQueueCalls()
    calls.takes_seconds = 5
    async with delivering(calls, max_depth=5) as at:
        sent = several(3)
        for each in sent:
            at.start(each)
        await at.target.close()
        assert at.running is not None
        await at.running
        assert await at.results_of(*sent) == [ACCEPTED] * 3


async def crash_after_a_second(calls: FakeQueueCalls) -> None:
    async with delivering(calls) as at:
        for each in several(3):
            at.start(each)
        await asyncio.sleep(1)
        raise RuntimeError("crash")


async def test_a_crash_around_it_ends_it_at_once() -> None:
    calls = FakeQueueCalls()
    calls.takes_seconds = 50
    with pytest.raises(ExceptionGroup):
        await crash_after_a_second(calls)
    assert calls.cut == 1


# ---- order --------------------------------------------------------------------------------


async def test_one_message_of_a_group_is_under_way_at_a_time() -> None:
    calls = FakeQueueCalls("b1.fifo")
    calls.takes_seconds = 1
    messages = [*in_group("a", 3), *in_group("b", 2)]
    async with delivering(calls) as at:
        assert await at.deliver(*messages) == [ACCEPTED] * 5
    assert [batch.bodies for batch in calls.sends] == [["a0", "b0"], ["a1", "b1"], ["a2"]]


async def test_a_message_of_a_group_given_up_lets_the_next_one_go() -> None:
    calls = FakeQueueCalls("b1.fifo")
    first, second, third = in_group("a", 3)
    async with delivering(calls) as at:
        sending = at.start(first)
        behind = at.start(second)
        at.start(third)
        behind.cancel()
        sending.cancel()
        await at.results_of(third)
    assert calls.confirmed == ["a2"]


async def test_a_group_waits_for_a_call_that_was_cut() -> None:
    calls = FakeQueueCalls("b1.fifo")
    calls.takes_seconds = 5
    first, second = in_group("a", 2)
    async with delivering(calls) as at:
        sending = at.start(first)
        await asyncio.sleep(1)
        at.start(second)
        sending.cancel()
        await at.results_of(second)
    assert (calls.cut, calls.confirmed) == (1, ["a1"])


# ---- look-ups -----------------------------------------------------------------------------


async def test_messages_wait_for_the_first_look_up() -> None:
    """Else each start would send a canary's first messages to stable."""
    calls = FakeQueueCalls()
    calls.lookup_seconds = 2
    async with delivering(calls) as at:
        assert await at.deliver(*several(3)) == [ACCEPTED] * 3


async def test_a_look_up_that_hangs_is_unreachable_within_the_timeout() -> None:
    calls = FakeQueueCalls()
    calls.lookup_seconds = 60
    async with delivering(calls) as at:
        (result,) = await at.deliver(*several(1), plan=queue_plan(timeout_seconds=3.0))
    assert result == Unreachable("queue b1 could not be looked up in time")


async def test_a_missing_queue_is_told_once_and_looked_up_at_least_every_30_s() -> None:
    calls = FakeQueueCalls()
    calls.missing = MISSING
    async with delivering(calls) as at:
        why = "queue b1: get_queue_url: no such queue (create it)"
        assert await at.deliver(*several(1)) == [Unreachable(why)]
        await asyncio.sleep(300)
        gaps = [b - a for a, b in zip(calls.looked_up_at, calls.looked_up_at[1:], strict=False)]
        assert gaps[:4] == pytest.approx([1, 2, 4, 8])
        assert max(gaps) == pytest.approx(30)
        warned = RouteWarned(
            "orders", "version canary: queue b1: get_queue_url: no such queue", "create it"
        )
        assert at.events == [warned]
        calls.missing = None
        await asyncio.sleep(30)
        at.results.clear()
        assert await at.deliver(*several(1)) == [ACCEPTED]
    assert calls.sends[0].bodies == ["0"]


async def test_a_queue_deleted_while_it_runs_is_looked_up_and_used_again() -> None:
    calls = FakeQueueCalls()
    one, two, three, four = several(4)
    async with delivering(calls) as at:
        assert await at.deliver(one) == [ACCEPTED]
        calls.missing = MISSING
        (result,) = await at.deliver(two)
        assert isinstance(result, Unreachable)
        await asyncio.sleep(5)
        await at.deliver(three)
        assert len(calls.sends) == 2  # nothing is sent to what is known to be missing
        calls.missing = None
        await asyncio.sleep(30)
        assert await at.deliver(four) == [ACCEPTED]


async def test_a_queue_given_by_its_url_is_tried_by_each_send() -> None:
    calls = FakeQueueCalls("https://sqs.eu-west-1.amazonaws.com/123456789012/b1")
    calls.failures.append(MISSING)
    one, two = several(2)
    async with delivering(calls) as at:
        assert isinstance((await at.deliver(one))[0], Unreachable)
        assert await at.deliver(two) == [ACCEPTED]
    assert len(calls.looked_up_at) == 1


# ---- depth --------------------------------------------------------------------------------


async def test_a_queue_with_more_than_max_depth_messages_is_unreachable() -> None:
    calls = FakeQueueCalls()
    calls.depth = 6
    async with delivering(calls, max_depth=5) as at:
        (result,) = await at.deliver(*several(1))
        assert result == Unreachable("queue b1 holds 6 messages, more than max_depth 5")
        calls.depth = 5
        await asyncio.sleep(10)
        at.results.clear()
        assert await at.deliver(*several(1)) == [ACCEPTED]
        await asyncio.sleep(30)
    gaps = [b - a for a, b in zip(calls.asked_at, calls.asked_at[1:], strict=False)]
    assert gaps == pytest.approx([10] * len(gaps))


def warnings(at: Deliveries) -> list[RouteWarned]:
    return [each for each in at.events if isinstance(each, RouteWarned)]


async def test_while_the_depth_cannot_be_asked_the_last_response_counts() -> None:
    calls = FakeQueueCalls()
    calls.depth = 6
    async with delivering(calls, max_depth=5) as at:
        await at.deliver(*several(1))
        calls.attributes_error = DENIED
        await asyncio.sleep(60)
        at.results.clear()
        assert isinstance((await at.deliver(*several(1)))[0], Unreachable)
        (warning,) = warnings(at)
    assert warning.what.startswith(
        "version canary: queue b1 cannot be asked for its depth, which counts as 6 messages: "
    )


async def test_a_depth_that_was_never_told_means_room() -> None:
    calls = FakeQueueCalls()
    calls.depth, calls.attributes_error = 6, DENIED
    async with delivering(calls, max_depth=5) as at:
        assert await at.deliver(*several(1)) == [ACCEPTED]
        (warning,) = warnings(at)
    what = "version canary: queue b1 cannot be asked for its depth, which counts as room: "
    assert warning == RouteWarned("orders", f"{what}{DENIED.why}", "allow it")


async def test_a_depth_that_is_not_told_in_time_means_room() -> None:
    """Messages wait for it at the start, so it may not take all of their timeout."""
    calls = FakeQueueCalls()
    calls.depth, calls.attributes_seconds = 6, 60
    async with delivering(calls, max_depth=5) as at:
        plan = queue_plan(timeout_seconds=5)
        assert await at.deliver(*several(1), plan=plan) == [ACCEPTED]
        (warning,) = warnings(at)
    assert "no response within 3 s" in warning.what


async def test_each_time_that_the_depth_is_unknown_anew_is_told() -> None:
    """Without it a limit that never holds looks as if it did."""
    calls = FakeQueueCalls()
    async with delivering(calls, max_depth=5) as at:
        for _ in range(2):
            calls.attributes_error = DENIED
            await asyncio.sleep(30)
            calls.attributes_error = None
            await asyncio.sleep(30)
        assert len(warnings(at)) == 2


async def test_each_depth_is_told_and_that_none_is_known() -> None:
    calls = FakeQueueCalls()
    calls.depth = 4
    async with delivering(calls, max_depth=5) as at:
        await at.deliver(*several(1))
        calls.attributes_error = DENIED
        await asyncio.sleep(10)
        calls.attributes_error, calls.depth = None, 3
        await asyncio.sleep(10)
        calls.missing = MISSING
        at.results.clear()
        await at.deliver(*several(1))
    told = [each.messages for each in at.events if isinstance(each, VersionQueueDepth)]
    assert told == [None, 4, 3, None]


async def test_a_closed_target_tells_no_depth_any_more() -> None:
    """The version may have another queue by then; what is under way is finished all the same."""
    calls = FakeQueueCalls()
    calls.depth = 4
    calls.takes_seconds = 25
    async with delivering(calls, max_depth=5) as at:
        at.start(several(1)[0])
        await asyncio.sleep(1)
    told = [each.messages for each in at.events if isinstance(each, VersionQueueDepth)]
    assert (told, len(calls.asked_at)) == ([None, 4], 3)


async def test_without_max_depth_the_depth_is_not_asked() -> None:
    calls = FakeQueueCalls()
    async with delivering(calls) as at:
        await at.deliver(*several(1))
        await asyncio.sleep(60)
    assert calls.asked_at == []


# ---- a delay of a FIFO queue --------------------------------------------------------------


async def test_a_fifo_queue_with_a_delay_of_its_own_is_a_warning() -> None:
    calls = FakeQueueCalls("b1.fifo")
    calls.delay_seconds = 30
    async with delivering(calls) as at:
        await asyncio.sleep(60)
        (warning,) = at.events
    assert isinstance(warning, RouteWarned)
    assert "version canary: queue b1.fifo delays each message by 30 s" in warning.what


async def test_a_denied_question_for_the_delay_is_silent() -> None:
    calls = FakeQueueCalls("b1.fifo")
    calls.attributes_error = DENIED
    async with delivering(calls) as at:
        await asyncio.sleep(60)
        assert at.events == []
    assert len(calls.asked_at) == 1
