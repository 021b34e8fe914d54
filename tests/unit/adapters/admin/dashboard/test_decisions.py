"""The last decisions of each route."""

from __future__ import annotations

from gateway.adapters.admin.dashboard.decisions import KEPT, DecisionLog
from gateway.core.routing.decision import Decision, Reason
from tests.builders import CANARY, message
from tests.unit.adapters.fakes import Clock


def test_a_decision_is_kept_with_its_reason_and_nothing_of_the_message_but_its_id() -> None:
    log = DecisionLog(Clock(1_000.25))
    told = message("secret", message_id="m-7", attributes={"card": "4111"})
    log.note("orders", told, Decision(CANARY, Reason.RULE, "eu customers", 4711))
    log.note("orders", told, Decision(None, Reason.UNKNOWN_VERSION))
    assert log.take(["orders"]) == {
        "orders": [
            (1_000.25, "m-7", "canary", "rule", "eu customers", 4711),
            (1_000.25, "m-7", None, "unknown_version", None, None),
        ]
    }


def test_each_decision_is_taken_once_and_the_last_100_of_a_route_are_kept() -> None:
    log = DecisionLog(Clock())
    for number in range(150):
        log.note("orders", message(message_id=f"m-{number}"), Decision(CANARY, Reason.SPLIT))
    log.note("refunds", message(message_id="r-1"), Decision(CANARY, Reason.SPLIT))
    taken = log.take(["orders", "refunds"])
    assert [row[1] for row in taken["orders"]] == [f"m-{number}" for number in range(50, 150)]
    assert [row[1] for row in taken["refunds"]] == ["r-1"]
    assert log.take(["orders", "refunds"]) == {"orders": [], "refunds": []}
    assert len(log.kept("orders")) == KEPT
    log.take(["refunds"])
    assert log.kept("orders") == []  # it is no route any more
    log.clear()
    assert log.kept("refunds") == []
