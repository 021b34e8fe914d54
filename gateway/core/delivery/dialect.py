"""How a route and a version want what is delivered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.core.routing.route import Deliver, Unwrap
from gateway.core.routing.sources import DEFAULT_VERSION_HEADER

if TYPE_CHECKING:
    from gateway.core.messages.message import Message

ATTRIBUTES_HEADER: Final = "x-aws-sqsd-attributes"


@dataclass(frozen=True, slots=True)
class HeaderDialect:
    """`version_header` names the header of the version and its baggage member.

    `attributes_json`: all attributes in one more header. `unwrap` and `deliver` are the route's.
    `records`: its messages are records of Kafka.
    """

    version_header: str = DEFAULT_VERSION_HEADER
    attributes_json: bool = False
    unwrap: Unwrap = Unwrap.NONE
    deliver: Deliver = Deliver.BODY
    records: bool = False


USUAL_DIALECT: Final = HeaderDialect()


def attributes_as_json(message: Message, room: int) -> str | None:
    """Return a JSON object, name to text, in ASCII; None where it is longer than `room`.

    The text of a Binary attribute is base64.
    """
    texts = {name: attribute.text for name, attribute in message.attributes.items()}
    if sum(map(len, texts.values())) > room:  # so that 1 MiB is not rendered in vain
        return None
    rendered = json.dumps(texts, separators=(",", ":"))
    return rendered if len(rendered) <= room else None
