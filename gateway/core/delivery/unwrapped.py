"""What is sent of a message on a route with `unwrap: sns`.

Trace context and baggage come from what was published. `deliver` says whether the rest does too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.delivery.escaped_headers import legal_lines
from gateway.core.delivery.headers import message_lines
from gateway.core.messages.envelopes import notification
from gateway.core.routing.route import Deliver

if TYPE_CHECKING:
    from gateway.core.delivery.dialect import HeaderDialect
    from gateway.core.messages.envelopes import Notification
    from gateway.core.messages.message import Message

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
    if dialect.deliver is Deliver.BODY:
        lines = legal_lines(message, tag, room=room, dialect=dialect, context=found.message)
        return lines, message.body
    published, named = found.message, _of_sns(found)
    lines = legal_lines(published, tag, room=room, dialect=dialect, named=named)
    return lines, published.body


def _of_sns(found: Notification) -> list[tuple[str, str]]:
    """Return the headers for what SNS says; two of them are as in its own HTTP deliveries."""
    named = [(TOPIC, found.topic_arn), (MESSAGE_ID, found.message_id)]
    return named if found.subject is None else [*named, (SUBJECT, found.subject)]
