"""What is sent of a message on a route with `unwrap: sns`.

Trace context and baggage come from what was published. `deliver` says whether the rest does too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.delivery.escaped_headers import legal_lines
from gateway.core.delivery.headers import (
    add_attributes,
    add_context,
    add_json,
    all_legal,
    lines_of_the_queue,
    message_lines,
)
from gateway.core.messages.envelopes import notification
from gateway.core.messages.trace_context import in_context, with_xray_parent
from gateway.core.routing.route import Deliver, Unwrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.delivery.dialect import HeaderDialect
    from gateway.core.messages.envelopes import Notification
    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext

TOPIC: Final = "x-amz-sns-topic-arn"
MESSAGE_ID: Final = "x-amz-sns-message-id"
SUBJECT: Final = "x-amz-sns-subject"


def unwrapped_lines(
    message: Message, tag: str, *, room: int, dialect: HeaderDialect
) -> tuple[str, str]:
    """Return the header lines of one message, as `headers.message_lines` does, and its body."""
    found = notification(message)
    message.forget()  # a parsed body may take many times the memory of its text
    if found is None:
        return message_lines(message, tag, room=room, dialect=dialect), message.body
    context = found.message
    sent, named = (message, []) if dialect.deliver is Deliver.BODY else (context, _of_sns(found))
    lines = _quick_lines(sent, tag, room, dialect, context, named) or legal_lines(
        sent, tag, room=room, dialect=dialect, context=context, named=named
    )
    return lines, sent.body


def lines_in_context(
    message: Message, tag: str, context: TraceContext, *, room: int, dialect: HeaderDialect
) -> tuple[str, str]:
    """Return header lines and body of a message whose trace context is another than its own.

    The headers of its attributes stay as they came.
    """
    found = None if dialect.unwrap is Unwrap.NONE else notification(message)
    message.forget()
    published = message if found is None else found.message
    sent: Message = message
    named: Sequence[tuple[str, str]] = ()
    if found is not None and dialect.deliver is not Deliver.BODY:
        sent, named = published, _of_sns(found)
    lines = legal_lines(
        with_xray_parent(sent, context),
        tag,
        room=room,
        dialect=dialect,
        context=in_context(published, context),
        named=named,
    )
    return lines, sent.body


def _quick_lines(
    message: Message,
    tag: str,
    room: int,
    dialect: HeaderDialect,
    context: Message,
    named: Sequence[tuple[str, str]],
) -> str | None:
    """Return what `legal_lines` would, in another order; None where a value is unusual."""
    if not message.names.all_sent:
        return None
    lines = lines_of_the_queue(message)
    if not add_context(lines, message, context, tag, dialect.version_header):
        return None
    lines += [f"{name}: {value}\r\n" for name, value in named]
    if dialect.attributes_json and not add_json(lines, message, room):
        return None
    add_attributes(lines, message)
    text = "".join(lines)
    return text if len(text) <= room and all_legal(text, len(lines)) else None


def _of_sns(found: Notification) -> list[tuple[str, str]]:
    """Return the headers for what SNS says; two of them are as in its own HTTP deliveries."""
    named = [(TOPIC, found.topic_arn), (MESSAGE_ID, found.message_id)]
    return named if found.subject is None else [*named, (SUBJECT, found.subject)]
