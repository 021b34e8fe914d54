"""Which events are worth a line, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from gateway.adapters.telemetry.log_observer import LogObserver
from gateway.adapters.telemetry.log_throttle import SharedThrottles
from gateway.core.delivery.disposition import Malformed, Responded, TimedOut, Unreachable
from gateway.core.events import (
    Action,
    AttributesDropped,
    CopyOutcome,
    DeliveryCrashed,
    Event,
    ForwardedUnstamped,
    HeaderFileUnusable,
    MessageUnreadable,
    Mirrored,
    Outcome,
    Phase,
    PhaseChanged,
    Received,
    ReceiveFailed,
    Reloaded,
    ReloadFailed,
    RouteWarned,
    Settled,
    SettlementFailed,
)
from gateway.core.routing.decision import Reason
from tests.builders import CANARY, route
from tests.unit.adapters.fakes import Clock, decided, delivered, table

if TYPE_CHECKING:
    from collections.abc import Iterator

Line = dict[str, Any]


class Log:
    """An observer with a clock that stands, and what it wrote."""

    def __init__(self, lines: list[Line]) -> None:
        self.clock = Clock()
        self._lines = lines
        self._observer = LogObserver(SharedThrottles(self.clock), table().routes[0])

    def after(self, *events: Event) -> list[Line]:
        """Return the lines that these events make."""
        before = len(self._lines)
        for event in events:
            self._observer.observe(event)
        return self._lines[before:]

    def events(self, *events: Event) -> list[str]:
        return [line["event"] for line in self.after(*events)]


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    with capture_logs() as captured:
        yield captured  # type: ignore[misc]


@pytest.fixture
def log(lines: list[Line]) -> Log:
    return Log(lines)


RETRY = delivered(Outcome.RETRY, Responded(500))
ACK = delivered(Outcome.ACK)


def phase(of: Phase, why: str = "") -> PhaseChanged:
    return PhaseChanged("orders", of, why)


def test_normal_traffic_is_silent(log: Log) -> None:
    traffic = [
        Received("orders", 10),
        Received("orders", 0),
        decided(CANARY, Reason.PINNED),
        ACK,
        Settled("orders", Action.DELETE, 10),
        Settled("orders", Action.EXTEND),
    ]
    assert log.after(*traffic * 3) == []


# ---- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "outcome", "why"),
    [
        (RETRY, "retry", "status 500"),
        (delivered(Outcome.RETRY, TimedOut(30.0)), "retry", "no complete response within 30 s"),
        (
            delivered(Outcome.FALLBACK, Unreachable("no route to host")),
            "fallback",
            "unreachable: no route to host",
        ),
    ],
)
def test_the_first_failure_of_a_version_says_what_and_why(
    log: Log, event: Event, outcome: str, why: str
) -> None:
    assert log.after(ACK, event, event, event) == [
        {
            "event": "version fails",
            "log_level": "warning",
            "route": "orders",
            "version": "canary",
            "outcome": outcome,
            "why": why,
            "message_id": "m-1",
        }
    ]


def test_a_version_that_works_again_is_said_once_with_its_failures(log: Log) -> None:
    log.after(RETRY, RETRY)
    assert log.after(ACK, ACK) == [
        {
            "event": "version works again",
            "log_level": "info",
            "route": "orders",
            "version": "canary",
            "failures": 2,
        }
    ]


def test_versions_and_routes_fail_apart(log: Log) -> None:
    other = delivered(Outcome.RETRY, Responded(500), version="stable")
    elsewhere = delivered(Outcome.RETRY, Responded(500), route="payments")
    assert len(log.after(RETRY, other, elsewhere)) == 3
    assert log.events(ACK) == ["version works again"]


def test_a_version_that_fails_for_a_minute_is_one_line(log: Log) -> None:
    lines = []
    for _ in range(60):
        lines += log.after(RETRY)
        log.clock.now += 1
    assert len(lines) == 1


def test_a_version_that_flaps_makes_one_line_of_a_kind_in_ten_seconds(log: Log) -> None:
    assert log.events(*[RETRY, ACK] * 500) == ["version fails", "version works again"]
    log.clock.now += 10
    fails, works = log.after(RETRY, ACK)
    assert (fails["event"], fails["suppressed"]) == ("version fails", 499)
    assert works["event"] == "version works again"


def test_a_rejected_message_is_a_line_but_no_failure_of_the_version(log: Log) -> None:
    reject = delivered(Outcome.REJECT, Responded(422), message_id="m-7")
    (line,) = log.after(reject, ACK)
    assert (line["event"], line["log_level"]) == ("message rejected", "warning")
    assert (line["why"], line["message_id"]) == ("status 422", "m-7")


def test_a_retry_for_a_malformed_response_is_told_once_with_the_way_out(log: Log) -> None:
    malformed = delivered(Outcome.RETRY, Malformed("response is not HTTP/1.1: Duplicate"))
    told, _ = log.after(malformed)
    assert told["event"] == "response is malformed, so a delivery is repeated"
    assert "client: httpx" in told["what_to_do"]
    log.clock.now += 3600
    assert "malformed" not in str(log.events(ACK, malformed))


def test_rejected_messages_are_limited(log: Log) -> None:
    reject = delivered(Outcome.REJECT, Responded(422))
    assert len(log.after(*[reject] * 100)) == 1
    log.clock.now += 10
    (line,) = log.after(reject)
    assert line["suppressed"] == 99


# ---- receives and settlements -------------------------------------------------------------------


def test_receives_that_fail_and_work_again_are_a_line_each(log: Log) -> None:
    failed = ReceiveFailed("orders", "no answer")
    assert log.after(Received("orders", 1), failed, failed) == [
        {
            "event": "receives fail",
            "log_level": "warning",
            "route": "orders",
            "queue": "orders",
            "why": "no answer",
        }
    ]
    assert log.after(Received("orders", 0), Received("orders", 5)) == [
        {
            "event": "receives work again",
            "log_level": "info",
            "route": "orders",
            "queue": "orders",
            "failures": 2,
        }
    ]


def test_receives_that_flap_do_not_flood(log: Log) -> None:
    events = [ReceiveFailed("orders", "no answer"), Received("orders", 1)] * 100
    assert log.events(*events) == ["receives fail", "receives work again"]


DELETE_FAILED = SettlementFailed("orders", Action.DELETE, "access denied", 3)


def test_settlements_that_fail_are_one_line_and_one_when_they_work_again(log: Log) -> None:
    """However long it takes and however often each is tried."""
    lines = []
    for _ in range(60):
        lines += log.after(DELETE_FAILED)
        log.clock.now += 1
    lines += log.after(Settled("orders", Action.DELETE, 10), Settled("orders", Action.DELETE))
    about = {"route": "orders", "queue": "orders", "action": "delete"}
    told = {**about, "messages": 3, "why": "access denied", "lease_lost": False}
    assert lines == [
        {"event": "settlement failed", "log_level": "warning", **told},
        {"event": "settlements work again", "log_level": "info", **about, "failures": 60},
    ]


def test_settlements_fail_apart_by_action(log: Log) -> None:
    extend = SettlementFailed("orders", Action.EXTEND, "throttled")
    lines = log.after(DELETE_FAILED, extend, Settled("orders", Action.RELEASE))
    assert [line["action"] for line in lines] == ["delete", "extend"]
    assert [line["action"] for line in log.after(Settled("orders", Action.EXTEND))] == ["extend"]


def test_a_lost_lease_is_one_message_s_trouble_and_no_state(log: Log) -> None:
    lost = SettlementFailed("orders", Action.EXTEND, "gone", lease_lost=True)
    (first,) = log.after(lost, lost)
    assert (first["action"], first["lease_lost"]) == ("extend", True)
    assert log.after(Settled("orders", Action.EXTEND)) == []
    log.clock.now += 10
    assert log.after(lost)[0]["suppressed"] == 1


# ---- single messages ----------------------------------------------------------------------------


def test_every_dead_letter_copy_that_lacks_attributes_is_said(log: Log) -> None:
    lines = log.after(
        AttributesDropped("orders", "m-1", ("z", "y")), AttributesDropped("orders", "m-2", ("z",))
    )
    assert [(line["message_id"], line["names"]) for line in lines] == [
        ("m-1", ["z", "y"]),
        ("m-2", ["z"]),
    ]
    assert lines[0]["log_level"] == "warning"


def test_a_crash_brings_its_error_and_its_like_are_limited(log: Log) -> None:
    error = KeyError("x")
    crash = DeliveryCrashed("orders", "m-1", error)
    (line,) = log.after(crash, crash, crash)
    assert (line["log_level"], line["exc_info"], line["message_id"]) == ("error", error, "m-1")
    (other,) = log.after(DeliveryCrashed("orders", "m-2", TypeError("y")))
    assert other["message_id"] == "m-2"


def test_a_message_that_cannot_be_read_is_told_once_per_throttle(
    log: Log,
) -> None:
    lines = log.after(*[MessageUnreadable("orders", f"m-{at}", "Body: missing") for at in range(3)])
    (line,) = lines
    assert line["event"].startswith("message cannot be read; it is left alone")
    assert (line["message_id"], line["why"], line["log_level"]) == (
        "m-0", "Body: missing", "warning",
    )  # fmt: skip


def test_a_header_file_that_cannot_be_used_is_a_warning_with_its_path(log: Log) -> None:
    (line,) = log.after(HeaderFileUnusable("stable", "authorization", "/etc/token", "is empty"))
    assert line["log_level"] == "warning"
    assert (line["version"], line["header"]) == ("stable", "authorization")
    assert (line["file"], line["why"]) == ("/etc/token", "is empty")


# ---- phases -------------------------------------------------------------------------------------


def test_a_routes_life_is_a_line_for_each_phase(log: Log) -> None:
    life = [phase(of) for of in (Phase.STARTING, Phase.POLLING, Phase.STOPPING, Phase.STOPPED)]
    lines = log.after(*(each for each in life for _ in range(2)))
    assert [line["event"] for line in lines] == [
        "route is starting",
        "route is polling",
        "route is stopping",
        "route is stopped",
    ]
    assert {line["log_level"] for line in lines} == {"info"}


def test_a_failed_route_says_queue_reason_and_what_to_do_once(log: Log) -> None:
    failed = phase(Phase.FAILED, "no such queue")
    (line,) = log.after(failed, phase(Phase.STARTING), failed, failed)
    assert (line["event"], line["log_level"]) == ("route failed", "error")
    assert (line["route"], line["queue"], line["why"]) == ("orders", "orders", "no such queue")
    assert "sqs:GetQueueUrl" in line["what_to_do"]


def test_a_failure_that_is_not_the_queue_s_does_not_send_anyone_to_the_queue(log: Log) -> None:
    failed = PhaseChanged("orders", Phase.FAILED, "no way", "check AWS_REGION")
    (line,) = log.after(failed)
    assert line["what_to_do"] == "check AWS_REGION"


def test_a_warning_about_a_route_names_its_queue_and_what_to_do(log: Log) -> None:
    (line,) = log.after(RouteWarned("orders", "no policy", "set one"))
    assert (line["event"], line["log_level"]) == ("no policy", "warning")
    assert (line["queue"], line["what_to_do"]) == ("orders", "set one")


def test_another_reason_for_the_failure_is_said(log: Log) -> None:
    log.after(phase(Phase.FAILED, "no such queue"))
    assert log.events(phase(Phase.FAILED, "access denied")) == ["route failed"]


def test_a_route_that_recovers_is_said_and_its_next_failure_too(log: Log) -> None:
    failed = phase(Phase.FAILED, "no such queue")
    polling = phase(Phase.POLLING)
    assert log.events(failed, polling, polling, failed) == [
        "route failed",
        "route works again",
        "route failed",
    ]


def test_a_route_that_is_stopped_while_it_fails_starts_with_a_clean_sheet(log: Log) -> None:
    log.after(phase(Phase.FAILED, "no such queue"), phase(Phase.STOPPING), phase(Phase.STOPPED))
    again = [phase(Phase.STARTING), phase(Phase.POLLING)]
    assert log.events(*again) == ["route is starting", "route is polling"]


def test_a_replaced_route_and_its_successor_name_their_own_queues_and_phases(
    lines: list[Line],
) -> None:
    """The old one drains while the new one of the same name already tries its queue."""
    shared = SharedThrottles(Clock())
    old, new = (LogObserver(shared, route(queue=queue)) for queue in ("old", "new"))
    failed, stopped = phase(Phase.FAILED, "no such queue"), phase(Phase.STOPPED)
    for observer, event in (
        (old, phase(Phase.POLLING)), (old, phase(Phase.STOPPING)), (new, phase(Phase.STARTING)),
        (new, failed), (old, ReceiveFailed("orders", "no answer")), (old, stopped), (new, failed),
        (new, phase(Phase.POLLING)),
    ):  # fmt: skip
        observer.observe(event)
    assert [(line["event"], line["queue"]) for line in lines] == [
        ("route is polling", "old"),
        ("route is stopping", "old"),
        ("route is starting", "new"),
        ("route failed", "new"),
        ("receives fail", "old"),
        ("route is stopped", "old"),
        ("route works again", "new"),
    ]


def test_a_version_that_fails_is_told_once_across_the_routes_that_a_reload_starts_anew(
    lines: list[Line],
) -> None:
    shared = SharedThrottles(Clock())
    for queue in ("old", "new"):
        LogObserver(shared, route(queue=queue)).observe(RETRY)
    assert [line["event"] for line in lines] == ["version fails"]


def test_a_route_without_a_known_queue_is_named_alone(log: Log) -> None:
    (line,) = log.after(PhaseChanged("payments", Phase.POLLING))
    assert line == {"event": "route is polling", "log_level": "info", "route": "payments"}


# ---- the routing file ---------------------------------------------------------------------------


def test_a_routing_table_in_force_says_what_changed(log: Log) -> None:
    assert log.after(Reloaded(3, ("a",), ("b", "c"), ("d",))) == [
        {
            "event": "routing file in force",
            "log_level": "info",
            "generation": 3,
            "added": ["a"],
            "changed": ["b", "c"],
            "removed": ["d"],
        }
    ]


def test_a_refused_routing_file_says_every_problem(log: Log) -> None:
    (line,) = log.after(ReloadFailed(3, ("routes.yaml:1: a", "routes.yaml:2: b")))
    assert line["log_level"] == "error"
    assert line["problems"] == ["routes.yaml:1: a", "routes.yaml:2: b"]
    assert line["generation"] == 3


def test_a_mirror_that_fails_makes_one_line_until_it_works(log: Log) -> None:
    fails = Mirrored("orders", "canary", CopyOutcome.FAILED, 3, "no response within 5 s")
    (line,) = log.after(fails, fails, fails)
    assert line == {
        "event": "mirror fails; no delivery waits for it",
        "log_level": "warning",
        "route": "orders",
        "version": "canary",
        "why": "no response within 5 s",
    }
    assert log.after(Mirrored("orders", "canary", CopyOutcome.DROPPED, 70)) == []
    (line,) = log.after(Mirrored("orders", "canary", CopyOutcome.SENT))
    assert (line["event"], line["failures"]) == ("mirror works again", 9)
    assert log.after(Mirrored("orders", "canary", CopyOutcome.SENT), fails) == []
    log.clock.now += 10
    (line,) = log.after(fails)
    assert line["suppressed"] == 1


def test_a_message_forwarded_without_its_tag_is_a_warning_now_and_then(log: Log) -> None:
    unstamped = ForwardedUnstamped("orders", "canary")
    (line,) = log.after(unstamped, unstamped)
    assert (line["log_level"], line["route"], line["version"]) == ("warning", "orders", "canary")
    log.clock.now += 11
    (line,) = log.after(unstamped)
    assert line["suppressed"] == 1
