"""Which faults SQS has when: calm, drizzle (a little of everything) or a storm of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tools.emulator.rules import Rule

if TYPE_CHECKING:
    from random import Random

RECEIVE: Final = "ReceiveMessage"
DELETE: Final = "DeleteMessageBatch"
CHANGE: Final = "ChangeMessageVisibilityBatch"
COPY: Final = "SendMessage"
RESOLVE: Final = ("GetQueueUrl", "GetQueueAttributes")
EVERYTHING: Final = "everything"
_OF_THE_GATEWAY: Final = (RECEIVE, DELETE, CHANGE, COPY, *RESOLVE)

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
    *((operation, "expired_token") for operation in (RECEIVE, DELETE, EVERYTHING)),
)


def drizzle() -> list[Rule]:
    """Return a little of everything."""
    rules = [_rule(DELETE, kind, rate) for kind, rate in (_EVERYWHERE | _BATCHES).items()]
    rules += [_rule(CHANGE, kind, rate) for kind, rate in (_EVERYWHERE | _BATCHES).items()]
    rules += [_rule(RECEIVE, kind, rate) for kind, rate in (_EVERYWHERE | _RECEIVES).items()]
    return rules + [
        _rule(operation, kind, rate)
        for operation in (COPY, *RESOLVE)
        for kind, rate in _EVERYWHERE.items()
    ]


def storm(random: Random) -> list[Rule]:
    """Return one kind of fault for most requests of one operation, on top of the drizzle."""
    operation, kind = random.choice(_STORMS)
    operations = _OF_THE_GATEWAY if operation == EVERYTHING else (operation,)
    rate = random.uniform(0.5, 1)
    return [*(_rule(each, kind, rate) for each in operations), *drizzle()]


def forecast(random: Random) -> tuple[float, list[Rule]]:
    """Return how many seconds the next weather lasts, and its rules; none are calm."""
    drawn = random.random()
    if drawn < 0.15:
        return random.uniform(0.5, 1.5), []
    if drawn < 0.4:
        return random.uniform(0.5, 2), storm(random)
    return random.uniform(1.5, 4), drizzle()


def _rule(operation: str, kind: str, rate: float) -> Rule:
    return Rule(operation, kind, rate, SLOW_SECONDS)
