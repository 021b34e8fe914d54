"""What both clients make of responses that an SQS, or something like it, may give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.core.addresses import parse_queue
from gateway.ports import Redrive, SourceError
from tests.unit.adapters.sqs.scripted_sqs import ARN, REGION, ScriptedSqs, scripted_sqs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.backends import SqsKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEASE = 30


class Stage:
    """An adapter of one kind before a scripted SQS."""

    def __init__(self, sqs: ScriptedSqs, clients: SqsClients, kind: type[SqsKind]) -> None:
        self.sqs, self._clients, self._kind = sqs, clients, kind

    async def source(self, queue: str = "orders", dead_letter: str = "") -> SqsKind:
        beside = parse_queue(dead_letter) if dead_letter else None
        source = self._kind(self._clients, parse_queue(queue), beside)
        await source.open()
        return source


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sqs() -> AsyncIterator[ScriptedSqs]:
    async with scripted_sqs() as sqs:
        yield sqs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients() -> AsyncIterator[SqsClients]:
    async with SqsClients() as clients:
        yield clients


@pytest.fixture(params=[NativeSqsSource, SdkSqsSource])
def stage(
    request: pytest.FixtureRequest,
    sqs: ScriptedSqs,
    clients: SqsClients,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", sqs.url)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    sqs.responses.clear()
    sqs.asked.clear()
    return Stage(sqs, clients, request.param)


def raw(name: str, **members: Any) -> dict[str, Any]:
    return {"MessageId": name, "Body": "{}", "ReceiptHandle": f"r-{name}", **members}


@pytest.mark.parametrize("queue", ["orders", "orders.fifo"])
async def test_null_messages_are_an_empty_receive(stage: Stage, queue: str) -> None:
    stage.sqs.responses["ReceiveMessage"] = {"Messages": None}
    assert await (await stage.source(queue)).receive(10, 0, LEASE) == []


async def test_null_members_of_a_message_are_what_absent_ones_are(stage: Stage) -> None:
    nulls = dict.fromkeys(("Attributes", "MessageAttributes", "MD5OfBody"))
    stage.sqs.responses["ReceiveMessage"] = {"Messages": [raw("m", **nulls)]}
    (message,) = await (await stage.source()).receive(10, 0, LEASE)
    assert (message.message_id, message.group, dict(message.attributes)) == ("m", None, {})


async def test_null_lists_of_a_batch_are_what_absent_ones_are(stage: Stage) -> None:
    source = await stage.source()
    gone = {"Id": "0", "Code": "ReceiptHandleIsInvalid", "Message": None, "SenderFault": True}
    for operation in ("DeleteMessageBatch", "ChangeMessageVisibilityBatch"):
        stage.sqs.responses[operation] = {"Successful": [{"Id": "0"}], "Failed": None}
    assert await source.ack(["r"]) == {}
    assert await source.set_leases([("r", 1)]) == {}
    stage.sqs.responses["DeleteMessageBatch"] = {"Successful": None, "Failed": [gone]}
    failed = await source.ack(["r"])
    assert (failed[0].lease_lost, "None" in failed[0].why) == (True, False)


@pytest.mark.parametrize("attributes", [{"VisibilityTimeout": None}, {"Policy": "{}"}])
async def test_a_queue_that_does_not_tell_its_timeout_is_opened(
    stage: Stage, attributes: dict[str, Any]
) -> None:
    stage.sqs.responses["GetQueueAttributes"] = {"Attributes": attributes}
    assert (await (await stage.source()).open()).lease_seconds == 0


async def test_null_attributes_of_a_queue_confirm_nothing(stage: Stage) -> None:
    stage.sqs.responses["GetQueueAttributes"] = {"Attributes": None}
    with pytest.raises(SourceError, match="Attributes"):
        await stage.source()


async def test_one_message_that_cannot_be_read_does_not_keep_the_others_back(stage: Stage) -> None:
    bad = [
        raw("count", Attributes={"ApproximateReceiveCount": ""}),
        raw("type", MessageAttributes={"a": {"DataType": 1}}),
        raw("list", MessageAttributes=[]),
    ]
    good = [raw(f"m-{at}") for at in range(6)]
    stage.sqs.responses["ReceiveMessage"] = {"Messages": [*good[:3], *bad, *good[3:]]}
    batch = await (await stage.source()).receive(10, 0, LEASE)
    assert [each.message_id for each in batch] == [f"m-{at}" for at in range(6)]
    assert [each.message_id for each in batch.unreadable] == ["count", "type", "list"]
    assert "ApproximateReceiveCount: must be a whole number" in batch.unreadable[0].why


# ---- the redrive policy, and which queue it is --------------------------------------------------


def policy(queue: str, receives: object) -> dict[str, str]:
    arn = f"{ARN.rpartition(':')[0]}:{queue}"
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": receives})}


@pytest.mark.parametrize("receives", [5, "5"])
async def test_the_redrive_policy_is_read_when_the_queue_is_opened(
    stage: Stage, receives: object
) -> None:
    stage.sqs.responses["GetQueueAttributes"] = {
        "Attributes": {"VisibilityTimeout": "30", **policy("orders-dead", receives)}
    }
    traits = await (await stage.source()).open()
    assert traits.redrive == Redrive("orders-dead", 5)
    assert len(traits.dead_letters) == 1
    asked = stage.sqs.requests("GetQueueAttributes")[0]["AttributeNames"]
    assert asked == ["VisibilityTimeout", "RedrivePolicy", "QueueArn"]


@pytest.mark.parametrize("text", ["", "null", "{}", "[]", "{", '{"maxReceiveCount": 3}', None])
async def test_without_a_redrive_policy_that_can_be_read_there_is_none(
    stage: Stage, text: str | None
) -> None:
    stage.sqs.responses["GetQueueAttributes"] = {
        "Attributes": {"VisibilityTimeout": "30", "RedrivePolicy": text}
    }
    traits = await (await stage.source()).open()
    assert (traits.redrive, traits.dead_letters) == (None, frozenset())


async def test_a_queue_is_one_by_name_url_and_arn(stage: Stage) -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/123456789012/orders"
    found = [await (await stage.source(each)).open() for each in ("orders", url, ARN)]
    assert len({traits.identity for traits in found}) == 1
    others = ("other", ARN.replace(REGION, "us-east-1"), url.replace("123", "321"))
    for other in others:
        assert (await (await stage.source(other)).open()).identity != found[0].identity


async def test_a_redrive_policy_and_a_reject_queue_are_known_as_the_queue_they_name(
    stage: Stage,
) -> None:
    dead = await (await stage.source("dead")).open()
    stage.sqs.responses["GetQueueAttributes"] = {
        "Attributes": {"VisibilityTimeout": "30", "QueueArn": ARN, **policy("dead", 3)}
    }
    traits = await (await stage.source(dead_letter=ARN.replace("orders", "rejected"))).open()
    stage.sqs.responses.clear()
    rejected = await (await stage.source("rejected")).open()
    assert traits.dead_letters == {dead.identity, rejected.identity}


# ---- what emulators leave out -------------------------------------------------------------------


@pytest.mark.parametrize("queue", ["orders", "orders.fifo"])
async def test_system_attributes_are_asked_for_by_both_names_of_the_parameter(
    stage: Stage, queue: str
) -> None:
    await (await stage.source(queue)).receive(10, 0, LEASE)
    (asked,) = stage.sqs.requests("ReceiveMessage")
    assert asked["MessageSystemAttributeNames"] == asked["AttributeNames"] == ["All"]
    assert asked["MessageAttributeNames"] == ["All"]


async def test_system_attributes_that_are_left_out_are_not_known(stage: Stage) -> None:
    stage.sqs.responses["ReceiveMessage"] = {"Messages": [raw("m")]}
    (message,) = await (await stage.source("orders.fifo")).receive(10, 0, LEASE)
    assert (message.sent_ms, message.first_received_ms, message.counted) == (0, 0, False)
    assert message.group is None


# ---- errors -------------------------------------------------------------------------------------

KMS = {
    "KmsAccessDenied": ("KMS.AccessDeniedException", "kms:Decrypt"),
    "KmsDisabled": ("KMS.DisabledException", "enable"),
    "KmsInvalidKeyUsage": ("KMS.InvalidKeyUsageException", "symmetric"),
    "KmsInvalidState": ("KMS.InvalidStateException", "deletion"),
    "KmsNotFound": ("KMS.NotFoundException", "does not exist"),
    "KmsOptInRequired": ("KMS.OptInRequired", "subscription"),
    "KmsThrottled": ("KMS.ThrottlingException", "KmsDataKeyReusePeriodSeconds"),
}


def error(kind: str, query: str = "") -> tuple[int, dict[str, str], dict[str, str]]:
    headers = {"x-amzn-query-error": f"{query};Sender"} if query else {}
    return 400, {"__type": f"com.amazonaws.sqs#{kind}", "message": "No."}, headers


@pytest.mark.parametrize("kind", KMS)
@pytest.mark.parametrize("with_query_code", [True, False])
async def test_an_error_of_kms_has_its_whole_code_and_the_page_about_keys(
    stage: Stage, kind: str, *, with_query_code: bool
) -> None:
    query, hint = KMS[kind]
    source = await stage.source()
    stage.sqs.responses["ReceiveMessage"] = error(kind, query if with_query_code else "")
    with pytest.raises(SourceError) as failed:
        await source.receive(10, 0, LEASE)
    assert failed.value.code == (query if with_query_code else kind)
    assert failed.value.code in str(failed.value)
    assert hint in failed.value.what_to_do
    assert "docs/how-to/iam.md" in failed.value.what_to_do
    assert failed.value.what_to_do in str(failed.value)
    assert "sqs:GetQueueUrl" not in str(failed.value)


async def test_a_dead_letter_queue_that_is_missing_says_what_to_do_once(stage: Stage) -> None:
    stage.sqs.responses["GetQueueUrl"] = error("QueueDoesNotExist")
    url = f"{stage.sqs.url}/123456789012/orders"
    with pytest.raises(SourceError, match="dead-letter queue dead: ") as failed:
        await stage.source(url, dead_letter="dead")
    assert failed.value.code == "QueueDoesNotExist"
    assert str(failed.value).count(failed.value.what_to_do) == 1


async def test_the_prefix_of_the_query_protocol_alone_is_cut(stage: Stage) -> None:
    source = await stage.source()
    query = "AWS.SimpleQueueService.NonExistentQueue"
    for given in (query, "Some.Other.Code"):
        stage.sqs.responses["ReceiveMessage"] = error("QueueDoesNotExist", given)
        with pytest.raises(SourceError) as failed:
            await source.receive(10, 0, LEASE)
        assert failed.value.code == given.removeprefix("AWS.SimpleQueueService.")
