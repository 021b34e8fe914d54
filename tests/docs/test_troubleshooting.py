"""The log events and texts that docs/troubleshooting.md quotes are the gateway's own."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest

from gateway.runtime.parts import GROUPLESS
from gateway.runtime.redrive_warnings import NO_POLICY
from tests.docs.generate import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
SOURCE: Final = "\n".join(
    re.sub(r'"\s*\n\s*f?"', "", file.read_text("utf-8"))
    for file in sorted((ROOT / "gateway").rglob("*.py"))
)
PLACEHOLDERS: Final = re.compile(
    r"HOST:PORT|\b[NM]\b|\bNAME\b|\b[A-Z_]{8,}\b|\b\d[\d.:]*\b|\.\.\.|\"[^\"]*\"|\bstable\b"
    r"|^\S+\.yaml:\d+: [^:]*|a line end at its end|a blank\b|: |\("
)
"""What stands for a name or a number, or between texts, which the source puts together."""
TABLE: Final = PAGE.partition("## Other lines of the log")[2]
OTHERS: Final = re.findall(r"^\| ((?:`[^`]+`[, then]*)+) \|", TABLE, re.MULTILINE)
EVENTS: Final = sorted(
    {
        *re.findall(r"[Ee]vents?(?: are| is)? `([a-z][^`]+)`", PAGE),
        *(
            event
            for cell in OTHERS
            for event in re.findall(r"`([^`]+)`", cell)
            if not PLACEHOLDERS.search(event)
        ),
        "message rejected",
        "version works again",
    }
)
PHASES: Final = {"route is polling": "route is {phase}"}
"""A line that is put together, and how the source has it."""
CELLS: Final = re.findall(r"^\| (.*?) \| ", PAGE, re.MULTILINE)
QUOTED: Final = sorted(
    {
        text
        for cell in CELLS
        for text in re.findall(r"`([^`]+)`", cell)
        if " " in text and not re.match(r"(?:GET|POST|status) |[\w-]+: \w+$", text)
    }
)
OF_OTHERS: Final = (
    "NoRegionError: You must specify a region.",
    "NonExistentQueue: The specified queue does not exist.",
    "Could not connect to the endpoint URL",
    "Address already in use",
    "Connection refused",
    "Name or service not known",
)
"""Texts of SQS, of its SDK and of the system."""
DYNAMIC: Final = {"unclean", "warning", "event.what"}
"""Arguments that are no text; their texts are those of `WARNINGS`."""
WARNINGS: Final = (
    NO_POLICY[0],
    GROUPLESS[0],
    "before fallback.after_receives",
    "used without",
    "it is read from its",
    "records cannot be parked",
    "commit: ",
    "is not read since",
    "has a record that was rejected",
    "go to",
    "is assigned to this gateway",
    "no effect",
)


def logged() -> Iterator[str]:
    """Yield what is logged as a warning or an error."""
    for file in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(ast.Attribute(attr="warning" | "error" | "exception"), [first, *_]):
                    text = first.value if isinstance(first, ast.Constant) else ast.unparse(first)
                    yield str(text)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_of_the_page_is_one_of_the_log(event: str) -> None:
    assert f'"{PHASES.get(event, event)}' in SOURCE


def test_there_are_events_to_look_at() -> None:
    assert len(EVENTS) > 15
    assert {"route failed", "version fails", "settlement failed"} <= set(EVENTS)


def pieces(text: str) -> list[str]:
    """Return what is left of a quoted text between its names and numbers."""
    text = PHASES.get(text, text)
    for other in OF_OTHERS:
        text = text.replace(other, "...")
    return [piece.strip(" :,;()?`") for piece in PLACEHOLDERS.split(text)]


@pytest.mark.parametrize("text", QUOTED)
def test_a_text_of_the_page_is_the_gateway_s(text: str) -> None:
    assert [piece for piece in pieces(text) if piece not in SOURCE] == []


def test_there_are_texts_to_look_at() -> None:
    assert len(QUOTED) > 25
    assert "unreachable: no connection to HOST:PORT: Connection refused" in QUOTED


def test_a_text_that_is_not_the_gateway_s_would_be_noticed() -> None:
    """The test above can fail."""
    assert [piece for piece in pieces("another route has the queue") if piece not in SOURCE]


@pytest.mark.parametrize("text", [*sorted({*logged()} - DYNAMIC), *WARNINGS])
def test_a_warning_of_the_log_is_on_the_page(text: str) -> None:
    assert text in PAGE
