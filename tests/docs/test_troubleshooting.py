"""The log events and texts that docs/troubleshooting.md quotes are the gateway's own."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.docs.generate import ROOT

PAGE: Final = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
SOURCE: Final = "\n".join(
    re.sub(r'"\s*\n\s*f?"', "", file.read_text("utf-8"))
    for file in sorted((ROOT / "gateway").rglob("*.py"))
)
TABLE: Final = PAGE.partition("## Other lines of the log")[2]
OTHERS: Final = re.findall(r"^\| ((?:`[^`]+`[, then]*)+) \|", TABLE, re.MULTILINE)
EVENTS: Final = sorted(
    {
        *re.findall(r"[Ee]vents?(?: are| is)? `([a-z][^`]+)`", PAGE),
        *(event for cell in OTHERS for event in re.findall(r"`([^`]+)`", cell)),
        "message rejected",
        "version works again",
    }
)
PHASES: Final = {"route is polling": "route is {phase}"}
"""A line that is put together, and how the source has it."""
TEXTS: Final = (
    "does not name the stable version",
    "must be visible ASCII without spaces or line breaks",
    "admin port: cannot listen on",
    "accepts loopback only, since GATEWAY_ADMIN_TOKEN is not set",
    "create it, or correct the routing file",
    "no connection to",
    "messages, more than max_depth",
    "not confirmed",
    "no complete response within",
    "without a response",
    "response is not HTTP/1.1",
)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_of_the_page_is_one_of_the_log(event: str) -> None:
    assert f'"{PHASES.get(event, event)}' in SOURCE


def test_there_are_events_to_look_at() -> None:
    assert len(EVENTS) > 15
    assert {"route failed", "version fails", "settlement failed"} <= set(EVENTS)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_of_the_page_is_the_gateway_s(text: str) -> None:
    assert text in SOURCE
    assert text in PAGE
