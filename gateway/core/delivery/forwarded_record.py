"""What the topic of a version gets: the headers of a record as they came, and the version's tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.forwarded import SENT_AT
from gateway.core.messages import baggage
from gateway.core.messages.trace_context import TRACEPARENT, TRACESTATE

if TYPE_CHECKING:
    from gateway.core.messages.record import Headers, Record
    from gateway.core.messages.trace_context import TraceContext

_BAGGAGE = "baggage"


def forward_headers(record: Record, tag: str, version_header: str) -> Headers:
    """Return the headers under which a record goes to the topic of a version.

    The tag takes the place of each header of that name in any case. The last `baggage` gets the
    tag where there is one, and SENT_AT is added where the record has a time and no such header.
    """
    folded = version_header.lower()
    headers = [each for each in record.headers if each[0].lower() != folded]
    _stamp_baggage(headers, folded, version_header, tag)
    if record.timestamp_ms is not None and all(name.lower() != SENT_AT for name, _ in headers):
        headers.append((SENT_AT, b"%d" % record.timestamp_ms))
    headers.append((version_header, tag.encode()))
    return headers


def in_context(headers: Headers, context: TraceContext) -> Headers:
    """Return headers with this trace context in place of the one that they had."""
    replaced = {TRACEPARENT, TRACESTATE}
    kept = [each for each in headers if each[0].lower() not in replaced]
    kept.append((TRACEPARENT, context.traceparent.encode()))
    if context.state is not None:
        kept.append((TRACESTATE, context.state.encode()))
    return kept


def _stamp_baggage(headers: Headers, folded: str, member: str, tag: str) -> None:
    """Set the member of the tag in the baggage that counts: the last that is text."""
    for position in range(len(headers) - 1, -1, -1):
        name, content = headers[position]
        if name.lower() != _BAGGAGE or content is None or folded == _BAGGAGE:
            continue
        try:
            carrier = content.decode()
        except UnicodeDecodeError:
            return
        headers[position] = (name, baggage.with_member(carrier, member, tag).encode())
        return
