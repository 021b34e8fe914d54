"""The headers of a delivery, as docs/reference/delivery.md defines them.

Names and meaning of the `x-aws-sqsd-` headers are those of the Elastic Beanstalk worker daemon.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features-managing-env-tiers.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.delivery.dialect import (
    ATTRIBUTES_HEADER,
    USUAL_DIALECT,
    HeaderDialect,
    attributes_as_json,
)
from gateway.core.delivery.escaped_headers import legal_lines
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.header_budget import USUAL_ROOM, room_for_message
from gateway.core.messages import baggage
from gateway.core.messages.iso_time import iso_8601
from gateway.core.routing.decision import Reason
from gateway.core.routing.sources import DEFAULT_VERSION_HEADER

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.version import Version

FIXED_NAMES: Final = frozenset(
    {
        DEFAULT_VERSION_HEADER,
        "content-type",
        "traceparent",
        "tracestate",
        "baggage",
        "x-amzn-trace-id",
        "message-group-id",
        "message-deduplication-id",
        "x-gateway-route",
        "x-gateway-version",
        "x-gateway-reason",
        "x-gateway-mirror",
        "x-gateway-omitted",
        "x-amz-sns-topic-arn",
        "x-amz-sns-message-id",
        "x-amz-sns-subject",
    }
)
RESERVED_PREFIX: Final = "x-aws-sqsd-"

JSON: Final = "content-type: application/json\r\n"
PLAIN: Final = "content-type: text/plain; charset=utf-8\r\n"
MIRRORED: Final = "x-gateway-mirror: true\r\n"
NO_ATTRIBUTES: Final = f"{ATTRIBUTES_HEADER}: {{}}\r\n"
_MIRROR: Final = Reason.MIRROR  # a member of an enum is slow to find
_VISIBLE_OR_SPACE: Final = bytes(range(0x20, 0x7F))


def delivery_headers(
    message: Message, *, route: str, queue: str, belongs_to: Version,
    delivered_to: Version, reason: Reason, version_header: str = DEFAULT_VERSION_HEADER,
) -> str:  # fmt: skip
    """Return all headers as ASCII lines `name: value`, each with CR LF at its end.

    The message belongs to `belongs_to` and is sent to `delivered_to`; they differ in a fallback.
    """
    tag = belongs_to.tag
    dialect = HeaderDialect(version_header, delivered_to.attributes_json)
    plan = DeliveryPlan(
        route,
        queue,
        tag,
        delivered_to.name,
        reason,
        delivered_to.timeout_seconds,
        delivered_to.max_header_bytes,
        dialect,
    )
    shared = plan_lines(plan)
    room = room_for_message(delivered_to.max_header_bytes, len(shared))
    return shared + message_lines(message, tag, room=room, dialect=dialect)


def plan_lines(plan: DeliveryPlan) -> str:
    """Return the lines that all messages of a plan share."""
    reason = plan.reason
    lines = (
        f"{plan.dialect.version_header}: {plan.tag}\r\nx-gateway-route: {plan.route}\r\n"
        f"x-gateway-version: {plan.version}\r\nx-gateway-reason: {reason.value}\r\n"
    )
    if not plan.dialect.records:
        lines += f"x-aws-sqsd-queue: {plan.queue}\r\n"
    return lines + MIRRORED if reason is _MIRROR else lines


def message_lines(
    message: Message, tag: str, *, room: int = USUAL_ROOM,
    dialect: HeaderDialect = USUAL_DIALECT,
) -> str:  # fmt: skip
    """Return the lines of one message, which take at most `room` bytes.

    `tag` is that of the version it belongs to. What is always sent is so also without room.

    All lines are checked at once, which is faster than each value by itself. The check may reject
    a message whose values are all legal; `legal_lines` then renders the same lines. It never passes
    a value that is not legal.
    """
    sender_id = message.sender_id
    if (
        not message.attributes
        and message.group is None
        and message.deduplication_id is None
        and message.first_received_ms
        and message.counted
        and message.trace_header is None
        and sender_id
        and message.message_id
        and _plain(message.message_id + sender_id)
    ):
        # In one piece, which is faster; most messages have no attributes.
        return (
            f"x-aws-sqsd-first-received-at: {iso_8601(message.first_received_ms)}\r\n"
            f"x-aws-sqsd-receive-count: {message.receive_count}\r\n"
            f"x-aws-sqsd-msgid: {message.message_id}\r\nx-aws-sqsd-sender-id: {sender_id}\r\n"
            f"{JSON if message.is_json else PLAIN}baggage: {dialect.version_header}={tag}\r\n"
            f"{NO_ATTRIBUTES if dialect.attributes_json else ''}"
        )
    lines = lines_of_the_queue(message)
    if not message.attributes:
        lines.append(JSON if message.is_json else PLAIN)
        lines.append(f"baggage: {dialect.version_header}={tag}\r\n")
        if dialect.attributes_json:
            lines.append(NO_ATTRIBUTES)
    elif (
        not message.names.all_sent
        or not add_context(lines, message, message, tag, dialect.version_header)
        or (dialect.attributes_json and not add_json(lines, message, room))
    ):
        return legal_lines(message, tag, room=room, dialect=dialect)
    else:
        add_attributes(lines, message)
    text = "".join(lines)
    if len(text) <= room and all_legal(text, len(lines)):
        return text
    return legal_lines(message, tag, room=room, dialect=dialect)


def lines_of_the_queue(message: Message) -> list[str]:
    """Return what SQS says of the message; what it did not say is left out."""
    lines = []
    if message.first_received_ms:
        lines.append(f"x-aws-sqsd-first-received-at: {iso_8601(message.first_received_ms)}\r\n")
    if message.counted:
        lines.append(f"x-aws-sqsd-receive-count: {message.receive_count}\r\n")
    lines.append(f"x-aws-sqsd-msgid: {message.message_id}\r\n")
    if message.sender_id is not None:
        lines.append(f"x-aws-sqsd-sender-id: {message.sender_id}\r\n")
    if message.trace_header is not None:
        lines.append(f"x-amzn-trace-id: {message.trace_header}\r\n")
    if message.group is not None:  # on a standard queue too, for fair queues
        lines.append(f"message-group-id: {message.group}\r\n")
    if message.deduplication_id is not None:
        lines.append(f"message-deduplication-id: {message.deduplication_id}\r\n")
    return lines


def _plain(value: str) -> bool:
    """Whether every character is visible ASCII."""
    return value.isascii() and value.isprintable() and " " not in value


def all_legal(text: str, lines: int) -> bool:
    """Whether no value ends its line or needs encoding.

    Without visible characters and spaces, only the CR LF of these lines may remain.
    """
    return (
        text.isascii()
        and ":  " not in text  # a value that begins with a space, or seems to
        and " \r\n" not in text  # one that ends with a space, or is empty
        and text.encode().translate(None, _VISIBLE_OR_SPACE) == b"\r\n" * lines
    )


def add_context(
    lines: list[str], message: Message, context: Message, tag: str, version_header: str
) -> bool:
    """Add content-type, trace context and baggage; return False where the baggage is too long.

    Trace context and baggage are those of `context`, on most routes the message itself.
    """
    names = message.names
    content_type = message.text("content-type") if "content-type" in names.first else None
    if content_type is None:
        lines.append(JSON if message.is_json else PLAIN)
    else:
        lines.append(f"content-type: {content_type}\r\n")
    if context is not message:
        names = context.names
    for name, start in names.trace_context:
        data_type, text = context.attributes[name]
        if data_type[:6] != "Binary":
            lines.append(f"{start}{text}\r\n")
    carrier = None if names.baggage is None else context.carrier
    if carrier is None:
        lines.append(f"baggage: {version_header}={tag}\r\n")
    elif len(carrier) > baggage.MAX_CHARACTERS:
        return False
    else:
        lines.append(f"baggage: {baggage.with_member(carrier, version_header, tag)}\r\n")
    return True


def add_json(lines: list[str], message: Message, room: int) -> bool:
    """Add all attributes in one header; return False where that does not fit."""
    rendered = attributes_as_json(message, room)
    if rendered is None:
        return False
    lines.append(f"{ATTRIBUTES_HEADER}: {rendered}\r\n")
    return True


def add_attributes(lines: list[str], message: Message) -> None:
    """Add the attributes, each of which has a header; see `AttributeNames.all_sent`."""
    attributes, binary = message.attributes, []
    for name, start in message.names.in_order:
        data_type, text = attributes[name]  # faster than its property `binary`
        lines.append(f"{start}{text}\r\n")
        if data_type[:6] == "Binary":
            binary.append(name)
    if binary:
        lines.append(f"x-aws-sqsd-binary: {', '.join(binary)}\r\n")
