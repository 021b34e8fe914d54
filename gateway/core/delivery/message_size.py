"""The size of a message as SQS counts it against its limits.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.core.messages.message import Attribute


def message_bytes(body: str, attributes: Iterable[tuple[str, Attribute]]) -> int:
    """Return the size of a message: its body, and the names, types and values of attributes."""
    size = text_bytes(body)
    for name, attribute in attributes:
        size += attribute_bytes(name, attribute)
    return size


def text_bytes(text: str) -> int:
    """Return the bytes of a text in UTF-8; half of a surrogate pair counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def attribute_bytes(name: str, attribute: Attribute) -> int:
    """Return the bytes that an attribute adds to the message's size: name, type and raw value."""
    data_type, text = attribute
    value = len(text) * 3 // 4 - text[-2:].count("=") if attribute.binary else text_bytes(text)
    return text_bytes(name) + text_bytes(data_type) + value
