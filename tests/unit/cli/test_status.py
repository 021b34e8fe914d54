"""`gateway status`: the table, on a terminal and elsewhere."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli import status as module
from gateway.cli.status_table import status_lines
from gateway.cli.table import plain
from tests.fakes.admin_stub import RATES, ROLLOUT, Reply, route, routes, version
from tests.integration.children import clean_environment
from tests.integration.waiting import until

if TYPE_CHECKING:
    from tests.fakes.admin_stub import AdminStub
    from tests.unit.cli.conftest import Run

ESCAPE = "\x1b"


def judged(name: str = "orders", **rest: Any) -> dict[str, Any]:
    return route(name, rollout={**ROLLOUT, "route": name, **rest})


def table(*each: dict[str, Any], width: int | None = None) -> list[str]:
    return status_lines(routes(*each), width, plain)


def test_a_row_has_the_rollout_beside_what_is_seen() -> None:
    assert table(judged(), route("mail")) == [
        "ROUTE   PHASE        STEP  WEIGHT SET/SEEN  RATE  FAILED  IN FLIGHT  REASON",
        "orders  progressing  2/4   5/9.8 %          20/s     5 %      7/200  132 of 200 messages",
        "mail    -            -     10/9.8 %         20/s     5 %      7/200  -",
    ]


def test_weights_by_hand_are_said() -> None:
    by_hand = judged(override={"canary": 20}, weights={"canary": 20, "stable": 80}, phase="paused")
    assert table(by_hand)[1].endswith("  weights set by hand; 132 of 200 messages")
    unjudged = judged(override={"canary": 20}, phase="none", steps=[], reason="nothing judges it")
    assert table(unjudged)[1].endswith("  weights set by hand")


def test_several_versions_are_named_and_one_alone_has_no_weight() -> None:
    versions = [version("a", 0.8, None, stable=True), version("b", 0.15, None)]
    assert "  b 15/-, c 5/4 %  " in table(
        route(versions=[*versions, version("c", 0.05, 0.04)])
    )[1]  # fmt: skip
    assert "%" not in table(route(versions=versions[:1], rates=dict.fromkeys(RATES, 0.0)))[1]
    assert "  -/- %  " in table(route(versions=[versions[0], version("b", None, None)]))[1]  # type: ignore[arg-type]


def test_a_route_that_is_not_polled_says_why() -> None:
    row = table(route(phase="failed", why="no such queue"))[1]
    assert row.startswith("orders  failed ")
    assert row.endswith("  no such queue")


def topic(*partitions: tuple[int, bool, int], **rest: Any) -> dict[str, Any]:
    names = ("behind", "paused", "blocked")
    parts = [dict(zip(names, each, strict=True)) for each in partitions]
    return route(kafka={"topic": "orders", "group": "g", "partitions": parts}, **rest)


def test_a_topic_says_how_far_it_is_behind_and_what_stands_still() -> None:
    assert table(topic((0, False, 0)))[1].endswith("  0 behind in 1 partition")
    stopped = topic((10_000, True, 0), (10_000, True, 3), (7, False, 0))
    assert table(stopped)[1].endswith("  20,007 behind in 3 partitions, 2 paused, 1 blocked")
    by_hand = {**ROLLOUT, "override": {"canary": 20}, "reason": "held"}
    told = table(topic((5, False, 0), rollout=by_hand))[1]
    assert told.endswith("  5 behind in 1 partition; weights set by hand; held")


def test_a_topic_of_which_nothing_is_read_says_so_and_why() -> None:
    assert table(topic())[1].endswith("  no partitions")
    told = table(topic(last_error={"text": "receive: INCONSISTENT_GROUP_PROTOCOL", "time": "t"}))[1]
    assert told.endswith("  no partitions: receive: INCONSISTENT_GROUP_PROTOCOL")


def follows(**rest: Any) -> dict[str, Any]:
    usual = {"object": "VirtualService shop/b", "read": True, "found": True, "valid": True}
    return {**usual, "problem": "", "not_applied": "", **rest}


def test_a_route_that_follows_has_its_object_in_a_column_of_its_own() -> None:
    assert table(judged(reason="132", follow=None), route("mail", follow=follows())) == [
        "ROUTE   PHASE        STEP  WEIGHT SET/SEEN  RATE  FAILED  IN FLIGHT  FOLLOWS  REASON",
        "orders  progressing  2/4   5/9.8 %          20/s     5 %      7/200  -        132",
        "mail    -            -     10/9.8 %         20/s     5 %      7/200  shop/b   -",
    ]


@pytest.mark.parametrize(
    ("seen", "mark", "style"),
    [
        (follows(valid=False, problem="weight: -5"), "not valid", "bad"),
        (follows(read=False, valid=False, found=False), "not read", "attention"),
        (follows(found=False), "not found", "attention"),
        (follows(not_applied="none of its hosts"), "not applied", "attention"),
    ],
)
def test_an_object_that_does_not_decide_is_marked(
    seen: dict[str, Any], mark: str, style: str
) -> None:
    painted = []
    status_lines(
        routes(route(follow=seen)), None, lambda text, of: painted.append((text.strip(), of)) or ""
    )
    assert (f"shop/b ({mark})", style) in painted


def test_what_is_wrong_with_an_object_is_below_the_table_and_not_said_twice() -> None:
    refused = follows(valid=False, problem="weight: -5")
    unread = follows(read=False, valid=False, problem="403")
    waiting = route("mail", phase="starting", why="shop/b is not read: 403", follow=unread)
    elsewhere = route("bills", follow=follows(not_applied="none of its hosts"))
    assert table(route(follow=refused), waiting, elsewhere)[4:] == [
        "orders: VirtualService shop/b: weight: -5",
        "bills: VirtualService shop/b: none of its hosts",
    ]


def test_problems_are_below_the_table() -> None:
    told = routes(judged(problems=["its state is torn", "away"]), problems=["routes.yaml:4: x"])
    assert status_lines({**told, "state": {"problems": ["away"]}}, None, plain)[2:] == [
        "routing file: routes.yaml:4: x",
        "state: away",
        "orders: its state is torn",
    ]


def test_nothing_that_the_gateway_says_steers_the_terminal() -> None:
    evil = judged(reason=f"{ESCAPE}[2Jgone\nand more", problems=[f"{ESCAPE}]0;x\x07"])
    assert not any(set("\x1b\n\x07") & set(line) for line in table(evil))


def test_no_line_is_wider_than_the_terminal() -> None:
    """Route, phase and weight are the last to go."""
    long = judged(reason="the canary failed 7 of 43, stable 2 of 4,210 of the same time")
    for width in range(1, 130):
        lines = table(long, route("mail"), width=width)
        assert max(map(len, lines)) <= width
        if width >= 36:
            assert re.match("orders  progressing .* 5/9.8 %", lines[1])


def test_a_narrow_terminal_gives_the_reason_a_line_of_its_own() -> None:
    assert table(judged(), width=60) == [
        "ROUTE   PHASE        STEP  WEIGHT SET/SEEN  RATE  FAILED",
        "orders  progressing  2/4   5/9.8 %          20/s     5 %",
        "  132 of 200 messages",
    ]


def test_a_wide_one_cuts_the_reason() -> None:
    assert table(judged(), width=85)[1].endswith("7/200  132 of 200 me...")


def test_the_table_is_printed_without_colours_where_no_terminal_is(
    stub: AdminStub, run: Run
) -> None:
    stub.reply("GET", "/api/routes", routes(route(), route("mail")))
    stub.reply("GET", "/api/routes/orders/rollout", ROLLOUT)
    found = run("status")
    assert (found.status, found.err) == (0, "")
    assert ESCAPE not in found.out
    assert found.out.splitlines() == table(judged(), route("mail"))


def test_json_has_each_routes_whole_rollout(stub: AdminStub, run: Run) -> None:
    stub.reply("GET", "/api/routes", routes(route(rollout={"phase": "idle"})))
    stub.reply("GET", "/api/routes/orders/rollout", ROLLOUT)
    assert json.loads(run("status", "--json").out) == routes(judged())


def test_names_are_the_names_alone(stub: AdminStub, run: Run) -> None:
    stub.reply("GET", "/api/routes", routes(route(), route("mail")))
    assert run("status", "--names").out == "orders\nmail\n"
    assert len(stub.asked) == 1


@pytest.mark.parametrize("words", [("--watch", "0"), ("--watch", "x"), ("--json", "--names")])
def test_a_wrong_command_line_is_2(run: Run, words: tuple[str, ...]) -> None:
    assert run("status", *words).status == 2


@pytest.fixture
def thrice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a watch end in its third sleep."""
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise SystemExit(130)

    monkeypatch.setattr(module.time, "sleep", sleep)


@pytest.mark.usefixtures("thrice")
def test_watch_prints_frame_after_frame_where_no_terminal_is(stub: AdminStub, run: Run) -> None:
    """A gateway that restarts does not end it."""
    stub.replies["GET /api/routes"] = [Reply(routes()), Reply("no", 503), Reply(routes())]
    found = run("status", "--watch", "1s")
    assert found.status == 130
    assert found.out == "no routes\nno routes\n"
    assert found.err.startswith("gateway status: the gateway at http://127.0.0.1:")


@pytest.mark.usefixtures("thrice")
def test_watch_in_json_is_json_lines(stub: AdminStub, run: Run) -> None:
    stub.replies["GET /api/routes"] = [Reply(routes()), Reply("no", 503), Reply(routes())]
    found = run("status", "--watch", "1", "--json")
    assert [json.loads(line) for line in found.out.splitlines()] == [routes(), routes()]
    assert "(503)" in found.err


class Terminal:
    """`gateway status WORDS` on a terminal of 70 columns; what it prints is read as it comes."""

    def __init__(self, stub: AdminStub, *words: str, **environment: str) -> None:
        self.text = ""
        self._reads, writes = pty.openpty()
        termios.tcsetwinsize(writes, (24, 70))
        os.set_blocking(self._reads, False)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "status", *words],
            stdin=writes,
            stdout=writes,
            stderr=writes,
            env={**clean_environment(), "GATEWAY_ADMIN_PORT": str(stub.port), **environment},
        )
        os.close(writes)

    def read(self) -> str:
        """Return all that was printed so far."""
        while True:
            try:
                more = os.read(self._reads, 65_536)
            except (BlockingIOError, OSError):  # nothing yet; the terminal is closed
                return self.text
            if not more:
                return self.text
            self.text += more.decode()

    def close(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        os.close(self._reads)


@pytest.mark.skipif(not hasattr(termios, "tcsetwinsize"), reason="this Python sets no sizes")
@pytest.mark.parametrize(
    ("environment", "style"),
    [
        ({"TERM": "xterm"}, f"{ESCAPE}[1;31m"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, ""),
        ({"TERM": "xterm", "NO_COLOR": ""}, f"{ESCAPE}[1;31m"),
        ({"TERM": "dumb"}, ""),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    stub: AdminStub, environment: dict[str, str], style: str
) -> None:
    stub.reply("GET", "/api/routes", routes(route()))
    stub.reply("GET", "/api/routes/orders/rollout", {**ROLLOUT, "phase": "aborted"})
    terminal = Terminal(stub, **environment)
    try:
        until(lambda: "messages" in terminal.read(), "the table")
        assert f"  {style}aborted" in terminal.text
        assert (ESCAPE in terminal.text) is bool(style)
        plainly = re.sub(rf"{ESCAPE}\[[\d;]*m", "", terminal.text)
        assert max(map(len, plainly.splitlines())) <= 70
    finally:
        terminal.close()


@pytest.mark.skipif(not hasattr(termios, "tcsetwinsize"), reason="this Python sets no sizes")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_watch_is_drawn_over_itself_and_ends_quietly(
    stub: AdminStub, number: signal.Signals, status: int
) -> None:
    stub.reply("GET", "/api/routes", routes(route()))
    stub.reply("GET", "/api/routes/orders/rollout", ROLLOUT)
    terminal = Terminal(stub, "--watch", "200ms", TERM="xterm")
    try:
        until(lambda: terminal.read().count(f"{ESCAPE}[H") >= 3, "the third frame")
        assert terminal.text.count(f"{ESCAPE}[2J") == 1
        terminal.process.send_signal(number)
        assert terminal.process.wait(30) == status
        assert "Traceback" not in terminal.read()
    finally:
        terminal.close()
