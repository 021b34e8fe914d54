"""What a target that is a queue promises (docs/reference/delivery.md), in front of an SQS.

By both clients, and by the fake of the unit tests.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import uuid4

import pytest
import pytest_asyncio

from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.queue_calls import QueueCalls
from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import (
    Accepted,
    Broken,
    Refused,
    TimedOut,
    Unreachable,
)
from gateway.core.events import ForwardedUnstamped, RouteWarned
from gateway.core.messages.message import Attribute
from tests.builders import message
from tests.fakes.queue_calls import FakeQueueCalls
from tests.fakes.queue_targets import delivering, queue_plan
from tools.emulator.errors import modeled
from tools.emulator.faults import Cut, Fault, Mangling
from tools.emulator.messages import Draft
from tools.emulator.rules import Rule, Rules
from tools.emulator.running import Served, served
from tools.sqs_model.message import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from gateway.core.messages.message import Message as ReceivedMessage
    from tests.fakes.queue_targets import Deliveries
    from tools.emulator.messages import Message

ACCEPTED = Accepted()
SENT_MS = 1_790_000_000_123
SEND = "SendMessageBatch"
KMS_DENIED = modeled("KmsAccessDenied", "no key", code="KMS.AccessDeniedException")


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def clients() -> AsyncIterator[SqsClients]:
    async with SqsClients() as clients:
        yield clients


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def emulator() -> AsyncIterator[Served]:
    async with served() as emulator:
        yield emulator


class Place(Protocol):
    """A queue, and targets in front of it. `emulator` takes and ends faults."""

    name: str
    emulator: Any

    def create(self, *, fifo: bool = False, **attributes: str) -> None:
        """Make the queue; before, and once deleted, it is missing."""

    def delete(self) -> None:
        """Remove it."""

    def delivering(self, **version: Any) -> AbstractAsyncContextManager[Deliveries]:
        """Run a target of a version with these settings."""

    @property
    def messages(self) -> Sequence[Any]:
        """What is in the queue, in order."""

    @property
    def drafts(self) -> Sequence[Draft]:
        """What was sent of these."""

    @property
    def requests(self) -> int:
        """How many sends there were."""

    def failing(self, *faults: Fault) -> AbstractAsyncContextManager[None]:
        """Have the next sends fail, one by each."""


@asynccontextmanager
async def failing(emulator: Any, faults: Sequence[Fault]) -> AsyncIterator[None]:
    left = list(faults)

    def intercept(operation: str, request: Mapping[str, Any]) -> Fault | None:
        return left.pop(0) if operation == SEND and left else None

    emulator.intercept = intercept
    try:
        yield
    finally:
        emulator.calm_down()


class EmulatedPlace:
    """A queue of its own in the emulator."""

    def __init__(self, emulator: Served, clients: SqsClients, *, native: bool) -> None:
        self.emulator = emulator.emulator
        self.name = f"b1-{uuid4().hex[:8]}"
        self._url = emulator.url
        self._clients, self._native = clients, native

    def create(self, *, fifo: bool = False, **attributes: str) -> None:
        if fifo:
            self.name += ".fifo"
            attributes["FifoQueue"] = "true"
        self.emulator.registry.create(self.name, attributes, self.emulator.clock())

    def delete(self) -> None:
        self.emulator.registry.remove(self.emulator.registry.named(self.name))

    def delivering(self, **version: Any) -> AbstractAsyncContextManager[Deliveries]:
        calls = QueueCalls(self._clients, parse_queue(self.name), native=self._native)
        return delivering(calls, **version)

    @property
    def messages(self) -> list[Message]:
        return self.emulator.registry.named(self.name).messages

    @property
    def drafts(self) -> list[Draft]:
        return [each.draft for each in self.messages]

    @property
    def requests(self) -> int:
        return int(self.emulator.registry.operations[self.name][SEND])

    def failing(self, *faults: Fault) -> AbstractAsyncContextManager[None]:
        return failing(self.emulator, faults)


class FakePlace:
    """The calls that the unit tests have in place of a client's."""

    def __init__(self) -> None:
        self.name = f"b1-{uuid4().hex[:8]}"
        self.emulator = self.calls = FakeQueueCalls(self.name)
        self.delete()

    def create(self, *, fifo: bool = False, **attributes: str) -> None:
        if fifo:
            self.name += ".fifo"
            self.calls.address = parse_queue(self.name)
        self.calls.missing = None
        self.calls.delay_seconds = int(attributes.get("DelaySeconds", 0))
        self.calls.max_bytes = int(attributes.get("MaximumMessageSize", 1_048_576))

    def delete(self) -> None:
        self.calls.remove()

    def delivering(self, **version: Any) -> AbstractAsyncContextManager[Deliveries]:
        return delivering(self.calls, **version)

    @property
    def messages(self) -> list[TakenMessage]:
        return [TakenMessage(_draft(*taken)) for taken in self.calls.taken.values()]

    @property
    def drafts(self) -> list[Draft]:
        return [each.draft for each in self.messages]

    @property
    def requests(self) -> int:
        return len(self.calls.sends)

    def failing(self, *faults: Fault) -> AbstractAsyncContextManager[None]:
        return failing(self.calls, faults)


class TakenMessage(NamedTuple):
    """A message that the fake took; nothing is delayed there."""

    draft: Draft
    stage: Stage = Stage.VISIBLE


def _draft(message: ReceivedMessage, attributes: Mapping[str, Attribute]) -> Draft:
    rendered = {
        name: {
            "DataType": each.data_type,
            "BinaryValue" if each.binary else "StringValue": each.text,
        }
        for name, each in attributes.items()
    }
    return Draft(message.body, rendered, message.group, message.message_id, message.trace_header)


class QueueTargetContract:
    """Inherited by the tests of each client; a subclass gives the fixture `place`."""

    async def test_body_and_attributes_arrive_as_they_were(self, place: Place) -> None:
        place.create()
        own = {
            "tenant": Attribute("String.account", "größer"),
            "weight": Attribute("Number.grams", "7.50"),
            "image": Attribute("Binary.gif", b64encode(bytes(range(256))).decode()),
            "baggage": Attribute("String", "a=1,version=v1"),
            "otel.baggage": Attribute("String", "version=v1"),
            "Version": Attribute("Number", "1"),
        }
        sent = message("größer ☃", attributes=own, sent_ms=SENT_MS)
        async with place.delivering() as at:
            assert await at.deliver(sent) == [ACCEPTED]
        (draft,) = place.drafts
        assert draft.body == "größer ☃"
        assert draft.attributes == {
            "tenant": {"DataType": "String.account", "StringValue": "größer"},
            "weight": {"DataType": "Number.grams", "StringValue": "7.50"},
            "image": {"DataType": "Binary.gif", "BinaryValue": own["image"].text},
            "baggage": {"DataType": "String", "StringValue": "a=1,version=v2"},
            "otel.baggage": {"DataType": "String", "StringValue": "version=v1"},
            "version": {"DataType": "String", "StringValue": "v2"},
            "x-gateway-sent-at": {"DataType": "Number", "StringValue": str(SENT_MS)},
        }

    async def test_trace_header_and_group_go_along_and_nothing_is_delayed(
        self, place: Place
    ) -> None:
        """The queue delays what does not say otherwise."""
        place.create(DelaySeconds="900")
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
        async with place.delivering() as at:
            await at.deliver(message(trace_header=trace, group="tenant-1"))
        (sent,) = place.messages
        assert (sent.draft.trace_header, sent.draft.group) == (trace, "tenant-1")
        assert sent.stage.name == "VISIBLE"

    async def test_ten_attributes_arrive_as_the_same_ten(self, place: Place) -> None:
        place.create()
        own = {f"a{number}": "x" for number in range(10)}
        async with place.delivering() as at:
            await at.deliver(message(attributes=own))
            assert at.events == [ForwardedUnstamped("orders", "canary")]
        assert set(place.drafts[0].attributes) == set(own)

    async def test_twenty_five_messages_are_three_requests(self, place: Place) -> None:
        place.create()
        async with place.delivering() as at:
            assert await at.deliver(*[message(str(n)) for n in range(25)]) == [ACCEPTED] * 25
        assert place.requests == 3
        assert {draft.body for draft in place.drafts} == {str(n) for n in range(25)}

    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
    async def test_bodies_of_120_kib_are_split_over_batches(self, place: Place) -> None:
        place.create()
        length = 120 * 1024
        async with place.delivering() as at:
            sent = [message(f"{n}{'x' * (length - 2)}"[:length]) for n in range(20)]
            assert await at.deliver(*sent) == [ACCEPTED] * 20
        assert place.requests == 3

    # aiohttp warns, for it copies so much on the loop's time; Python shows it to nobody.
    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
    async def test_a_message_of_a_mebibyte_arrives(self, place: Place) -> None:
        place.create()
        async with place.delivering() as at:
            assert await at.deliver(message("x" * 1_048_576), message("y")) == [ACCEPTED] * 2
        assert sorted(len(draft.body) for draft in place.drafts) == [1, 1_048_576]

    async def test_on_fifo_group_goes_along_and_the_deduplication_id_is_the_message_s(
        self, place: Place
    ) -> None:
        place.create(fifo=True)
        one = message("1", message_id="m-1", group="a", deduplication_id="same")
        two = message("2", message_id="m-2", group="a", deduplication_id="same")
        async with place.delivering() as at:
            assert await at.deliver(one, two) == [ACCEPTED] * 2
            at.results.clear()
            assert await at.deliver(one) == [ACCEPTED]
        assert [(each.body, each.group, each.deduplication_id) for each in place.drafts] == [
            ("1", "a", "m-1"),
            ("2", "a", "m-2"),
        ]

    async def test_a_delay_of_a_fifo_queue_is_a_warning(self, place: Place) -> None:
        place.create(fifo=True, DelaySeconds="7")
        async with place.delivering() as at:
            assert await at.deliver(message(group="a")) == [ACCEPTED]
            while not at.events:
                await at.deliver(message(uuid4().hex, message_id=uuid4().hex, group="a"))
            (warning,) = at.events
        assert isinstance(warning, RouteWarned)
        assert "delays each message by 7 s" in warning.what

    # ---- failures -------------------------------------------------------------------------

    async def test_what_sqs_refuses_of_a_batch_is_refused_alone(self, place: Place) -> None:
        place.create()
        async with place.delivering() as at:
            good, odd = await at.deliver(message("good"), message("odd \x01"))
        assert good == ACCEPTED
        assert isinstance(odd, Refused)
        assert odd.code == "InvalidMessageContents"
        assert [draft.body for draft in place.drafts] == ["good"]

    async def test_a_message_longer_than_the_queue_allows_is_refused_alone(
        self, place: Place
    ) -> None:
        place.create(MaximumMessageSize="1024")
        async with place.delivering() as at:
            good, long = await at.deliver(message("good"), message("x" * 2_000))
        assert good == ACCEPTED
        assert isinstance(long, Refused)
        assert long.code == "InvalidParameterValue"
        assert "shorter than 1024 bytes" in long.why

    async def test_an_entry_that_fails_for_no_fault_of_its_own_is_retried(
        self, place: Place
    ) -> None:
        place.create()
        error = modeled("InternalError", "later", code="InternalError", status=500)
        async with place.failing(Fault(failed_entries={"1": error})), place.delivering() as at:
            results = await at.deliver(*[message(str(n)) for n in range(3)])
        assert results[0] == results[2] == ACCEPTED
        assert isinstance(results[1], Broken)
        assert [draft.body for draft in place.drafts] == ["0", "2"]

    @pytest.mark.parametrize("kind", ["throttling", "request_throttled", "internal_error"])
    async def test_a_call_that_fails_is_a_retry_for_each(self, place: Place, kind: str) -> None:
        place.create()
        async with place.delivering() as at:
            place.emulator.intercept = Rules([Rule(SEND, kind, 1.0)])
            results = await at.deliver(message("0"), message("1"))
            place.emulator.calm_down()
            assert all(isinstance(result, Broken) for result in results)
            at.results.clear()
            assert await at.deliver(message("0")) == [ACCEPTED]

    @pytest.mark.parametrize("mangling", list(Mangling))
    async def test_a_response_that_cannot_be_read_confirms_nothing(
        self, place: Place, mangling: Mangling
    ) -> None:
        place.create()
        async with place.failing(Fault(mangling=mangling)), place.delivering() as at:
            (result,) = await at.deliver(message("0"))
            assert isinstance(result, Broken), result
        assert len(place.messages) == 1  # it was sent all the same

    async def test_a_lost_response_is_a_retry(self, place: Place) -> None:
        """A kept connection is tried once more, so there are two faults."""
        place.create()
        lost = Fault(cut=Cut.AFTER_EFFECT)
        async with place.failing(lost, lost), place.delivering() as at:
            (result,) = await at.deliver(message("0"))
        assert isinstance(result, Broken)

    async def test_on_fifo_what_is_sent_again_after_a_lost_response_is_there_once(
        self, place: Place
    ) -> None:
        place.create(fifo=True)
        lost = Fault(cut=Cut.AFTER_EFFECT)
        async with place.delivering() as at:
            async with place.failing(lost, lost):
                (result,) = await at.deliver(message("0", group="a"))
            assert isinstance(result, Broken)
            at.results.clear()
            assert await at.deliver(message("0", group="a")) == [ACCEPTED]
        assert len(place.messages) == 1

    async def test_a_response_that_never_comes_is_a_timeout(self, place: Place) -> None:
        place.create()
        silence = Fault(cut=Cut.AFTER_EFFECT, silent=True)
        async with place.failing(silence), place.delivering() as at:
            (result,) = await at.deliver(message("0"), plan=queue_plan(timeout_seconds=0.4))
        assert result == TimedOut(0.4)

    async def test_a_missing_queue_is_unreachable(self, place: Place) -> None:
        async with place.delivering() as at:
            (result,) = await at.deliver(message("0"))
        assert isinstance(result, Unreachable)
        assert place.name in result.why
        assert "create it, or correct the routing file" in result.why

    async def test_a_queue_deleted_while_it_is_used_is_unreachable(self, place: Place) -> None:
        place.create()
        async with place.delivering() as at:
            await at.deliver(message("0"))
            place.delete()
            (result,) = await at.deliver(message("1"))
        assert isinstance(result, Unreachable)
        assert "does not exist" in result.why

    @pytest.mark.parametrize(
        ("fault", "advice"),
        [
            (Fault(error=KMS_DENIED), "kms:GenerateDataKey"),
            (Fault(error=modeled("AccessDenied", "no", code="AccessDenied")), "SendMessage"),
        ],
    )
    async def test_a_queue_that_is_closed_to_the_gateway_is_unreachable(
        self, place: Place, fault: Fault, advice: str
    ) -> None:
        place.create()
        async with place.failing(fault), place.delivering() as at:
            (result,) = await at.deliver(message("0"))
            assert isinstance(result, Unreachable)
            assert advice in result.why
            at.results.clear()
            assert await at.deliver(message("0")) == [ACCEPTED]

    async def test_a_full_queue_is_unreachable(self, place: Place) -> None:
        place.create()
        async with place.delivering() as at:
            await at.deliver(*[message(str(n)) for n in range(3)])
        async with place.delivering(max_depth=2) as at:
            (result,) = await at.deliver(message("more"))
        assert result == Unreachable(f"queue {place.name} holds 3 messages, more than max_depth 2")
        async with place.delivering(max_depth=3) as at:
            assert await at.deliver(message("more")) == [ACCEPTED]

    async def test_a_message_given_up_has_no_result(self, place: Place) -> None:
        place.create()
        silence = Fault(cut=Cut.BEFORE_EFFECT, silent=True)
        async with place.failing(silence), place.delivering(max_in_flight=1) as at:
            at.start(message("0")).cancel()
            await at.deliver(message("1"), plan=queue_plan(timeout_seconds=0.3))
            assert at.results["0"] == []


def pointed_at(emulator: Served, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL_SQS", emulator.url)
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    environment.setenv("AWS_ACCESS_KEY_ID", "test")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "test")


class OverEmulator(QueueTargetContract):
    """In front of the emulator, by one of the two clients."""

    native: bool

    @pytest.fixture
    def place(
        self, emulator: Served, clients: SqsClients, monkeypatch: pytest.MonkeyPatch
    ) -> EmulatedPlace:
        pointed_at(emulator, monkeypatch)
        return EmulatedPlace(emulator, clients, native=self.native)


@pytest.mark.asyncio(loop_scope="class")
class TestNative(OverEmulator):
    """Over the gateway's own client."""

    native = True


@pytest.mark.asyncio(loop_scope="class")
class TestSdk(OverEmulator):
    """Over aiobotocore."""

    native = False


@pytest.mark.asyncio(loop_scope="class")
class TestFake(QueueTargetContract):
    """Over the fake, so that the unit tests rely on what holds."""

    @pytest.fixture
    def place(self) -> FakePlace:
        return FakePlace()
