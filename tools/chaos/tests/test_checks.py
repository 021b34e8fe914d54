"""The checks find each violation that is planted into a good run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from tools.chaos import trace
from tools.chaos.checks import Result, check
from tools.chaos.deliveries import Delivery
from tools.chaos.evidence import (
    Evidence,
    Forwarded,
    ForwardedMessage,
    History,
    parse_history,
    strangers,
    with_forwarded,
)
from tools.chaos.routes import GROUPS, REJECTS

LOST = "lost"
UNPROVEN = "deleted without proof"
DOUBLED = "doubled without a cause"
OVERLAPS = "overlaps in a group"
OUT_OF_ORDER = "out of order in a group"
CROSSED = "delivered to a version that it is not pinned to"
NOT_ONCE = "not delivered exactly once in calm"


def history(name: str, settled_at: float | None = 10.0, **more: Any) -> History:
    stage = "visible" if settled_at is None else "deleted"
    group = "g" if name.startswith("g") else None
    queue = REJECTS if group is None else GROUPS
    members = {"stage": stage, "group": group, "receives": 1, "settled_at": settled_at} | more
    return History(name, queue, f"body of {name}", **members)


def delivery(
    name: str, begun_at: float, ended_at: float = math.inf, *, acked: bool = True
) -> Delivery:
    group = "g" if name.startswith("g") else None
    acked_at = ended_at if acked else None
    return Delivery(name, "service", group, begun_at, "prompt", ended_at, acked_at)


def result(histories: list[History], *deliveries: Delivery, **more: Any) -> Result:
    by_message: dict[str, list[Delivery]] = {}
    for each in deliveries:
        by_message.setdefault(each.message_id, []).append(each)
    return check(Evidence(histories, by_message, **{"sent": len(histories), **more}))


def violations(histories: list[History], *deliveries: Delivery, **more: Any) -> set[str]:
    return set(result(histories, *deliveries, **more).violations)


def test_a_good_run_has_no_violations_and_is_counted() -> None:
    histories = [history("a"), history("b", receives=4), history("c", stage="moved"), history("d")]
    copies = {(REJECTS, "body of d"): 9.0}

    found = result(histories, delivery("a", 1, 2), delivery("b", 1, 2), copies=copies, calm=False)

    assert found.violations == {}
    assert (found.messages, found.deliveries, found.acked) == (4, 2, 2)
    assert (found.dead_lettered, found.worst_receive_count) == (2, 4)


# ---- at least once ------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["visible", "leased", "delayed"])
def test_a_message_that_is_still_in_the_queue_is_lost(stage: str) -> None:
    stays = history("a", None, stage=stage)
    assert violations([stays], delivery("a", 1, 2)) == {LOST}


def test_a_message_that_was_sent_and_is_in_no_ledger_is_lost() -> None:
    assert violations([history("a")], delivery("a", 1, 2), sent=2) == {LOST}


def test_a_delete_without_any_delivery_is_found() -> None:
    assert violations([history("a")]) == {UNPROVEN}


def test_a_delete_after_deliveries_without_a_complete_2xx_is_found() -> None:
    assert violations([history("a")], delivery("a", 1, 2, acked=False)) == {UNPROVEN}


def test_a_delete_before_the_2xx_is_found() -> None:
    assert violations([history("a", 1.5)], delivery("a", 1, 2)) == {UNPROVEN}


def test_a_delete_before_the_dead_letter_copy_is_found() -> None:
    rejected = delivery("a", 1, 2, acked=False)
    assert violations([history("a", 10)], rejected, copies={(REJECTS, "body of a"): 9.0}) == set()
    assert violations([history("a", 8)], rejected, copies={(REJECTS, "body of a"): 9.0}) == {
        UNPROVEN
    }


# ---- doubles ------------------------------------------------------------------------------


def doubled(**more: Any) -> Result:
    histories = [history("a", **more.pop("history", {}))]
    return result(histories, delivery("a", 1, 2), delivery("a", 5, 6), **more)


def test_a_second_2xx_without_a_cause_is_found_and_its_trace_shown() -> None:
    (found,) = doubled().violations[DOUBLED]
    assert "2xx of service (prompt)" in found


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ((3, "DeleteMessageBatch lost_reply"), "DeleteMessageBatch lost reply"),
        ((0, "handed_out_again"), "duplicate of SQS"),
        (
            (4, "ChangeMessageVisibilityBatch hang"),
            "lease lost by ChangeMessageVisibilityBatch hang",
        ),
        ((0, "ReceiveMessage slow"), "lease lost by ReceiveMessage slow"),
    ],
)
def test_a_fault_of_that_message_explains_a_second_2xx(
    fault: tuple[float, str], cause: str
) -> None:
    found = doubled(history={"faults": (fault,)})
    assert found.violations == {}
    assert found.doubled == {cause: 1}


def test_a_fault_that_has_nothing_to_do_with_it_explains_nothing() -> None:
    """One after the second delivery began, one of a delete before the first, a receive's error."""
    faults = (
        (5.5, "DeleteMessageBatch lost_reply"),
        (0.5, "DeleteMessageBatch lost_reply"),
        (3, "ReceiveMessage internal_error"),
    )
    assert set(doubled(history={"faults": faults}).violations) == {DOUBLED}


@pytest.mark.parametrize(
    ("kill", "explained"), [(0.4, False), (0.6, True), (3, True), (5.5, False)]
)
def test_a_kill_in_between_explains_a_second_2xx(kill: float, explained: bool) -> None:  # noqa: FBT001
    assert (not doubled(kills=[kill]).violations) == explained


def test_an_answer_at_the_edge_of_the_timeout_explains_a_second_2xx() -> None:
    assert doubled(timeout_seconds=1.2).violations == {}


@pytest.mark.parametrize(("waits", "explained"), [([(1.5, 3.0)], True), ([(1.5, 0.5)], False)])
def test_a_machine_too_busy_to_keep_leases_explains_a_second_2xx(
    waits: list[tuple[float, float]],
    explained: bool,  # noqa: FBT001
) -> None:
    assert (not doubled(waits=waits).violations) == explained


def test_one_explained_double_does_not_excuse_another() -> None:
    faults = ((3, "DeleteMessageBatch dropped"),)
    deliveries = [delivery("a", 1, 2), delivery("a", 5, 6), delivery("a", 8, 9)]
    assert violations([history("a", faults=faults)], *deliveries) == {DOUBLED}


# ---- calm ---------------------------------------------------------------------------------


def test_in_calm_each_message_is_delivered_once_and_answered_once() -> None:
    assert violations([history("a")], delivery("a", 1, 2), calm=True) == set()
    failed = delivery("a", 1, 2, acked=False)
    assert violations([history("a")], failed, delivery("a", 5, 6), calm=True) == {NOT_ONCE}
    assert violations([history("a", stage="moved")], calm=True) == {NOT_ONCE}


# ---- groups -------------------------------------------------------------------------------


def test_a_group_in_order_is_good_however_often_its_head_failed() -> None:
    histories = [history("g1"), history("g2"), history("a"), history("g3")]
    assert violations(
        histories,
        delivery("g1", 1, 2, acked=False),
        delivery("g1", 3, 4),
        delivery("g2", 5, 6),
        delivery("g3", 7, 8),
        delivery("a", 1, 9),
    ) == set()  # fmt: skip


def test_a_pair_out_of_order_is_found() -> None:
    histories = [history("g1"), history("g2")]
    assert violations(histories, delivery("g2", 1, 2), delivery("g1", 3, 4)) == {OUT_OF_ORDER}


def test_a_successor_that_did_not_wait_for_a_failed_head_is_found() -> None:
    histories = [history("g1"), history("g2")]
    deliveries = [
        delivery("g1", 1, 2, acked=False), delivery("g2", 3, 4), delivery("g1", 5, 6)
    ]  # fmt: skip
    assert violations(histories, *deliveries) == {OUT_OF_ORDER}


def test_a_message_that_comes_again_after_its_successor_is_found() -> None:
    faults = ((3, "DeleteMessageBatch lost_reply"),)
    histories = [history("g1", faults=faults), history("g2")]
    deliveries = [delivery("g1", 1, 2), delivery("g2", 4, 5), delivery("g1", 6, 7)]
    assert violations(histories, *deliveries) == {OUT_OF_ORDER}


@pytest.mark.parametrize("away", ["copied", "moved"])
def test_a_group_goes_on_after_a_dead_letter(away: str) -> None:
    rejected, successor = delivery("g1", 1, 2, acked=False), delivery("g2", 4, 5)
    first = history("g1", 3.0, stage="moved" if away == "moved" else "deleted")
    copies = {(GROUPS, "body of g1"): 2.5} if away == "copied" else {}
    assert violations([first, history("g2")], rejected, successor, copies=copies) == set()
    too_early = dataclasses.replace(successor, begun_at=2.2)
    assert violations([first, history("g2")], rejected, too_early, copies=copies) == {OUT_OF_ORDER}


def test_an_overlap_in_a_group_is_found() -> None:
    """Two deliveries of one message, so that their order is not in question."""
    histories = [history("g1", faults=((0, "ReceiveMessage slow"),))]
    deliveries = [delivery("g1", 1, 4), delivery("g1", 2, 3)]
    assert violations(histories, *deliveries) == {OVERLAPS}


def test_a_long_delivery_overlaps_all_that_begin_within_it() -> None:
    histories = [history("g1")]
    never = delivery("g1", 1, 9, acked=False)
    short = [delivery("g1", at, at + 1, acked=False) for at in (2, 4, 6)]
    found = result(histories, never, *short, copies={(GROUPS, "body of g1"): 9.5})
    assert len(found.violations[OVERLAPS]) == 3


def test_an_instant_is_no_overlap() -> None:
    histories = [history("g1")]
    assert (
        violations(histories, delivery("g1", 1, 2.05, acked=False), delivery("g1", 2, 3)) == set()
    )


# ---- complaints, stories ------------------------------------------------------------------


def test_a_complaint_about_a_process_is_a_violation() -> None:
    assert violations([], complaints=["a process ended by itself"]) == {"complaints"}


def test_a_page_of_the_emulators_ledger_is_read_with_its_faults_and_its_end() -> None:
    events = ["received", "DeleteMessageBatch hang", "handed_out_again", "deleted"]
    raw = {
        "message_id": "m",
        "body": "{}",
        "group": None,
        "stage": "deleted",
        "receive_count": 2,
        "events": [{"at": at, "what": what, "number": 0} for at, what in enumerate(events)],
    }
    found = parse_history(REJECTS, raw, whole=True)
    assert found.faults == ((1, "DeleteMessageBatch hang"), (2, "handed_out_again"))
    assert (found.settled_at, found.receives, found.stage) == (3, 2, "deleted")
    told = trace.lines(found, Evidence([found], {"m": [delivery("m", 0.5, 2.5)]}))
    assert [line.split(maxsplit=1)[1] for line in told] == [
        "received",
        "delivery begins at service (prompt)",
        "DeleteMessageBatch hang",
        "handed_out_again",
        "2xx of service (prompt)",
        "deleted",
    ]


# ---- the queues of versions ---------------------------------------------------------------

LOST_REPLY = "SendMessageBatch lost_reply"


def forwarded(*names: str, at: float, place: str = "queues-canary", fault: str = "") -> Forwarded:
    faults = [{"at": at, "what": fault, "number": 0}] if fault else []
    group = "g" if names[0].startswith("g") else None
    queue = REJECTS if group is None else GROUPS
    return {
        (queue, f"body of {name}"): [ForwardedMessage(place, group, at, faults)] for name in names
    }


def with_queues(histories: list[History], *found: Forwarded, **more: Any) -> Result:
    there: Forwarded = {}
    for each in found:
        for key, messages in each.items():
            there.setdefault(key, []).extend(messages)
    by_message = with_forwarded({}, histories, there)
    return check(Evidence(histories, by_message, **{"sent": len(histories), **more}))


def test_a_message_in_the_queue_of_a_version_is_a_proof_like_a_2xx() -> None:
    found = with_queues([history("a")], forwarded("a", at=2))
    assert found.violations == {}
    assert (found.acked, found.queued, found.deliveries) == (1, 1, 1)


def test_a_delete_before_the_message_is_in_the_queue_of_a_version_is_found() -> None:
    assert set(with_queues([history("a", 1.5)], forwarded("a", at=2)).violations) == {UNPROVEN}


def test_another_message_in_the_queue_of_a_version_proves_nothing() -> None:
    histories = [history("a"), history("b")]
    assert set(with_queues(histories, forwarded("b", at=2)).violations) == {UNPROVEN}


@pytest.mark.parametrize(("fault", "explained"), [("", False), (LOST_REPLY, True)])
def test_a_message_twice_in_queues_needs_a_cause(fault: str, explained: bool) -> None:  # noqa: FBT001
    faults = ((2.0, fault),) if fault else ()
    found = with_queues([history("a", faults=faults)], forwarded("a", at=2), forwarded("a", at=5))
    assert (DOUBLED not in found.violations) == explained
    assert sum(found.doubled.values()) == 1


def test_a_group_out_of_order_in_the_queue_of_a_version_is_found() -> None:
    histories = [history("g1"), history("g2")]
    first, second = forwarded("g1", at=4), forwarded("g2", at=2)
    assert set(with_queues(histories, first, second).violations) == {OUT_OF_ORDER}
    assert with_queues(histories, forwarded("g1", at=1), second).violations == {}


def test_a_message_that_no_source_had_is_a_stranger() -> None:
    assert strangers([history("a")], forwarded("a", at=2)) == []
    (found,) = strangers([history("a")], forwarded("b", at=2))
    assert "body of b" in found


def test_a_pinned_message_at_another_version_is_found() -> None:
    pins = {(REJECTS, "body of a"): "queues-canary"}
    assert with_queues([history("a")], forwarded("a", at=2), pins=pins).violations == {}
    other = forwarded("a", at=2, place="queues-stable")
    assert set(with_queues([history("a")], other, pins=pins).violations) == {CROSSED}
