"""`gateway rollout` and `gateway weight`: what they ask of the API, and what they print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli import rollout as module
from gateway.cli.rollout_words import details, in_force
from tests.fakes.admin_stub import ROLLOUT, Reply

if TYPE_CHECKING:
    from tests.fakes.admin_stub import AdminStub
    from tests.unit.cli.conftest import Run

ORDERS = "/api/routes/orders"
NOTHING = {
    **ROLLOUT,
    "phase": "none",
    "steps": [],
    "canary": None,
    "since": None,
    "limits": None,
    "reason": "nothing judges this route",
    "history": [],
}


def now(**rest: Any) -> dict[str, Any]:
    return {**ROLLOUT, **rest}


@pytest.mark.parametrize(
    ("rollout", "sentence"),
    [
        (
            now(),
            "orders: canary 5 %, stable 95 %; progressing at step 2 of 4: 132 of 200 messages",
        ),
        (
            now(phase="paused", override={"canary": 20}, weights={"canary": 20, "stable": 80}),
            (
                "orders: canary 20 %, stable 80 %, set by hand; "
                "paused at step 2 of 4: 132 of 200 messages"
            ),
        ),
        (
            now(phase="aborted", weights={"stable": 100.0, "canary": 0.0}, reason="by hand"),
            "orders: canary 0 %, stable 100 %; aborted at step 2 of 4: by hand",
        ),
        (
            now(phase="promoted", weights={"canary": 100.0, "stable": 0.0}, step=2, reason=""),
            "orders: canary 100 %, stable 0 %; promoted",
        ),
        (
            now(phase="idle", steps=[], step=0, reason="3 of 20 messages"),
            "orders: canary 5 %, stable 95 %; idle: 3 of 20 messages",
        ),
        (NOTHING, "orders: canary 5 %, stable 95 %; nothing judges this route"),
        ({**NOTHING, "weights": {}}, "orders: no weights; nothing judges this route"),
        (
            now(weights={"stable": 100 / 3, "b1": 200 / 3}, reason="a\x1b[2Jb\nc"),
            "orders: b1 66.67 %, stable 33.33 %; progressing at step 2 of 4: a\\x1b[2Jb\\nc",
        ),
    ],
)
def test_one_sentence_says_what_is_in_force(rollout: dict[str, Any], sentence: str) -> None:
    assert in_force(rollout) == sentence


def test_the_details_are_the_evidence_the_limits_and_what_was_done() -> None:
    entry = {**ROLLOUT["history"][0], "at": "2027-01-15T08:30:00.000Z", "action": "pause"}
    told = now(
        history=[*ROLLOUT["history"], {**entry, "from": 5, "by": "me@here", "reason": ""}],
        problems=["the state is torn"],
    )
    assert details(told) == [
        "  since     2027-01-15T07:59:00.000Z",
        "  revision  2026-11-29.1",
        "  verdict   wait",
        "  messages  canary 132, stable 2,514 (at least 200 a step)",
        "  failed    canary 1 (0.76 %), stable 3 (0.12 %)",
        "  slow      canary 0 (0 %), stable 1 (0.04 %)",
        "  chance    0.31",
        "  limits    failures at most 2 %, p99 at most 2 s, margin 5 %, tolerance 1 %",
        "  history   2027-01-15T08:30:00.000Z pause by me@here",
        "  history   2027-01-15T07:59:00.000Z step from 1 % to 5 % by the gateway: passed",
        "  problem   the state is torn",
    ]


def test_a_route_that_nothing_judges_has_no_evidence() -> None:
    assert details(NOTHING) == []


def test_status_prints_the_sentence_and_the_details(stub: AdminStub, run: Run) -> None:
    stub.reply("GET", f"{ORDERS}/rollout", ROLLOUT)
    found = run("rollout", "status", "orders")
    assert (found.status, found.err) == (0, "")
    assert found.out.splitlines() == [in_force(ROLLOUT), *details(ROLLOUT)]


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "abort", "retry"])
def test_a_verb_is_sent_with_who_asks_and_says_what_is_in_force(
    stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(module.getpass, "getuser", lambda: "ann")
    monkeypatch.setattr(module.socket, "gethostname", lambda: "pod-1")
    stub.reply("POST", f"{ORDERS}/rollout/{verb}", now(phase="paused"))
    found = run("rollout", verb, "orders")
    assert (found.status, found.err) == (0, "")
    assert found.out == f"{in_force(now(phase='paused'))}\n"
    assert [(each.path, each.body) for each in stub.asked] == [
        (f"{ORDERS}/rollout/{verb}", {"by": "ann@pod-1"})
    ]


def test_a_reason_and_a_full_promotion_are_sent(stub: AdminStub, run: Run) -> None:
    for verb in ("abort", "promote"):
        stub.reply("POST", f"{ORDERS}/rollout/{verb}", ROLLOUT)
    run("rollout", "abort", "orders", "--reason", "prices are wrong")
    run("rollout", "promote", "orders", "--full")
    assert stub.asked[0].body["reason"] == "prices are wrong"
    assert stub.asked[1].path.endswith("/promote?full=true")


def test_who_asks_is_bounded_and_needs_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the user may have a number alone."""

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr(module.getpass, "getuser", unknown)
    monkeypatch.setattr(module.socket, "gethostname", lambda: "h" * 300)
    assert module.caller().startswith("uid-")
    assert len(module.caller()) == 100


def test_an_abort_that_the_phase_refuses_says_what_works(stub: AdminStub, run: Run) -> None:
    stub.reply("POST", f"{ORDERS}/rollout/abort", {"error": "the rollout is promoted"}, 409)
    found = run("rollout", "abort", "orders")
    assert found.status == 1
    assert found.err == (
        "gateway rollout abort: the rollout is promoted (409); "
        "to stop a canary in any phase: gateway weight orders CANARY=0\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("status", "orders"),
        ("pause", "orders"),
    ],
)
def test_json_is_what_the_api_has_said(stub: AdminStub, run: Run, words: tuple[str, ...]) -> None:
    stub.reply("GET", f"{ORDERS}/rollout", ROLLOUT)
    stub.reply("POST", f"{ORDERS}/rollout/pause", ROLLOUT)
    assert json.loads(run("rollout", *words, "--json").out) == ROLLOUT


def test_a_routes_name_cannot_leave_its_place_in_the_path(stub: AdminStub, run: Run) -> None:
    run("rollout", "abort", "a/../b?c#d")
    assert [each.path for each in stub.asked] == ["/api/routes/a%2F..%2Fb%3Fc%23d/rollout/abort"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("status",),
        ("undo", "orders"),
        ("pause", "orders", "--full"),
        ("status", "orders", "--wait", "--timeout", "soon"),
        ("status", "orders", "--timeout", "5s"),
        ("status", "orders", "--revision", "2"),
    ],
)
def test_a_wrong_command_line_is_2(stub: AdminStub, run: Run, words: tuple[str, ...]) -> None:
    assert run("rollout", *words).status == 2
    assert stub.asked == []


class Clock:
    """Time that passes while the command sleeps, and only then."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.mark.parametrize(("phase", "status"), [("promoted", 0), ("aborted", 1)])
def test_wait_ends_with_the_rollout(
    stub: AdminStub, run: Run, clock: Clock, phase: str, status: int
) -> None:
    """Each step is said, not each reason; a gateway that restarts meanwhile does not end it."""
    stub.replies[f"GET {ORDERS}/rollout"] = [
        Reply(ROLLOUT),
        Reply(now(reason="133 of 200 messages")),
        Reply({"error": "no"}, 503),
        Reply(now(step=2)),
        Reply(now(phase=phase)),
    ]
    found = run("rollout", "status", "orders", "--wait")
    assert found.status == status
    assert found.out == f"{in_force(now(phase=phase))}\n"
    assert len(found.err.splitlines()) == 3
    assert clock.now == 4


def test_wait_for_a_revision_passes_over_the_rollout_before_it(
    stub: AdminStub, run: Run, clock: Clock
) -> None:
    """A pipeline asks before the new routing file has reached the gateway."""
    stub.replies[f"GET {ORDERS}/rollout"] = [
        Reply(now(phase="none", revision="")),
        Reply(now(phase="promoted", revision="1")),
        Reply(now(phase="promoted", revision="1")),
        Reply(now(phase="promoted", revision="2")),
    ]
    found = run("rollout", "status", "orders", "--wait", "--revision", "2")
    assert found.status == 0
    assert found.err.splitlines() == [
        "orders: waits for revision 2, has none",
        "orders: waits for revision 2, has 1",
    ]
    assert clock.now == 3


def test_wait_ends_after_its_timeout(stub: AdminStub, run: Run, clock: Clock) -> None:
    stub.reply("GET", f"{ORDERS}/rollout", ROLLOUT)
    found = run("rollout", "status", "orders", "--wait", "--timeout", "1m")
    assert (found.status, found.out) == (4, "")
    assert found.err.endswith("gateway rollout status: neither promoted nor aborted in time\n")
    assert clock.now == 60


@pytest.mark.parametrize(
    ("body", "status"), [(NOTHING, 200), ({"error": "no route has this name"}, 404), ("no", 401)]
)
def test_wait_does_not_wait_for_what_cannot_come(
    stub: AdminStub, run: Run, clock: Clock, body: object, status: int
) -> None:
    stub.reply("GET", f"{ORDERS}/rollout", body, status)
    found = run("rollout", "status", "orders", "--wait")
    assert (found.status, found.out) == (1, "")
    assert clock.now == 0


def test_weights_are_set(stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.getpass, "getuser", lambda: "ann")
    monkeypatch.setattr(module.socket, "gethostname", lambda: "pod-1")
    by_hand = now(phase="paused", override={"canary": 20, "stable": 80})
    stub.reply("PUT", f"{ORDERS}/weights", by_hand)
    found = run("weight", "orders", "canary=20", "stable=80%")
    assert (found.status, found.out) == (0, f"{in_force(by_hand)}\n")
    (asked,) = stub.asked
    assert (asked.path, asked.body) == (
        f"{ORDERS}/weights?by=ann%40pod-1",
        {"canary": 20, "stable": 80},
    )


def test_weights_are_taken_back(stub: AdminStub, run: Run) -> None:
    stub.reply("DELETE", f"{ORDERS}/weights", ROLLOUT)
    found = run("weight", "orders", "--clear", "--json")
    assert (found.status, json.loads(found.out)) == (0, ROLLOUT)
    assert stub.asked[0].body is None


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("canary",),
        ("canary=",),
        ("=5",),
        ("canary=5.5",),
        ("canary=-5",),
        ("canary=५",),
        ("canary=5", "canary=6"),
        ("canary=5", "--clear"),
    ],
)
def test_weights_that_are_none_are_2(stub: AdminStub, run: Run, words: tuple[str, ...]) -> None:
    found = run("weight", "orders", *words)
    assert (found.status, found.out) == (2, "")
    assert stub.asked == []
