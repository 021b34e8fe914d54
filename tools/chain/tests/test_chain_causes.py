"""Which second arrivals of an order have a cause, by what the queues know."""

from __future__ import annotations

import json
from typing import Any

from tools.chain.causes import explain


def message(order: str, *received: float) -> dict[str, Any]:
    events = [{"at": at, "what": "received", "number": n} for n, at in enumerate(received, 1)]
    return {
        "body": json.dumps({"order": order}),
        "events": [*events, {"at": 99, "what": "deleted", "number": 0}],
    }


def test_one_arrival_needs_no_cause() -> None:
    doubles = explain({"a": 1}, {"orders": [message("a", 1, 9)]}, [])
    assert (doubles.total, doubles.by_queues, doubles.unexplained) == (0, {}, ())


def test_a_message_that_a_killed_gateway_held_explains_one_more_arrival() -> None:
    history = {"orders": [message("a", 1, 9)], "invoices": [message("a", 2), message("a", 10)]}
    doubles = explain({"a": 2}, history, [5])
    assert (doubles.total, doubles.by_queues, doubles.unexplained) == (1, {"orders": 1}, ())


def test_each_queue_may_explain_one() -> None:
    history = {"orders": [message("a", 1, 9)], "invoices": [message("a", 2, 11), message("a", 10)]}
    doubles = explain({"a": 3}, history, [5])
    assert doubles.by_queues == {"orders and invoices": 1}
    assert explain({"a": 4}, history, [5]).unexplained == ("a",)


def test_what_was_handed_out_again_without_a_kill_in_between_explains_nothing() -> None:
    history = {"orders": [message("a", 1, 9), message("b", 1)]}
    assert explain({"a": 2, "b": 2}, history, [0.5, 10]).unexplained == ("a", "b")


def test_two_kills_explain_two() -> None:
    history = {"orders": [message("a", 1, 9, 19)]}
    assert explain({"a": 3}, history, [5, 15]).by_queues == {"orders": 1}
