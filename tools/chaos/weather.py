"""Which faults SQS has when: calm, drizzle (a little of everything) or a storm of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tools.chaos.routes import VERSION_QUEUES
from tools.emulator.rules import Rule

if TYPE_CHECKING:
    from random import Random

RECEIVE: Final = "ReceiveMessage"
DELETE: Final = "DeleteMessageBatch"
CHANGE: Final = "ChangeMessageVisibilityBatch"
COPY: Final = "SendMessage"
FORWARD: Final = "SendMessageBatch"
"""To the queues of versions alone: the load sends in batches too."""
RESOLVE: Final = ("GetQueueUrl", "GetQueueAttributes")
EVERYTHING: Final = "everything"
_OF_THE_GATEWAY: Final = (RECEIVE, DELETE, CHANGE, COPY, FORWARD, *RESOLVE)

SLOW_SECONDS: Final = 1.5
_EVERYWHERE: Final = {
    "internal_error": 0.015,
    "unavailable": 0.01,
    "throttling": 0.01,
    "request_throttled": 0.01,
    "expired_token": 0.01,
    "access_denied": 0.005,
    "dropped": 0.015,
    "lost_reply": 0.03,
    "slow": 0.04,
    "hang": 0.004,
    "cut_json": 0.01,
    "cut_body": 0.01,
    "garbage": 0.005,
}
_BATCHES: Final = {"partial_failure": 0.08}
_RECEIVES: Final = {"duplicate": 0.08}
_STORMS: Final = (
    *((RECEIVE, kind) for kind in ("throttling", "lost_reply", "cut_json", "slow", "duplicate")),
    *((DELETE, kind) for kind in ("unavailable", "lost_reply", "partial_failure", "cut_body")),
    *((CHANGE, kind) for kind in ("internal_error", "partial_failure", "dropped")),
    *((COPY, kind) for kind in ("lost_reply", "access_denied", "cut_json")),
    *((FORWARD, kind) for kind in ("lost_reply", "partial_failure", "unavailable", "cut_body")),
    *((FORWARD, kind) for kind in ("access_denied", "throttling", "slow")),
    *((operation, "expired_token") for operation in (RECEIVE, DELETE, EVERYTHING)),
)


def drizzle() -> list[Rule]:
    """Return a little of everything."""
    rates = dict.fromkeys((COPY, *RESOLVE), _EVERYWHERE)
    rates |= dict.fromkeys((DELETE, CHANGE, FORWARD), _EVERYWHERE | _BATCHES)
    rates[RECEIVE] = _EVERYWHERE | _RECEIVES
    return [
        rule
        for operation, by_kind in rates.items()
        for kind, rate in by_kind.items()
        for rule in _rules(operation, kind, rate)
    ]


def storm(random: Random) -> list[Rule]:
    """Return one kind of fault for most requests of one operation, on top of the drizzle."""
    operation, kind = random.choice(_STORMS)
    operations = _OF_THE_GATEWAY if operation == EVERYTHING else (operation,)
    rate = random.uniform(0.5, 1)
    return [*(rule for each in operations for rule in _rules(each, kind, rate)), *drizzle()]


def forecast(random: Random) -> tuple[float, list[Rule]]:
    """Return how many seconds the next weather lasts, and its rules; none are calm."""
    drawn = random.random()
    if drawn < 0.15:
        return random.uniform(0.5, 1.5), []
    if drawn < 0.4:
        return random.uniform(0.5, 2), storm(random)
    return random.uniform(1.5, 4), drizzle()


def _rules(operation: str, kind: str, rate: float) -> list[Rule]:
    queues = [each.name for each in VERSION_QUEUES] if operation == FORWARD else [""]
    return [Rule(operation, kind, rate, SLOW_SECONDS, queue) for queue in queues]
