"""What a person reads: ASCII lines of at most 100 columns, and names where something is wrong."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from gateway.demo.addresses import SIDECARS, USUAL, Addresses
from gateway.demo.audit import audit
from gateway.demo.checks import Check
from gateway.demo.output import Output
from tests.unit.demo.audits import WEIGHTS, good_run, order, sighting

WIDE = 100


class Printed:
    """A Show that prints into `text`, on something as narrow as can be that is no terminal."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        self.output = Output(Console(file=self._file, width=40, highlight=False, emoji=False))

    @property
    def text(self) -> str:
        return self._file.getvalue()


@pytest.fixture
def printed() -> Printed:
    return Printed()


def test_the_environment_is_printed_with_every_address_and_weight(printed: Printed) -> None:
    printed.output.environment(Addresses(USUAL), WEIGHTS)
    for part in ("90% v1", "10% v2", "http://127.0.0.1:8080/ ", "http://127.0.0.1:18101/orders"):
        assert part in printed.text
    assert "taken" not in printed.text


def test_a_port_of_another_process_is_named(printed: Printed) -> None:
    printed.output.environment(Addresses({**USUAL, "B1": 40_000}), WEIGHTS)
    (line,) = (line for line in printed.text.splitlines() if "taken" in line)
    assert "http://127.0.0.1:40000/events" in line
    assert "(18112 is taken)" in line


def test_each_path_is_a_row_with_its_share(printed: Printed) -> None:
    orders, sightings = good_run()
    pinned = order(500, "v2", pin="v2")
    printed.output.audit(audit([*orders, pinned], [*sightings, sighting(pinned)], WEIGHTS))
    rows = [line.split() for line in printed.text.splitlines() if line.startswith("  A-")]
    times = ["10", "ms"] * 3
    assert rows == [
        ["A-B-C-D", "90", "90.0%", "90%", "0", "90", *times],
        ["A-B1-C1-D", "10", "10.0%", "10%", "1", "11", *times],
    ]
    assert "1 to v2" in printed.text


def test_a_path_that_should_not_be_has_no_share(printed: Printed) -> None:
    one = order(1)
    printed.output.audit(audit([one], [sighting(one, ("A", "B", "C1", "D"))], WEIGHTS))
    assert ["A-B-C1-D", "1", "-", "-", "0", "1"] in [
        line.split()[:6] for line in printed.text.splitlines()
    ]


def test_messages_and_requests_have_rows_of_their_own(printed: Printed) -> None:
    account = audit(*good_run(), WEIGHTS)
    printed.output.audit(account, account)
    lines = [line.split()[0] for line in printed.text.splitlines() if line.startswith("  ")]
    one = ["A-B-C-D", "A-B1-C1-D"]
    assert lines[1:7] == ["messages,", *one, "requests,", *one]


def test_with_envoy_the_environment_has_the_address_of_requests(printed: Printed) -> None:
    printed.output.environment(Addresses(USUAL | SIDECARS), WEIGHTS)
    assert "http://127.0.0.1:18101/orders/now " in printed.text
    assert "http://127.0.0.1:18200/ " in printed.text


def test_orders_that_are_given_up_are_said(printed: Printed) -> None:
    printed.output.stalled(3)
    assert "3 never arrived at D" in printed.text


def test_a_failed_check_names_the_first_ten_orders(printed: Printed) -> None:
    names = [f"order-{number}" for number in range(12)]
    printed.output.checks([Check(good=False, name="lost", text="12", orders=names)])
    assert "FAIL  lost" in printed.text
    assert "order-0, order-1" in printed.text
    assert "order-9 and 2 more" in printed.text
    assert "order-10" not in printed.text


def test_a_check_that_held_says_ok(printed: Printed) -> None:
    printed.output.checks([Check(good=True, name="queue", text="empty")])
    assert printed.text == "  ok    queue      empty\n"


@pytest.mark.parametrize(("good", "word"), [(True, "PASS"), (False, "FAIL")])
def test_the_last_line_is_the_verdict(printed: Printed, word: str, *, good: bool) -> None:
    printed.output.end(good=good, messages=2_000)
    assert printed.text.strip().startswith(word)


def test_a_failure_has_the_last_lines_of_the_process(printed: Printed) -> None:
    printed.output.failure("B ended", ["Traceback", "OSError: [Errno 98]"])
    assert printed.text == "FAIL: B ended\n  | Traceback\n  | OSError: [Errno 98]\n"


def test_what_there_is_to_try_can_be_copied_in_one_piece(printed: Printed) -> None:
    printed.output.running(Addresses(USUAL), Path("/tmp/demo/routes.yaml"))
    assert (
        "  curl -d '{\"order\": \"mine\"}' -H 'version: v2' http://127.0.0.1:18101/orders\n"
        "  curl http://127.0.0.1:18104/paths/mine\n"
    ) in printed.text
    assert "  /tmp/demo/routes.yaml\n" in printed.text


def test_everything_is_ascii_and_no_line_is_too_wide(printed: Printed) -> None:
    output = printed.output
    orders, sightings = good_run()
    output.title()
    output.environment(Addresses(dict.fromkeys(USUAL, 65_535)), WEIGHTS)
    output.audit(audit(orders, sightings, WEIGHTS))
    output.environment(Addresses(dict.fromkeys(USUAL | SIDECARS, 65_535)), WEIGHTS)
    output.end(good=True, messages=2_000)
    output.end(good=True, messages=2_000, with_requests=True)
    output.running(Addresses(USUAL), Path("routes.yaml"))
    output.running(Addresses(USUAL | SIDECARS), Path("routes.yaml"))
    output.stopped()
    assert printed.text.isascii()
    assert max(map(len, printed.text.splitlines())) <= WIDE
