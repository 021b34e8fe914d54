"""The headers of a delivery, as the table in docs/reference/delivery.md has them.

Names and meaning of the `x-aws-sqsd-` headers are the Elastic Beanstalk worker daemon's.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features-managing-env-tiers.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.delivery.dates import iso_8601
from gateway.core.delivery.escaped_headers import legal_lines
from gateway.core.delivery.header_list import MAX_ATTRIBUTE_BYTES
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.messages import baggage

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Reason
    from gateway.core.routing.version import Version

FIXED_NAMES: Final = frozenset(
    {
        "version",
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
        "x-gateway-omitted",
    }
)
RESERVED_PREFIX: Final = "x-aws-sqsd-"

JSON: Final = "content-type: application/json\r\n"
PLAIN: Final = "content-type: text/plain; charset=utf-8\r\n"
_VISIBLE_OR_BLANK: Final = bytes(range(0x20, 0x7F))


def delivery_headers(
    message: Message, *, route: str, queue: str, fifo: bool, belongs_to: Version,
    delivered_to: Version, reason: Reason,
) -> str:  # fmt: skip
    """Return the headers as `name: value` lines, each ended by CR LF, all of it ASCII.

    `belongs_to` names the version, `delivered_to` gets it.
    """
    tag = belongs_to.tag
    plan = DeliveryPlan(
        route, queue, tag, delivered_to.name, reason, delivered_to.timeout_seconds, fifo
    )
    return plan_lines(plan) + message_lines(message, tag, fifo=fifo)


def plan_lines(plan: DeliveryPlan) -> str:
    """Return the lines that all messages of a plan have in common."""
    return (
        f"version: {plan.tag}\r\nx-gateway-route: {plan.route}\r\n"
        f"x-gateway-version: {plan.version}\r\nx-gateway-reason: {plan.reason.value}\r\n"
        f"x-aws-sqsd-queue: {plan.queue}\r\n"
    )


def message_lines(message: Message, tag: str, *, fifo: bool) -> str:
    """Return the lines that are a message's own; `tag` is that of the version it belongs to.

    One look at all lines together takes the place of one at each value. It may find fault with a
    message that has none, which `legal_lines` then renders the same; never the other way round.
    """
    sender_id = message.sender_id
    if (
        not message.attributes
        and not fifo
        and message.trace_header is None
        and sender_id
        and message.message_id
        and _plain(message.message_id + sender_id)
    ):
        # In one piece, which takes half the time; most messages have no attributes.
        return (
            f"x-aws-sqsd-first-received-at: {iso_8601(message.first_received_ms)}\r\n"
            f"x-aws-sqsd-receive-count: {message.receive_count}\r\n"
            f"x-aws-sqsd-msgid: {message.message_id}\r\nx-aws-sqsd-sender-id: {sender_id}\r\n"
            f"{JSON if message.is_json else PLAIN}baggage: version={tag}\r\n"
        )
    lines = [
        f"x-aws-sqsd-first-received-at: {iso_8601(message.first_received_ms)}\r\n",
        f"x-aws-sqsd-receive-count: {message.receive_count}\r\n",
        f"x-aws-sqsd-msgid: {message.message_id}\r\n",
    ]
    if message.sender_id is not None:
        lines.append(f"x-aws-sqsd-sender-id: {message.sender_id}\r\n")
    if message.trace_header is not None:
        lines.append(f"x-amzn-trace-id: {message.trace_header}\r\n")
    if fifo:
        _add_fifo(lines, message)
    if not message.attributes:
        lines += (JSON if message.is_json else PLAIN, f"baggage: version={tag}\r\n")
    elif not message.names.all_sent or not _add_context(lines, message, tag):
        return legal_lines(message, tag, fifo=fifo)
    else:
        _add_attributes(lines, message)
    text = "".join(lines)
    return text if _legal(text, len(lines)) else legal_lines(message, tag, fifo=fifo)


def _plain(value: str) -> bool:
    """Whether it is visible ASCII and nothing else."""
    return value.isascii() and value.isprintable() and " " not in value


def _legal(text: str, lines: int) -> bool:
    """Whether nothing in a value ends its line, must be encoded or has no room.

    Without what is visible, and blanks, nothing may be left but the ends of our own lines.
    """
    return (
        text.isascii()
        and len(text) <= MAX_ATTRIBUTE_BYTES
        and ":  " not in text  # a value that begins with a blank, or looks so
        and " \r\n" not in text  # one that ends with a blank, or is empty
        and text.encode().translate(None, _VISIBLE_OR_BLANK) == b"\r\n" * lines
    )


def _add_fifo(lines: list[str], message: Message) -> None:
    if message.group is not None:
        lines.append(f"message-group-id: {message.group}\r\n")
    if message.deduplication_id is not None:
        lines.append(f"message-deduplication-id: {message.deduplication_id}\r\n")


def _add_context(lines: list[str], message: Message, tag: str) -> bool:
    """Add content-type, trace context and baggage; False where the baggage is too long to read."""
    first = message.names.first
    content_type = message.text("content-type") if "content-type" in first else None
    if content_type is None:
        lines.append(JSON if message.is_json else PLAIN)
    else:
        lines.append(f"content-type: {content_type}\r\n")
    for name, start in message.names.trace_context:
        data_type, text = message.attributes[name]
        if data_type[:6] != "Binary":
            lines.append(f"{start}{text}\r\n")
    carrier = message.text("baggage") if "baggage" in first else None
    if carrier is None:
        lines.append(f"baggage: version={tag}\r\n")
    elif len(carrier) > baggage.MAX_CHARACTERS:
        return False
    else:
        lines.append(f"baggage: {baggage.with_member(carrier, 'version', tag)}\r\n")
    return True


def _add_attributes(lines: list[str], message: Message) -> None:
    attributes, binary = message.attributes, []
    for name, start in message.names.in_order:
        data_type, text = attributes[name]  # to ask it for `binary` takes 0.2 us an attribute
        lines.append(f"{start}{text}\r\n")
        if data_type[:6] == "Binary":
            binary.append(name)
    if binary:
        lines.append(f"x-aws-sqsd-binary: {', '.join(binary)}\r\n")
