"""The spans of sampled messages, from their receive to their settlement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.core.addresses import parse_queue
from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.routing.route import Backoff, Fallback, FallbackOn, Unwrap
from gateway.core.tracing.sampling import parse_sampler, trace_id_of
from gateway.core.tracing.spans import Span, SpanKind
from gateway.runtime.tracing.route import RouteTracing
from tests.builders import CANARY, STABLE, attribute, message, split
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.faults import BUSY, Operation, entries_fail, refused
from tests.fakes.rig import Rig, at_work
from tests.fakes.source import InMemorySource
from tests.notifications import notified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Spans:
    """A `SpanSink` that keeps what it takes."""

    def __init__(self, sampler: str = "parentbased_always_off") -> None:
        self.sampler = parse_sampler(sampler, "")
        self.seen: list[Span] = []

    def take(self, spans: Sequence[Span]) -> None:
        self.seen += spans

    def named(self, name: str) -> list[Span]:
        return [each for each in self.seen if each.name == name]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.seen]


def traced(spans: Spans, route: Route | None = None, **rest: Any) -> Any:
    route = route or any_route(retry=Backoff(1, 1))
    return at_work(route, tracing=RouteTracing(route, spans), **rest)


def sampled(rig: Rig, traceparent: str = PARENT, **rest: Any) -> str:
    return rig.queue.send(attributes={"traceparent": attribute(traceparent)}, **rest)


async def test_a_sampled_message_that_is_acked_makes_four_spans() -> None:
    spans = Spans()
    async with traced(spans) as rig:
        message_id = sampled(rig)
        await rig.empty()
    receive, process, post, delete = spans.seen
    assert spans.names == ["receive orders", "process orders", "POST", "delete orders"]
    assert [each.kind for each in spans.seen] == [
        SpanKind.CLIENT,
        SpanKind.CONSUMER,
        SpanKind.CLIENT,
        SpanKind.CLIENT,
    ]
    assert (process.trace_id, post.trace_id) == (TRACE, TRACE)
    assert process.parent is not None
    assert process.parent.span_id == SPAN
    assert process.links == (process.parent,)
    assert post.parent is not None
    assert post.parent.span_id == process.span_id
    assert receive.parent is delete.parent is None
    assert len({receive.trace_id, delete.trace_id, TRACE}) == 3
    assert receive.links == delete.links == (process.parent,)
    assert not any(each.error for each in spans.seen)
    assert receive.began_ns <= receive.ended_ns == process.began_ns <= post.began_ns
    assert post.began_ns <= post.ended_ns == process.ended_ns <= delete.began_ns <= delete.ended_ns
    assert process.attributes == {
        "messaging.system": "aws_sqs",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "orders",
        "messaging.message.id": message_id,
        "gateway.route": "orders",
        "gateway.version": "stable",
        "gateway.reason": "default",
    }
    assert post.attributes == {
        "http.request.method": "POST",
        "url.full": "http://stable.test/",
        "server.address": "stable.test",
        "server.port": 80,
        "http.response.status_code": 200,
        "gateway.version": "stable",
        "gateway.reason": "default",
    }
    assert delete.attributes == {
        "messaging.system": "aws_sqs",
        "messaging.operation.name": "delete",
        "messaging.operation.type": "settle",
        "messaging.destination.name": "orders",
        "messaging.batch.message_count": 1,
        "aws.sqs.queue.url": receive.attributes["aws.sqs.queue.url"],
    }


async def test_the_delivery_has_the_context_of_its_span() -> None:
    """The attribute's own header stays as it came, and so does tracestate."""
    spans = Spans()
    async with traced(spans) as rig:
        rig.queue.send(
            attributes={"traceparent": attribute(PARENT), "tracestate": attribute("a=1")}
        )
        await rig.empty()
        (sent,) = rig.stable.sent
    (post,) = spans.named("POST")
    assert sent.headers["traceparent"] == f"00-{TRACE}-{post.span_id}-01"
    assert sent.headers["tracestate"] == "a=1"
    assert sent.headers["x-aws-sqsd-attr-traceparent"] == PARENT
    assert sent.headers["baggage"] == "version=v1"


async def test_an_unsampled_message_makes_no_span_and_goes_out_as_it_came() -> None:
    spans = Spans()
    async with traced(spans) as rig:
        sampled(rig, PARENT[:-1] + "0")
        rig.queue.send()
        await rig.empty()
        assert [each.headers.get("traceparent") for each in rig.stable.sent] == [
            PARENT[:-1] + "0",
            None,
        ]
    assert spans.seen == []


async def test_a_batch_has_one_receive_and_one_delete_that_link_each_sampled_message() -> None:
    spans = Spans()
    async with traced(spans) as rig:
        others = [f"00-{TRACE}-{number:016x}-01" for number in (1, 2, 3)]
        for each in others:
            sampled(rig, each)
        rig.queue.send()
        await rig.empty()
    receives, deletes = spans.named("receive orders"), spans.named("delete orders")
    linked = [link.span_id for each in receives for link in each.links]
    assert sorted(linked) == [f"{number:016x}" for number in (1, 2, 3)]
    assert sorted(link.span_id for each in deletes for link in each.links) == sorted(linked)
    assert len(spans.named("process orders")) == len(spans.named("POST")) == 3


async def test_a_fallback_makes_a_second_post() -> None:
    spans = Spans()
    fallback = Fallback(frozenset({FallbackOn.UNREACHABLE}))
    route = any_route(fallback=fallback)
    async with traced(spans, route) as rig:
        rig.queue.send(attributes={"traceparent": attribute(PARENT), "version": attribute("v2")})
        rig.canary.default = Unreachable("refused")
        await rig.empty()
    first, second = spans.named("POST")
    (process,) = spans.named("process orders")
    assert first.error is not None
    assert (first.error.type, first.attributes["error.type"]) == ("unreachable", "unreachable")
    assert second.error is process.error is None
    assert (first.attributes["gateway.version"], first.attributes["gateway.reason"]) == (
        "canary",
        "pinned",
    )
    assert (second.attributes["gateway.version"], second.attributes["gateway.reason"]) == (
        "stable",
        "fallback",
    )
    assert process.attributes["gateway.version"] == "canary"
    assert process.attributes["gateway.reason"] == "pinned"


async def test_a_retry_is_released_and_received_anew() -> None:
    spans = Spans()
    async with traced(spans) as rig:
        sampled(rig)
        rig.stable.answer("m-1", Responded(500))
        await rig.empty()
    assert spans.names == [
        *("receive orders", "process orders", "POST", "release orders"),
        *("receive orders", "process orders", "POST", "delete orders"),
    ]
    failed, worked = spans.named("process orders")
    assert failed.error is not None
    assert failed.attributes["error.type"] == "500"
    assert spans.named("POST")[0].attributes["http.response.status_code"] == 500
    assert worked.error is None
    assert failed.span_id != worked.span_id


async def test_a_message_without_a_context_begins_a_trace_of_its_own() -> None:
    """Each receive of it is in the same one."""
    spans = Spans("parentbased_always_on")
    async with traced(spans) as rig:
        message_id = rig.queue.send()
        rig.stable.answer(message_id, Responded(500))
        await rig.empty()
        headers = [each.headers["traceparent"] for each in rig.stable.sent]
        assert "x-aws-sqsd-attr-traceparent" not in rig.stable.sent[0].headers
    first, second = spans.named("process orders")
    assert first.trace_id == second.trace_id == trace_id_of(message_id)
    assert first.parent is None
    assert first.links == ()
    posts = spans.named("POST")
    assert headers == [f"00-{each.trace_id}-{each.span_id}-01" for each in posts]
    (link,) = spans.named("receive orders")[0].links
    assert (link.trace_id, link.span_id) == (first.trace_id, first.span_id)


async def test_the_bucket_of_a_split_is_told() -> None:
    spans = Spans()
    route = any_route(split=split({"canary": 50, "stable": 50}, (STABLE, CANARY)))
    async with traced(spans, route) as rig:
        sampled(rig)
        await rig.empty()
    (process,) = spans.named("process orders")
    bucket = process.attributes["gateway.bucket"]
    assert process.attributes["gateway.reason"] == "split"
    assert isinstance(bucket, int)
    assert (bucket < 5000) == (process.attributes["gateway.version"] == "canary")


async def test_a_rejected_message_shows_its_dead_letter() -> None:
    spans = Spans()
    route = any_route(dead_letter=parse_queue("orders-dead"))
    async with traced(spans, route, dead_letters=InMemorySource("orders-dead")) as rig:
        sampled(rig)
        rig.stable.default = Responded(400)
        await rig.empty()
    assert spans.names == [
        "receive orders",
        "process orders",
        "POST",
        "send orders-dead",
        "delete orders",
    ]
    (process,), (copy,) = spans.named("process orders"), spans.named("send orders-dead")
    assert copy.parent is not None
    assert copy.parent.span_id == process.span_id
    assert process.attributes["error.type"] == "400"


async def test_a_delivery_that_is_cut_is_told() -> None:
    spans = Spans()
    async with traced(spans) as rig:
        rig.stable.takes_seconds = 20.0
        sampled(rig)
        await rig.until(lambda: rig.stable.sent)
        await rig.stop(drain_seconds=1)
    (post,), (process,) = spans.named("POST"), spans.named("process orders")
    assert post.attributes["error.type"] == process.attributes["error.type"] == "cancelled"
    assert post.ended_ns >= post.began_ns
    assert len(spans.named("release orders")) == 1


async def test_a_message_that_is_given_back_undelivered_makes_no_span() -> None:
    spans = Spans()
    route = any_route(retry=Backoff(1, 1), versions=(replace(STABLE, max_in_flight=1), CANARY))
    async with traced(spans, route) as rig:
        rig.stable.takes_seconds = 20.0
        for _ in range(3):
            sampled(rig)
        await rig.until(lambda: rig.stable.sent)
        await rig.stop(drain_seconds=25)
        delivered = len(rig.stable.sent)
    assert len(spans.named("process orders")) == len(spans.named("POST")) == delivered


async def test_what_is_held_is_bounded() -> None:
    spans = Spans()
    route = any_route(max_in_flight=2)
    tracing = RouteTracing(route, spans)
    for number in range(50):
        given = message(
            message_id=f"m-{number}", receipt=f"r-{number}", attributes={"traceparent": PARENT}
        )
        tracing.received([given], 1)
    assert list(tracing.held) == [f"m-{number}" for number in range(46, 50)]
    assert len(tracing.of([f"r-{number}" for number in range(50)])) == 4


async def test_a_delete_that_fails_and_is_repeated_makes_the_messages_spans_once() -> None:
    spans = Spans()
    async with traced(spans) as rig:
        rig.queue.faults.script(Operation.DELETE, refused(), entries_fail(0))
        sampled(rig)
        await rig.empty()
    assert spans.names == [
        *("receive orders", "process orders", "POST"),
        *("delete orders", "delete orders", "delete orders"),
    ]
    errors = [each.attributes.get("error.type") for each in spans.named("delete orders")]
    assert errors == ["ServiceUnavailable", BUSY.code, None]


async def test_a_message_received_again_in_flight_is_one_message() -> None:
    """It is deleted with its newest receipt."""
    spans = Spans()
    async with traced(spans) as rig:
        rig.stable.takes_seconds = 20.0
        message_id = sampled(rig)
        await rig.until(lambda: rig.stable.sent)
        rig.queue.hand_out_again(message_id)
        await rig.empty()
    assert spans.names == ["receive orders", "process orders", "POST", "delete orders"]


async def test_leases_are_extended_without_a_span() -> None:
    spans = Spans()
    async with traced(spans) as rig:
        rig.stable.takes_seconds = 25.0
        sampled(rig)
        await rig.empty()
        assert len(rig.queue.calls_of(Operation.CHANGE_VISIBILITY)) > 0
    assert spans.names == ["receive orders", "process orders", "POST", "delete orders"]


async def test_what_was_published_has_the_context_on_a_route_that_unwraps() -> None:
    spans = Spans()
    async with traced(spans, any_route(unwrap=Unwrap.SNS)) as rig:
        for flag in ("1", "0"):
            published = {"traceparent": PARENT[:-1] + flag, "baggage": "user=7"}
            rig.queue.send(body=notified("{}", attributes=published))
        await rig.empty()
        first, second = sorted(rig.stable.sent, key=lambda each: each.message_id)
    (process,), (post,) = spans.named("process orders"), spans.named("POST")
    assert process.parent is not None
    assert process.parent.span_id == SPAN
    assert first.headers["traceparent"] == f"00-{TRACE}-{post.span_id}-01"
    assert first.headers["baggage"] == "user=7,version=v1"
    assert second.headers["traceparent"] == PARENT[:-1] + "0"
