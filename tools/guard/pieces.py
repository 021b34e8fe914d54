"""The pieces of the hot path, what each is given, and the yardstick beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.core.delivery.headers import message_lines, plan_lines
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.delivery.record_headers import record_lines
from gateway.core.kafka.plan import Order
from gateway.core.kafka.records import messages_of, place_name, place_of
from gateway.core.kafka.window import PartitionWindow
from gateway.core.messages.message import message_from_receive
from gateway.core.messages.record import Record
from gateway.core.rollout.judge import Bounds
from gateway.core.rollout.plan import Plan
from gateway.core.routing.decider import Decider
from gateway.core.routing.decision import Reason
from gateway.core.routing.rules import Exact
from gateway.core.routing.sources import FromGroup
from tests.builders import CANARY, STABLE, follow_plan, route, rule, where
from tools.bench.decisions import followed as followed_object
from tools.guard import yardsticks
from tools.guard.passing import COUNTED_AFTER, Passing, receives

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.messages.message import Message

TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BODY: Final = json.dumps(
    {
        "id": "o-1234567",
        "customer": {"id": 17, "tier": "gold", "country": "CN"},
        "items": [{"sku": f"abc-{n}", "n": n, "price": 12.5} for n in range(8)],
    }
)


@dataclass(frozen=True)
class Piece:
    """Some work, the least such work, and inputs of both; `renew` makes one as good as new."""

    name: str
    work: Callable[[Any], object]
    yardstick: Callable[[Any], object]
    inputs: Callable[[int], list[Any]]
    renew: Callable[[Any], None] = lambda _: None
    messages: int = 100


def raw_messages(count: int, **attributes: str) -> list[dict[str, Any]]:
    """Make elements of a ReceiveMessage response; each has three attributes at least."""
    named = {"tenant": "acme", "order-type": "express", "traceparent": TRACE, **attributes}
    received = [
        {
            "MessageId": f"b6d2a1c4-1111-4222-8333-{n:012d}",
            "ReceiptHandle": "AQEB" + "x" * 180,
            "Body": BODY,
            "Attributes": {
                "SenderId": "AIDAIOSFODNN7EXAMPLE",
                "ApproximateFirstReceiveTimestamp": "1700000001456",
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1700000000456",
            },
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text} for name, text in named.items()
            },
        }
        for n in range(count)
    ]
    parsed: list[dict[str, Any]] = json.loads(json.dumps(received))  # no two share a text
    return parsed


def messages(count: int, **attributes: str) -> list[Message]:
    """Make messages without cached results."""
    return [message_from_receive(raw) for raw in raw_messages(count, **attributes)]


def pinned_messages(count: int) -> list[Message]:
    return messages(count, version="v2")


def decided_messages(count: int) -> list[Message]:
    made = messages(count)
    for each in made:
        assert each.is_json
        DECIDE_BY_SPLIT(each)
    return made


SPLIT: Final = route({"stable": 90, "canary": 10})
RULES: Final = route(
    {"stable": 90, "canary": 10},
    rules=tuple(rule(CANARY, where("tenant", Exact(f"t-{n}")), name=f"r-{n}") for n in range(200)),
)
FOLLOWED: Final = route(follow=follow_plan(), followed=followed_object(20), version_from=())
DECIDE_BY_SPLIT: Final = Decider(SPLIT).decide
DECIDE_BY_KEY: Final = Decider(route({"stable": 90, "canary": 10}, sticky=FromGroup())).decide
DECIDE_BY_RULES: Final = Decider(RULES).decide
DECIDE_BY_OBJECT: Final = Decider(FOLLOWED).decide


PLAN = DeliveryPlan(
    "orders", "orders", STABLE.tag, STABLE.name, Reason.SPLIT, STABLE.timeout_seconds
)


def rendered(message: Message) -> str:
    return plan_lines(PLAN) + message_lines(message, PLAN.tag)


def unlook(message: Message) -> None:
    """Drop a message's cached results."""
    message._names = None
    message._is_json = None


JUDGED: Final = Plan(
    CANARY.name, CANARY.url, CANARY.tag, bounds=Bounds(max_failure_ratio=0.1, max_p99_seconds=2.0)
)

ENDLESS: Final = 1_000_000


def records(count: int) -> list[list[Record]]:
    """Make batches of ten records, each of another key, one in ten of them pinned."""
    value = BODY.encode()
    return [
        [
            Record(
                "orders", 3, first + n, f"customer-{first + n}".encode(), value,
                () if n else (("version", b"v2"),), 1_700_000_000_456,
            )
            for n in range(10)
        ]
        for first in range(0, 10 * count, 10)
    ]  # fmt: skip


PLACE: Final = place_name("orders", 3, 1)


def from_topic(batch: list[Record]) -> PartitionWindow:
    """Let ten records pass a window: taken, decided, rendered for a sender, settled."""
    window = PartitionWindow(Order.KEY, ENDLESS)
    window.add(batch)
    made = messages_of(window.take(10, 0.0), PLACE)
    for each in made:
        DECIDE_BY_KEY(each)
        record_lines(each, STABLE.tag)
    window.settle_all([place_of(each.receipt)[1] for each in made])
    return window


PIECES: Final = (
    Piece("receive", message_from_receive, yardsticks.receive, raw_messages),
    Piece("pin", DECIDE_BY_SPLIT, yardsticks.pin, pinned_messages, unlook),
    Piece("split", DECIDE_BY_SPLIT, yardsticks.split, messages, unlook),
    Piece("rules", DECIDE_BY_RULES, yardsticks.rules, messages, unlook, 20),
    Piece("followed", DECIDE_BY_OBJECT, yardsticks.followed, messages, unlook),
    Piece("is_json", lambda each: each.is_json, yardsticks.is_json, messages, unlook),
    Piece("headers", rendered, yardsticks.headers, decided_messages),
    Piece("topic", from_topic, yardsticks.from_topic, records, messages=20),
    Piece("passing", Passing().carry, yardsticks.passing, receives, messages=20),
    Piece("judged", Passing(JUDGED).carry, yardsticks.passing, receives, messages=COUNTED_AFTER),
)
