"""Which context a message came with, and how it goes out with another."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.messages.trace_context import (
    TraceContext,
    context_of,
    in_context,
    parse_traceparent,
    parse_xray,
)
from tests.builders import message

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
XRAY = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=1"
OUT = TraceContext(TRACE, "00f067aa0ba902b7", sampled=True)


@pytest.mark.parametrize(
    ("text", "sampled", "flags"),
    [
        (PARENT, True, 1),
        (f"00-{TRACE}-{SPAN}-00", False, 0),
        (f"00-{TRACE}-{SPAN}-03", True, 3),
        (f"00-{TRACE}-{SPAN}-02", False, 2),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", True, 1),
    ],
)
def test_a_traceparent_is_read(text: str, *, sampled: bool, flags: int) -> None:
    assert parse_traceparent(text) == TraceContext(TRACE, SPAN, sampled, flags)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        PARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"{PARENT}\n",
        f" {PARENT}",
    ],
)
def test_an_invalid_traceparent_is_none(text: str) -> None:
    assert parse_traceparent(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (XRAY, TraceContext(TRACE, SPAN, sampled=True)),
        (XRAY.replace("Sampled=1", "Sampled=0"), TraceContext(TRACE, SPAN, sampled=False)),
        (XRAY.replace("Sampled=1", "Sampled=?"), TraceContext(TRACE, SPAN, sampled=None)),
        (f"Root=1-{TRACE[:8]}-{TRACE[8:]}", TraceContext(TRACE, "", sampled=None)),
        (f"Self=1-2; {XRAY};Lineage=a:1", TraceContext(TRACE, SPAN, sampled=True)),
        ("Root=nonsense;Sampled=1", None),
        ("", None),
    ],
)
def test_a_header_of_x_ray_is_read(text: str, expected: TraceContext | None) -> None:
    assert parse_xray(text) == expected


@pytest.mark.parametrize(
    ("attributes", "trace_header", "expected"),
    [
        ({}, None, None),
        ({"TraceParent": PARENT}, None, TraceContext(TRACE, SPAN, sampled=True)),
        ({}, XRAY, TraceContext(TRACE, SPAN, sampled=True)),
        (
            {"traceparent": f"00-{'a' * 32}-{SPAN}-00"},
            XRAY,
            TraceContext("a" * 32, SPAN, sampled=False, flags=0),
        ),
        ({"traceparent": "broken"}, XRAY, TraceContext(TRACE, SPAN, sampled=True)),
        ({"traceparent": PARENT.encode()}, None, None),
        (
            {"traceparent": PARENT, "tracestate": "a=1"},
            None,
            TraceContext(TRACE, SPAN, sampled=True, state="a=1"),
        ),
    ],
)
def test_a_valid_traceparent_wins_over_x_ray(
    attributes: Any, trace_header: str | None, expected: TraceContext | None
) -> None:
    assert context_of(message(attributes=attributes, trace_header=trace_header)) == expected


def test_a_message_goes_out_in_another_context() -> None:
    """What else it has stays; names keep their case, and attributes their order."""
    given = message(
        "[1]",
        attributes={"a": "1", "TraceParent": PARENT, "z": 2},
        trace_header=f"{XRAY};Lineage=x",
    )
    made = in_context(given, OUT)
    assert list(made.attributes) == ["a", "TraceParent", "z"]
    assert made.text("traceparent") == f"00-{TRACE}-00f067aa0ba902b7-01"
    assert made.trace_header == XRAY.replace(SPAN, OUT.span_id) + ";Lineage=x"
    assert (made.body, made.message_id) == (given.body, given.message_id)


def test_a_tracestate_of_no_context_is_left_out() -> None:
    given = message(attributes={"tracestate": "a=1"}, trace_header="Root=1-5759e988-bd862e3fe1be")
    made = in_context(given, OUT)
    assert list(made.attributes) == ["traceparent"]
    assert made.trace_header == given.trace_header
