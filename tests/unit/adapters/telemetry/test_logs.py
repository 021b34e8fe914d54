"""How log lines look, whatever is in them."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from gateway.adapters.telemetry.log_observer import LogObserver
from gateway.adapters.telemetry.log_throttle import SharedThrottles
from gateway.adapters.telemetry.logs import configure
from gateway.core.delivery.disposition import Broken, Unreachable
from gateway.core.events import (
    Action,
    AttributesDropped,
    DeliveryCrashed,
    Event,
    Outcome,
    Phase,
    PhaseChanged,
    ReceiveFailed,
    Reloaded,
    ReloadFailed,
    SettlementFailed,
)
from gateway.core.printable import printable
from tests.builders import route
from tests.unit.adapters.fakes import delivered

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGED = "2026-01-01T00:00:00Z [info     ] all is well"

HOSTILE = [
    f"x\n{FORGED}",
    f"x\r\n{FORGED}",
    f"x\r{FORGED}",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b2J",
    f"x\u2028{FORGED}",
    f"x\x85{FORGED}",
    f"x\x0b{FORGED}\x0c",
    "\u202eesrever",
    "nul\x00 del\x7f backspace\x08",
    "lone \udc80 surrogate",
    "quotes ' \" and \\ = {json}",
    '"}\n{"level":"info"}',
]

TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[(info|warning|error) +\] \S.*")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("gateway")
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def text() -> io.StringIO:
    stream = io.StringIO()
    configure("info", "text", stream)
    return stream


@pytest.fixture
def as_json() -> io.StringIO:
    stream = io.StringIO()
    configure("info", "json", stream)
    return stream


def objects(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]


def events_saying(words: str) -> list[Event]:
    """Return one fact of every kind that makes a line, each with the words wherever text can be."""
    return [
        PhaseChanged("orders", Phase.FAILED, words),
        ReceiveFailed("orders", words),
        delivered(Outcome.RETRY, Broken(words), message_id=words),
        delivered(Outcome.REJECT, Unreachable(words), message_id=words),
        SettlementFailed("orders", Action.DELETE, words),
        AttributesDropped("orders", words, (words, words)),
        DeliveryCrashed("orders", words, RuntimeError(words)),
        Reloaded(2, (words,), (words,), (words,)),
        ReloadFailed(2, (words, words)),
    ]


def tell(words: str) -> None:
    observer = LogObserver()
    for event in events_saying(words):
        observer.observe(event)
    structlog.stdlib.get_logger("gateway.admin").warning("said", words=words, nested={"a": [words]})
    logging.getLogger("aiohttp.server").warning("library says %s", words)
    error = KeyError(words)
    logging.getLogger("asyncio").error("task failed: %s", words, exc_info=error)


# ---- hostile text -------------------------------------------------------------------------------


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
def test_text_lines_are_ours_alone_and_print_as_they_are(text: io.StringIO, words: str) -> None:
    """Every line is one we began, or one below it; none has anything that a terminal obeys."""
    tell(words)
    lines = text.getvalue().split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert line.isprintable(), ascii(line)
        assert line.startswith("    | ") or TEXT_LINE.fullmatch(line), line
    assert sum(not line.startswith("    | ") for line in lines) == len(events_saying("")) + 3
    assert not any(line.startswith(FORGED) for line in lines)


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
def test_json_lines_are_one_object_each_and_give_the_text_back(
    as_json: io.StringIO, words: str
) -> None:
    tell(words)
    raw = as_json.getvalue()
    assert all(line.isprintable() and line.isascii() for line in raw.split("\n"))
    found = objects(as_json)
    assert len(found) == len(events_saying("")) + 3
    for line in found:
        assert list(line)[:3] == ["timestamp", "level", "event"]
    assert found[0]["why"] == words
    assert found[2]["message_id"] == words
    assert found[8]["problems"] == [words, words]
    assert found[10]["event"] == f"library says {words}"


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
def test_printable_text_stays_and_all_else_is_escaped(words: str) -> None:
    assert printable(words).isprintable()
    assert printable(printable(words)) == printable(words)


def test_printable_leaves_plain_text_alone() -> None:
    assert printable("Grüße, 世界 \\n 'x'") == "Grüße, 世界 \\n 'x'"


def test_printable_escapes_as_python_does() -> None:
    assert printable("a\x1bb\nc\u202ed\udc80") == r"a\x1bb\nc\u202ed\udc80"


# ---- form ---------------------------------------------------------------------------------------


def test_a_text_line_reads_time_level_event_fields(text: io.StringIO) -> None:
    LogObserver().observe(ReceiveFailed("orders", "no answer"))
    words = text.getvalue().split()
    assert words[1:3] == ["[warning", "]"]
    assert text.getvalue().endswith("[gateway] route='orders' why='no answer'\n")


def test_problems_stand_below_their_line_in_text(text: io.StringIO) -> None:
    LogObserver().observe(ReloadFailed(7, ("routes.yaml:4: a", "routes.yaml:6: b")))
    first, *below = text.getvalue().splitlines()
    assert "the last good one stays in force" in first
    assert "generation=7" in first
    assert below == ["    | routes.yaml:4: a", "    | routes.yaml:6: b"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_crash_comes_with_its_traceback(form: Any) -> None:
    stream = io.StringIO()
    configure("info", form, stream)
    with pytest.raises(ZeroDivisionError) as crash:
        LogObserver(SharedThrottles(lambda: 1 / 0)).observe(ReceiveFailed("orders", "x"))
    LogObserver().observe(DeliveryCrashed("orders", "m-1", crash.value))
    assert "Traceback (most recent call last)" in stream.getvalue()
    assert "test_a_crash_comes_with_its_traceback" in stream.getvalue()
    assert "ZeroDivisionError" in stream.getvalue()


def test_json_has_the_time_in_utc_the_level_and_snake_case_fields(as_json: io.StringIO) -> None:
    observer = LogObserver(route=route())
    observer.observe(PhaseChanged("orders", Phase.FAILED, "no such queue"))
    (line,) = objects(as_json)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("timestamp"))
    assert "sqs:ReceiveMessage" in line.pop("what_to_do")
    assert line == {
        "level": "error",
        "event": "route failed",
        "route": "orders",
        "queue": "orders",
        "why": "no such queue",
        "logger": "gateway",
    }


def test_colours_are_for_terminals_alone(text: io.StringIO) -> None:
    LogObserver().observe(Reloaded(1))
    assert "\x1b" not in text.getvalue()
    terminal = Terminal()
    configure("info", "text", terminal)
    LogObserver().observe(Reloaded(1))
    assert "\x1b[" in terminal.getvalue()


def test_json_has_no_colours_on_a_terminal_either() -> None:
    terminal = Terminal()
    configure("info", "json", terminal)
    LogObserver().observe(Reloaded(1))
    assert "\x1b" not in terminal.getvalue()


def test_stderr_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    LogObserver().observe(Reloaded(4))
    captured = capsys.readouterr()
    assert json.loads(captured.err)["generation"] == 4
    assert captured.out == ""


# ---- levels and libraries -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "lines"), [("debug", 2), ("INFO", 2), ("warning", 1), ("error", 0)]
)
def test_the_level_is_that_of_the_gateways_own_lines(level: str, lines: int) -> None:
    stream = io.StringIO()
    configure(level, "json", stream)
    LogObserver().observe(Reloaded(1))
    LogObserver().observe(ReceiveFailed("orders", "x"))
    assert len(objects(stream)) == lines


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
@pytest.mark.parametrize("name", ["botocore", "aiobotocore", "aiohttp.server", "asyncio"])
def test_libraries_warn_and_never_chat(level: str, name: str) -> None:
    """botocore's DEBUG lines have signed headers in them."""
    stream = io.StringIO()
    configure(level, "json", stream)
    library = logging.getLogger(name)
    library.debug("Authorization: secret")
    library.info("chat")
    library.warning("trouble")
    assert [(line["event"], line["logger"]) for line in objects(stream)] == [("trouble", name)]


def test_at_error_libraries_do_not_warn_either() -> None:
    stream = io.StringIO()
    configure("error", "json", stream)
    logging.getLogger("botocore").warning("trouble")
    assert stream.getvalue() == ""


def test_python_warnings_are_lines_too(as_json: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)  # catch_warnings has put its own hook in front
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    (line,) = objects(as_json)
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")


def test_configuring_again_replaces_and_does_not_double(text: io.StringIO) -> None:
    again = io.StringIO()
    configure("info", "json", again)
    LogObserver().observe(Reloaded(1))
    assert text.getvalue() == ""
    assert len(objects(again)) == 1


def test_an_unknown_level_is_refused_before_anything_changes(text: io.StringIO) -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure("loud", "json", io.StringIO())
    LogObserver().observe(Reloaded(1))
    assert text.getvalue() != ""
