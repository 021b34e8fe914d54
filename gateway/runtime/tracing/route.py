"""The sampled messages of one route, from their receive to their settlement."""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.core.messages.envelopes import unwrapped
from gateway.core.messages.trace_context import TRACEPARENT, context_of
from gateway.core.routing.decider import decider_of
from gateway.core.routing.route import Unwrap
from gateway.core.tracing.records import DeadLetter, Delivery, MessageTrace, Receive
from gateway.core.tracing.sampling import trace_id_of
from gateway.core.tracing.spans import (
    KAFKA,
    SQS,
    SpanError,
    SpanNames,
    message_spans,
    receive_span,
    settle_span,
)
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from gateway.core.tracing.sampling import Sampler
    from gateway.core.tracing.spans import Span
    from gateway.ports import EntryError, SourceTraits, SpanSink

TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8

_PLAIN_LENGTH: Final = 55
_UNSAMPLED: Final = "02468ace"
"""The last digit of a `traceparent` whose flag is not set."""

_TEXT_IN_BODY: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RouteTracing:
    """The sampled messages of one route; kept over a reload. `now_ns` is Unix time.

    What is never settled here, since its lease was lost, is forgotten when more are held than can
    be in flight.
    """

    def __init__(
        self,
        route: Route,
        spans: SpanSink,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        new_id: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self.now_ns = now_ns
        self.new_id = new_id
        self.held: OrderedDict[str, MessageTrace] = OrderedDict()
        self._by_receipt: dict[str, MessageTrace] = {}
        self._spans = spans
        self._sampler: Sampler = spans.sampler
        self._roots = bool(self._sampler.ratio)
        self._quick = self._sampler.parent_based
        system = SQS if route.kafka is None else KAFKA
        self.names = SpanNames(route.name, route.queue.name, system=system)
        self.adopt(route)

    def adopt(self, route: Route) -> None:
        """Read messages by another routing table from now on."""
        self._most = 2 * route.max_in_flight
        self._unwraps = route.unwrap is not Unwrap.NONE
        self._decider = decider_of(route)
        self._dead_letter = "" if route.dead_letter is None else route.dead_letter.name

    # ---- receive --------------------------------------------------------------------------

    def opened(self, traits: SourceTraits) -> None:
        """Take the URL of the queue."""
        self.names = replace(self.names, url=traits.url)

    def received(self, messages: Sequence[Message], began_ns: int) -> None:
        """Hold those that are sampled."""
        receive = None
        plain = not self._roots and not self._unwraps
        for message in messages:
            if plain and not message.attributes and message.trace_header is None:
                continue
            if self._quick and not self._unwraps and _surely_unsampled(message):
                continue
            context = context_of(self._carrier(message))
            if not self._sampler.samples(context, message.message_id):
                continue
            if receive is None:
                receive = Receive(began_ns, self.now_ns(), len(messages))
            trace_id = trace_id_of(message.message_id) if context is None else context.trace_id
            made = MessageTrace(
                message.message_id,
                context,
                trace_id,
                self.new_id(SPAN_BYTES),
                receive,
                [message.receipt],
            )
            self._hold(made)

    def _carrier(self, message: Message) -> Message:
        """Return what has the context: what was published, where the body may say one."""
        if not self._unwraps or TRACEPARENT not in message.body:
            return message
        if self._quick and not self._roots:
            found = _TEXT_IN_BODY.findall(message.body)
            if found and all(text[-1] in _UNSAMPLED for text in found):
                return message
        published = unwrapped(message)
        message.forget()
        return published

    def _hold(self, made: MessageTrace) -> None:
        held = self.held.get(made.message_id)
        if held is not None and not held.settling:
            # It is in flight: the same message with a newer receipt.
            held.receipts += made.receipts
            self._by_receipt[made.receipts[0]] = held
            if held.deliveries:
                return
            held.receive = made.receive
            made = held
        else:
            if held is not None:
                self._forget(held)
            self.held[made.message_id] = made
            self._by_receipt[made.receipts[0]] = made
            if len(self.held) > self._most:
                self._drop_oldest()
        made.receive.links.append(made.link)

    # ---- delivery -------------------------------------------------------------------------

    def begin(self, trace: MessageTrace, version: Version, plan: DeliveryPlan) -> Delivery:
        """Note that a delivery begins."""
        delivery = Delivery(self.new_id(SPAN_BYTES), version, plan.reason, self.now_ns())
        trace.deliveries.append(delivery)
        return delivery

    def decided(self, trace: MessageTrace, message: Message) -> None:
        """Note the bucket of a message's first delivery."""
        if len(trace.deliveries) == 1:
            trace.bucket = self._decider.decide(message)[3]

    def end(
        self,
        delivery: Delivery,
        done: Callable[[DeliveryResult], None],
        result: DeliveryResult,
    ) -> None:
        """Note a result, and pass it on."""
        delivery.ended_ns = self.now_ns()
        delivery.result = result
        done(result)

    # ---- settlement -----------------------------------------------------------------------

    def dead_lettered(self, message: Message, began_ns: int, error: str) -> None:
        """Note the copy to the dead-letter queue."""
        trace = self.held.get(message.message_id)
        if trace is not None:
            span_id = self.new_id(SPAN_BYTES)
            copy = DeadLetter(span_id, self._dead_letter, began_ns, self.now_ns(), error)
            trace.dead_letters.append(copy)

    def of(self, receipts: Sequence[str]) -> dict[int, MessageTrace]:
        """Return the sampled ones by position."""
        by_receipt = self._by_receipt
        if not by_receipt:
            return {}
        return {at: by_receipt[each] for at, each in enumerate(receipts) if each in by_receipt}

    def settled(
        self,
        action: str,
        traces: Mapping[int, MessageTrace],
        messages: int,
        began_ns: int,
        failed: Mapping[int, EntryError] | SourceError,
    ) -> None:
        """Make the spans of a settlement, and of what was settled."""
        delivered = [each for each in traces.values() if each.deliveries]
        spans: list[Span] = []
        for each in delivered:
            spans += self._spans_of(each)
        if delivered:
            error = _error_of(traces, failed)
            ids = self.new_id(TRACE_BYTES), self.new_id(SPAN_BYTES)
            settling = settle_span(
                action,
                self.names,
                *ids,
                traces=delivered,
                messages=messages,
                began_ns=began_ns,
                ended_ns=self.now_ns(),
                error=error,
            )
            self._spans.take([*spans, settling])
        for at, each in traces.items():
            if isinstance(failed, SourceError) or (at in failed and not failed[at].lease_lost):
                continue
            self._forget(each)

    def _spans_of(self, trace: MessageTrace) -> list[Span]:
        """Make what was not made before: a settlement may take several calls."""
        if trace.settling:
            return []
        trace.settling = True
        receive = trace.receive
        spans = []
        if not receive.has_span:
            receive.has_span = True
            ids = self.new_id(TRACE_BYTES), self.new_id(SPAN_BYTES)
            spans.append(receive_span(receive, self.names, *ids))
        return spans + message_spans(trace, self.names)

    def _drop_oldest(self) -> None:
        oldest = next(iter(self.held.values()))
        self._forget(oldest)

    def _forget(self, trace: MessageTrace) -> None:
        if self.held.get(trace.message_id) is trace:
            del self.held[trace.message_id]
        for receipt in trace.receipts:
            self._by_receipt.pop(receipt, None)


def _surely_unsampled(message: Message) -> bool:
    """Whether the flag of a `traceparent` of today's form says so; nothing else is looked at."""
    if not message.attributes:
        return False
    text = message.text(TRACEPARENT)
    return text is not None and len(text) == _PLAIN_LENGTH and text[-1] in _UNSAMPLED


def _error_of(
    traces: Mapping[int, MessageTrace], failed: Mapping[int, EntryError] | SourceError
) -> SpanError | None:
    if isinstance(failed, SourceError):
        return SpanError(failed.code, str(failed))
    for at in traces:
        if at in failed:
            return SpanError(failed[at].code, failed[at].why)
    return None
