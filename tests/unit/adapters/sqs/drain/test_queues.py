"""What a drain makes of the answers of its two queues."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.adapters.sqs.drain.ends import Depth, NotSent
from gateway.adapters.sqs.drain.queues import SqsEnd
from gateway.ports import EntryError, SourceError
from tests.builders import message
from tests.fakes import VIRTUAL_TIME
from tests.fakes.queue_calls import FakeQueueCalls

pytestmark = VIRTUAL_TIME
THREE = [message(str(number), message_id=f"m-{number}") for number in range(3)]


def end(calls: Any) -> SqsEnd:
    return SqsEnd(calls)


async def test_a_batch_that_is_refused_for_one_message_is_sent_one_by_one() -> None:
    """Else the same batch is refused for ever, and the drain never ends."""
    calls = FakeQueueCalls()
    calls.failures.append(SourceError("too long", "BatchRequestTooLong"))
    calls.entry_errors["1"] = EntryError("InvalidParameterValue", "too long", sender_fault=True)
    assert await end(calls).send(THREE) == {1: NotSent("too long", refused=True)}
    assert calls.confirmed == ["0", "2"]


async def test_a_message_that_is_refused_alone_is_refused() -> None:
    calls = FakeQueueCalls()
    calls.failures.append(SourceError("odd", "InvalidMessageContents"))
    assert await end(calls).send(THREE[:1]) == {0: NotSent("odd", refused=True)}


async def test_a_failure_in_between_leaves_the_others_sent() -> None:
    calls = FakeQueueCalls()
    calls.failures += [SourceError("odd", "InvalidMessageContents"), SourceError("later", "500")]
    assert await end(calls).send(THREE) == {0: NotSent("later")}
    assert calls.confirmed == ["1", "2"]


async def test_a_call_that_fails_for_another_reason_fails() -> None:
    calls = FakeQueueCalls()
    calls.failures.append(SourceError("no", "AccessDenied"))
    with pytest.raises(SourceError, match="no"):
        await end(calls).send(THREE)


@pytest.mark.parametrize("code", ["RequestThrottled", "ThrottlingException", "KmsThrottled"])
async def test_throttling_is_no_refusal_though_sqs_blames_the_sender(code: str) -> None:
    calls = FakeQueueCalls()
    calls.entry_errors["0"] = EntryError(code, "slow down", sender_fault=True)
    assert await end(calls).send(THREE) == {0: NotSent("slow down")}


async def test_the_counts_of_the_queue_are_its_depth() -> None:
    calls = FakeQueueCalls()
    calls.depth = 7
    assert await end(calls).depth() == Depth(7, 0, 0)
